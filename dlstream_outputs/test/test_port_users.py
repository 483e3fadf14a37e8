"""A serial port is used by one program, also where the other one locks nothing and calls it by another name."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("serial", reason="pyserial is not installed (make devices)")
from board import Board

from dlstream_outputs import OUTPUTS, OutputError, output_settings
from dlstream_outputs.port_users import in_use

KINDS = {"serial": {"reset_wait": 0.0}, "arduino": {"pin": 9}}


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board()
    yield made
    made.unplug()


@contextmanager
def somebody(port: str) -> Iterator[str]:
    """Another program that has a port open, without a lock; what is said of it."""
    with Path(port).open("rb", buffering=0) as opened, subprocess.Popen(["sleep", "600"], stdin=opened) as other:
        try:
            yield f"in use by 'sleep 600' (process {other.pid})"
        finally:
            other.kill()


@pytest.mark.parametrize("kind", KINDS)
def test_a_port_that_a_program_has_which_locks_nothing_is_left_alone(board: Board, tmp_path: Path, kind: str) -> None:
    link = tmp_path / "usb-Arduino_Uno-if00"
    link.symlink_to(board.port)
    output = OUTPUTS[kind](output_settings(kind)(port=str(link), **KINDS[kind]), print)
    with somebody(board.port) as said, pytest.raises(OutputError) as refused:
        output.open()
    assert f"{link} is {said}; expected a port of its own" in str(refused.value)
    assert board.got == b"", "nothing was said to the board of somebody else"


def test_whoever_plays_the_device_of_a_pseudo_terminal_is_no_user_of_its_port() -> None:
    code = "import os, pty; far, near = pty.openpty(); print(os.ttyname(near), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as device:
        assert device.stdout is not None
        port = device.stdout.readline().strip()
        assert in_use(port) == ""
        with somebody(port) as said:
            assert in_use(port) == said
        device.communicate("")


def test_another_name_of_the_same_device_is_the_same_port(tmp_path: Path) -> None:
    same = tmp_path / "same"
    try:
        os.mknod(same, 0o600 | stat.S_IFCHR, Path("/dev/zero").stat().st_rdev)
    except PermissionError:
        pytest.skip("only root makes devices")
    with somebody("/dev/zero") as said:
        assert said.removeprefix("in use by ") in in_use(str(same))
