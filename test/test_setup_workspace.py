"""The set-up with another Python than the last one's."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import setup_workspace  # noqa: E402


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that has been set up with this Python."""
    for name, folder in (("ROOT", ""), ("VENV", ".venv"), ("INSTALL", "install")):
        monkeypatch.setattr(setup_workspace, name, tmp_path / folder)
    venv.create(tmp_path / ".venv", with_pip=False)
    for folder in ("install", "build/dlstream_msgs", "build/docs", "sessions"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def test_what_this_python_has_made_stays(workspace: Path, capsys: pytest.CaptureFixture[str]):
    setup_workspace.make_room_for_this_python()
    assert (workspace / ".venv" / "bin" / "python").exists()
    assert (workspace / "install").exists()
    assert capsys.readouterr().out == ""


def test_what_another_python_has_made_is_made_anew(workspace: Path, capsys: pytest.CaptureFixture[str]):
    settings = workspace / ".venv" / "pyvenv.cfg"
    major, minor = sys.version_info[:2]
    settings.write_text(settings.read_text().replace(f"version = {major}.{minor}", "version = 3.9"))
    setup_workspace.make_room_for_this_python()
    left = {str(path.relative_to(workspace)) for path in workspace.rglob("*")}
    assert left == {"build", "build/docs", "sessions"}
    assert f".venv was made with Python 3.9: made again with {major}.{minor}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "is_set_up", "expected"),
    [([], False, "python3"), ([], True, ".venv/bin/python"), (["PYTHON=python3.12"], True, "python3.12")],
)
def test_make_keeps_the_python_of_the_set_up(tmp_path: Path, words: list[str], is_set_up: bool, expected: str):
    if is_set_up:
        venv.create(tmp_path / ".venv", with_pip=False)
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "MAKEFLAGS")}
    command = ["make", "-C", str(tmp_path), "-f", str(ROOT / "Makefile"), "--dry-run", "setup", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"{expected} tools/setup_workspace.py" in done.stdout.splitlines()
