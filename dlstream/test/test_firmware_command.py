"""`dlstream firmware`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from simulated_board import SimulatedBoard
from typer.testing import CliRunner

from dlstream.cli.firmware import firmware


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(firmware, list(words))
    return result.exit_code, result.output + str(result.exception or "")


@pytest.fixture
def hex_file(tmp_path: Path) -> Path:
    path = tmp_path / "board.hex"
    path.write_text(":00000001FF\n")
    return path


def test_flash_calls_avrdude_with_the_port_and_the_file(tmp_path, hex_file, monkeypatch, capfd):
    fake = tmp_path / "avrdude"
    fake.write_text('#!/bin/sh\necho "called $*"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    code, _ = run("flash", "--port", "/dev/ttyACM7", "--file", str(hex_file))
    assert code == 0
    wanted = f"called -p atmega328p -c arduino -P /dev/ttyACM7 -b 115200 -D -U flash:w:{hex_file}:i"
    assert wanted in capfd.readouterr().out


def test_flash_without_avrdude_says_how_to_install_it(tmp_path, hex_file, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, text = run("flash", "--port", "/dev/ttyACM7", "--file", str(hex_file))
    assert code != 0
    assert "avrdude is not installed; run: sudo apt install avrdude" in text


def test_info_says_what_a_board_runs(tmp_path):
    with SimulatedBoard(tmp_path / "trace.txt") as board:
        code, text = run("info", "--port", board.port, "--times", "300")
    assert code == 0, text
    assert f"{board.port}: atmega328p, firmware" in text
    assert re.search(r"\d+ of 300 round trips answered: median .* p99 .* longest", text)  # late on a busy machine


def test_info_of_a_port_that_is_not_there_says_so():
    code, text = run("info", "--port", "/dev/ttyNO")
    assert code != 0
    assert "/dev/ttyNO is not there" in text
