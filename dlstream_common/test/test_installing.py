"""How to install what is missing: a line that works when it is pasted."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from dlstream_common.installing import pip_install


def test_it_is_the_pip_of_this_interpreter_with_brackets_for_the_shell():
    words = shlex.split(pip_install("nidaqmx[grpc]", "pyserial"))
    assert words[1:] == ["-m", "pip", "install", "nidaqmx[grpc]", "pyserial"]
    done = subprocess.run([words[0], "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == sys.prefix


def test_an_environment_below_here_is_shown_from_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "a lab" / ".venv" / "bin" / "python"))
    assert pip_install("pypylon") == "'a lab/.venv/bin/python' -m pip install pypylon"
