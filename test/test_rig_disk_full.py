"""A disk that fills up while the animal is in the arena."""

from __future__ import annotations

import subprocess

import av
import pandas as pd
import pytest


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "sessions"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"can't mount a small disk: {mount.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_full_disk_stops_the_rig_and_the_session_is_readable_up_to_there(small_disk, start, write_rig, tmp_path):
    guards = "commander_timeout: 60, max_command_age: 60"
    laser = ("outputs:", f"outputs:\n  laser: {{type: log, file: {tmp_path}/laser.txt, {guards}}}")
    rig = start("run", str(write_rig(("min_free: 0.1}", "min_free: 0}"), laser)))
    assert rig.wait() == 1, rig.output
    off, finished = (
        next(number for number, line in enumerate(rig.lines) if all(word in line for word in words))
        for words in (("outputs/laser", "off and disarmed by rig: /recorder ends: "), ("recording to", " stopped: "))
    )
    assert off < finished, "outputs do not wait until the session is finished"
    assert any("stopping: /recorder ends: " in line and "No space left" in line for line in rig.lines)
    assert "No space left on device" in rig.output
    assert "/recorder has failed with exit code 1" in rig.output
    about = rig.about()
    assert "No space left on device" in about["error"]
    frames = pd.read_csv(rig.session / "top.frames.csv")
    with av.open(str(rig.session / "top.mkv")) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(frames) > 20
