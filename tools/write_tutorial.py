"""Runs every command of the tutorial; writes what it printed and drew to docs/tutorial/output and images.

    .venv/bin/dlstream-env python tools/write_tutorial.py [--quick]

Takes about two minutes, as two of the commands run a rig; `--quick` leaves out those and what follows from them.
`dlstream/test/test_tutorial.py` runs the quick ones and says where the pages show something else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import write_includes

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "tutorial"
OUTPUT, IMAGES, FILES = PAGES / "output", PAGES / "images", PAGES / "files"
WIDTH = 84
SHOWN = "/home/you/my_rig"  # in place of the temporary folder


@dataclass(frozen=True)
class Step:
    """One command of the tutorial. `SESSION` in it is the newest session.

    Attributes:
        same: it prints the same each time, whatever ran before.
        mistake: file, what stands there, and what is typed by mistake, for this step alone.
    """

    name: str
    command: str
    same: bool = True
    mistake: tuple[str, str, str] | None = None


STEPS = [
    Step("new", "dlstream experiment new experiment.yaml --template demo"),
    Step("check", "dlstream check rig.yaml"),
    Step("mistake", "dlstream check rig.yaml", mistake=("rig.yaml", "fps", "fsp")),
    Step("run", "dlstream run rig.yaml --seconds 20", same=False),
    Step("session", "ls SESSION", same=False),
    Step("light_check", "dlstream experiment check light.yaml --rig rig_light.yaml --out pictures"),
    Step("light_mistake", "dlstream check rig_light.yaml", mistake=("light.yaml", "neck", "nekc")),
    Step("light_run", "dlstream run rig_light.yaml --seconds 30", same=False),
    Step("replay", "dlstream replay SESSION", same=False),
    Step("what_if", "dlstream replay SESSION --set triggers.in_left.dwell=1", same=False),
    Step("analyze", "dlstream analyze SESSION/top.mkv --rig rig_light.yaml --out analysis", same=False),
]
PICTURES = {  # of the folder in which the commands ran
    "overlay.png": "first/overlay.png",
    "latency.png": "first/latency.png",
    "states.png": "pictures/light.states.png",
    "regions.png": "pictures/light.regions.top.png",
}


def prepare(folder: Path) -> None:
    """What the reader has copied before the first command."""
    for file in FILES.glob("*.yaml"):
        shutil.copy(file, folder)
    shutil.copy(ROOT / "config" / "networks" / "demo_mouse.onnx", folder / "mouse.onnx")
    for picture in ("stripes.png", "checkers.png"):
        shutil.copy(ROOT / "config" / "images" / picture, folder)


def newest_session(folder: Path) -> str:
    """The newest session below the folder; empty where there is none."""
    sessions = sorted((folder / "sessions").glob("*"))
    return f"sessions/{sessions[-1].name}" if sessions else ""


def printed(step: Step, folder: Path) -> str:
    """The command as one types it, and all that it prints, as a terminal shows it."""
    command = step.command.replace("SESSION", newest_session(folder))
    right = ""
    if step.mistake is not None:
        name, old, new = step.mistake
        right = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(right.replace(old, new, 1), encoding="utf-8")
    done = subprocess.run(
        command.split(),
        cwd=folder,
        env={**os.environ, "COLUMNS": str(WIDTH), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if step.mistake is not None:
        (folder / step.mistake[0]).write_text(right, encoding="utf-8")
    if (done.returncode != 0) != (step.mistake is not None):
        raise SystemExit(f"{command}: ended with {done.returncode}\n{done.stdout}")
    lines = done.stdout.replace(str(folder), SHOWN).replace(str(ROOT), "/home/you/dlstream").splitlines()
    return "\n".join(line.rstrip() for line in [f"$ {command}", *lines]).rstrip() + "\n"


def main(quick: bool) -> None:
    """Runs the commands of the tutorial and writes what they print."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        prepare(folder)
        for step in [step for step in STEPS if step.same or not quick]:
            text = printed(step, folder)
            (OUTPUT / f"{step.name}.txt").write_text(text, encoding="utf-8")
            print(text)
            if step.name == "run":
                shutil.copytree(folder / newest_session(folder), folder / "first")
        for name, source in PICTURES.items():
            if (folder / source).exists():
                shutil.copy(folder / source, IMAGES / name)
    write_includes.main()


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
