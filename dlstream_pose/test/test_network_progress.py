"""Long commands say what they are doing, on stderr: in lines, or where a person watches with a bar."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import numpy as np
import pytest
from test_convert import Spots

from dlstream_pose.convert import Sample, convert
from dlstream_pose.convert.progress import shown

STEPS = """
import time
from dlstream_pose.convert.progress import shown
with shown() as tell:
    tell("reading [film].mp4", 0, 0)
    for done in range(4):
        tell("comparing the two", done, 4)
        time.sleep(0.15)  # a bar is drawn ten times a second
"""


def test_every_step_of_a_conversion_is_told(spot_network, tmp_path):
    told: list[tuple[str, int, int]] = []
    frame = np.full((48, 64, 3), 100, np.uint8)
    frame[30, 17] = 255
    samples = [Sample(frame, "one"), Sample(frame, "two")]
    convert(Spots(spot_network), tmp_path / "spots.onnx", samples, tell=lambda *now: told.append(now))
    assert told == [
        ("loading the original", 0, 0),
        ("exporting it as ONNX", 0, 0),
        ("comparing the two", 0, 2),
        ("comparing the two", 1, 2),
    ]


def test_without_a_terminal_each_step_is_a_line(capsys):
    with shown() as tell:
        tell("reading film.mp4", 0, 0)
        for done in range(4):
            tell("comparing the two", done, 4)
    found = capsys.readouterr()
    assert found.err == "reading film.mp4 ...\ncomparing the two ...\n"
    assert not found.out


def test_in_a_terminal_there_is_a_bar_that_goes_at_the_end():
    pytest.importorskip("rich")
    ours, theirs = pty.openpty()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen([sys.executable, "-c", STEPS], stdout=subprocess.PIPE, stderr=theirs, env=environment) as run:
        os.close(theirs)
        said = b""
        try:
            while part := os.read(ours, 4096):
                said += part
        except OSError:  # how a terminal of Linux ends
            pass
        os.close(ours)
        assert run.stdout is not None
        assert run.stdout.read() == b""
    assert run.returncode == 0
    assert b"comparing the two" in said
    assert b"/4" in said
    assert said.rstrip().endswith(b"\x1b[2K")
