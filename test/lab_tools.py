"""The example of parts of one's own, docs/examples/lab_parts: installed, and with a folder that its rig runs in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "docs" / "examples" / "lab_parts"
PROGRAM = "import sys; from dlstream.cli.main import main; sys.exit(main())"
PATIENCE = 300

Command = Callable[..., str]


def command_in(folder: Path, *paths: Path, program: str = PROGRAM) -> Command:
    """Runs the command line in a folder, with more to import; gives what it printed."""
    path = os.pathsep.join([*map(str, paths), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "300"}

    def command(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    return command


def install_example(folder: Path) -> Path:
    """Installs the example package, by pip and from a copy outside of the tree; where it is importable."""
    shutil.copytree(EXAMPLE, folder / "source")
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation", "--no-deps"]
    words += ["--disable-pip-version-check", "--target", str(folder / "site"), str(folder / "source")]
    subprocess.run(words, check=True, timeout=PATIENCE)
    return folder / "site"


def make_lab(folder: Path, laps: int = 40) -> Path:
    """The example's rig, with images of a lamp that passes the spout once a lap, and a file for a serial port.

    The experiment ends the rig after two rewards, however late it began: the other laps are for slow machines, as is
    the minute for what comes late.
    """
    for file in ("rig.yaml", "experiment.yaml", "lamp.json"):
        shutil.copy(EXAMPLE / file, folder)
    change(folder / "rig.yaml", "port: port}", "port: port, commander_timeout: 60, max_command_age: 60}")
    with (folder / "experiment.yaml").open("a") as experiment:
        experiment.write("max_age: 60\npose_timeout: 60\n")
    (folder / "images").mkdir()
    path = range(40, 280, 8)
    for number, x in enumerate(path):
        image = np.full((120, 320, 3), 40, np.uint8)
        cv2.circle(image, (x, 60), 4, (255, 255, 255), -1)
        cv2.imwrite(str(folder / "images" / f"{number:04}.png"), image)
        for lap in range(1, laps):
            (folder / "images" / f"{lap * len(path) + number:04}.png").symlink_to(f"{number:04}.png")
    (folder / "port").touch()
    return folder


def change(file: Path, old: str, new: str) -> int:
    """Replaces a text that occurs once; its line."""
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1
