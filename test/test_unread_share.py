"""A share whose reader has gone, as ssh after a cut: it is one host's part of a rig that may go on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from rig_tools import PATIENCE, command

from dlstream_recorder import read_session

RIG = """\
rig: unread
hosts: {desk: 127.0.0.1}
pictures: false
cameras: {top: {source: synthetic, width: 320, height: 240, fps: 20, queue: 200}}
recorder: {directory: sessions, image_depth: 200, silence: 60, min_free: 0.1}
"""


@pytest.fixture
def unread(tmp_path: Path):
    """Runs the rig with these options for 3 s of frames, without a reader from its first line on; its exit code."""
    (tmp_path / "rig.yaml").write_text(RIG)

    def unread(*options: str) -> int:
        words = command("run", "rig.yaml", "--status", "0.5", "--seconds", "3", *options)
        process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        return process.wait(PATIENCE)

    return unread


def test_a_share_goes_on_to_its_end_and_ends_well(unread, tmp_path):
    assert unread("--host", "desk") == 0
    [session] = (tmp_path / "sessions").iterdir()
    about = read_session(session)
    assert about["complete"]
    assert about["summary"]["frames_recorded"] > 0


def test_a_rig_of_somebody_at_a_terminal_ends_with_its_reader(unread):
    assert unread() == 1
