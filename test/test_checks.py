"""The project's own checks: a commit's message, and the contract against import circles."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[1] / "tools"


def checked(tmp_path: Path, message: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "COMMIT_EDITMSG"
    file.write_text(message)
    command = [sys.executable, TOOLS / "check_commit_message.py", file]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "message",
    [
        "a" * 60,
        "Network cameras: one bad frame is lost\n\nA cut stream returns, since the decoder begins again.\n",
        "Merge branch 'a branch whose name is so long that no subject of sixty letters could hold it'",
        "\n# what git wrote\nShort\n\n# ------------------------ >8 ------------------------\ndiff" + " x" * 90,
        "Short\n\nhttps://example.org/" + "a" * 200,
    ],
)
def test_commit_messages_that_are_accepted(tmp_path: Path, message: str):
    done = checked(tmp_path, message)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("a" * 61, "found a subject of 61 letters; expected at most 60"),
        ("Short.\n", "full stop"),
        ("Short\nbody at once\n", "expected an empty line between subject and body"),
        ("Short\n\n" + "word " * 30, "found a line of 149 letters"),
        ("# nothing but what git wrote\n", "found no subject"),
    ],
)
def test_commit_messages_that_are_refused(tmp_path: Path, message: str, expected: str):
    done = checked(tmp_path, message)
    assert done.returncode == 1
    assert expected in done.stderr


def contract(tmp_path: Path, **files: str) -> subprocess.CompletedProcess[str]:
    """The contract's word on a package of these modules."""
    package = tmp_path / "house"
    package.mkdir()
    for name, text in {"__init__": "", **files}.items():
        (package / f"{name}.py").write_text(text)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.importlinter]\nroot_packages = ["house"]\n'
        'contract_types = ["no_circles: import_contracts.NoCircles"]\n'
        '[[tool.importlinter.contracts]]\nname = "No circles"\ntype = "no_circles"\n'
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{TOOLS}", "COLUMNS": "200"}
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


def test_modules_without_a_circle_are_accepted(tmp_path: Path):
    done = contract(tmp_path, __init__="from house import a", a="from house import b", b="import json")
    assert done.returncode == 0, done.stdout
    assert "1 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    "files",
    [
        {"a": "import house.b", "b": "import house.c", "c": "def f():\n    from house import a"},
        {"a": "import house.b", "b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import house.a"},
        {"__init__": "from house.a import x", "a": "from house import y\nx = 1"},
    ],
)
def test_a_circle_is_shown(tmp_path: Path, files: dict[str, str]):
    done = contract(tmp_path, **files)
    assert done.returncode == 1
    assert "in a circle" in done.stdout
    lines = [line.strip() for line in done.stdout.splitlines() if line.startswith("    house")]
    assert lines[0] == lines[-1], "back to where it began"
    assert len(set(lines)) == len(lines) - 1 == (3 if "c" in files else 2)
