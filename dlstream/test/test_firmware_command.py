"""`dlstream firmware`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from simulated_board import SimulatedBoard, be_patient

from dlstream.cli.main import main
from dlstream_common.installing import pip_install


@pytest.fixture
def run(monkeypatch, capfd) -> Callable[..., tuple[int, str]]:
    """The whole command line: its exit code, and what it printed."""

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["dlstream", "firmware", *words])
        code = main()
        printed = capfd.readouterr()
        return code, " ".join((printed.out + printed.err).split())

    return run


@pytest.fixture
def hex_file(tmp_path: Path) -> Path:
    path = tmp_path / "board.hex"
    path.write_text(":00000001FF\n")
    return path


def test_flash_calls_avrdude_with_the_port_and_the_file(run, tmp_path, hex_file, monkeypatch):
    fake = tmp_path / "avrdude"
    fake.write_text('#!/bin/sh\necho "called $*"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    code, text = run("flash", "--port", "/dev/ttyACM7", "--file", str(hex_file))
    assert code == 0
    wanted = f"called -p atmega328p -c arduino -P /dev/ttyACM7 -b 115200 -D -U flash:w:{hex_file}:i"
    assert wanted in text


def test_flash_without_avrdude_says_how_to_install_it(run, tmp_path, hex_file, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, text = run("flash", "--port", "/dev/ttyACM7", "--file", str(hex_file))
    assert code == 1
    assert text == "dlstream: avrdude is not installed; run: sudo apt install avrdude"


def test_info_says_what_a_board_runs(run, tmp_path, monkeypatch):
    be_patient(monkeypatch)
    with SimulatedBoard(tmp_path / "trace.txt") as board:
        code, text = run("info", "--port", board.port, "--times", "300")
    assert code == 0, text
    assert f"{board.port}: atmega328p, firmware" in text
    assert re.search(r"\d+ of 300 round trips answered: median .* p99 .* longest", text)  # late on a busy machine


def test_info_of_a_port_that_is_not_there_says_so(run):
    code, text = run("info", "--port", "/dev/ttyNO")
    assert code == 1
    assert "/dev/ttyNO is not there" in text


def test_without_pyserial_it_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr("dlstream_outputs.board.finding.find_spec", lambda name: None)
    for port in ("auto", "/dev/ttyACM0"):
        code, text = run("info", "--port", port)
        assert (code, text) == (1, f"dlstream: no library serial on this machine; run: {pip_install('pyserial')}")


def test_flash_leaves_alone_the_board_of_somebody_else(run, tmp_path, hex_file, monkeypatch):
    fake = tmp_path / "avrdude"
    fake.write_text("#!/bin/sh\necho flashed\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    port = tmp_path / "port"
    port.touch()
    with port.open() as opened, subprocess.Popen(["sleep", "600"], stdin=opened) as other:
        code, text = run("flash", "--port", str(port), "--file", str(hex_file))
        other.kill()
    assert code == 1
    assert text == f"dlstream: {port} is in use by 'sleep 600' (process {other.pid}); end that program first"
