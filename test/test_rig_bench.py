"""`dlstream bench`, `network test` and `recording test` on a whole rig."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from dlstream.bench.recording import check_recording

SAFE = ("type: screen\n    offscreen: true", "type: screen\n    offscreen: true\n    fullscreen: false")


def test_the_whole_rig_is_measured_and_nothing_is_switched_on(start, write_rig, tmp_path: Path):
    rig = start("bench", str(write_rig(SAFE)), "--frames", "40", "--keep", str(tmp_path / "kept"))
    assert rig.wait() == 0, rig.output
    for words in (
        "inference  ",
        "loop: frame to pose  ",
        "Frames  ",
        "without a pose",
        "Frames a second  ",
        "By its times, at",
    ):
        assert words in rig.output, rig.output
    assert "poses were estimated" in rig.output
    [row] = [line for line in rig.lines if line.startswith("inference")]
    numbers = [float(word) for word in row.split()[1:]]
    mean, sd, least, p50, p95, p99, most, count = numbers
    assert 0 < least <= p50 <= p95 <= p99 <= most
    assert least < mean < most
    assert sd > 0
    assert count >= 30
    assert (tmp_path / "kept" / "bench" / "session.json").exists()
    assert not (tmp_path / "sessions").exists(), "the rig's own sessions are left alone"
    settings = (tmp_path / "kept" / "bench" / "events.csv").read_text()
    assert "experiment_started" in settings


def test_a_recording_is_read_again(start, write_rig, tmp_path: Path):
    rig = start("recording", "test", str(write_rig()), "--seconds", "3", "--keep", str(tmp_path / "kept"))
    assert rig.wait() == 0, rig.output
    found = re.search(
        r"top: (\d+) frames came, (\d+) were recorded, (\d+) can be read again, at [\d.]+ a second; ", rig.output
    )
    assert found, rig.output
    assert len({*found.groups()}) == 1
    assert f"this session is written to {tmp_path / 'kept'}, on the disk /" in rig.output
    assert re.search(r"^[\d.]+ MB a second in all: the disk /\S* is full in [\d.]+ h$", rig.output, re.MULTILINE)
    session = tmp_path / "kept" / "bench"
    assert [camera.fine for camera in check_recording(session)] == [True]
    video = session / "top.mkv"
    shutil.copy(video, tmp_path / "whole.mkv")
    video.write_bytes((tmp_path / "whole.mkv").read_bytes()[: video.stat().st_size // 2])
    [camera] = check_recording(session)
    assert not camera.fine, "half of the video is missing"


def test_the_disk_of_the_rigs_sessions_is_tried(start, write_rig, tmp_path: Path):
    rig = start("recording", "test", str(write_rig()), "--seconds", "1")
    assert rig.wait() == 0, rig.output
    assert f"this session is written to {tmp_path}, on the disk /" in rig.output, "where `sessions` would be made"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["experiment.yaml", "rig.yaml"], "it is removed"


def test_the_network_is_tried_on_the_cameras(start, write_rig, tmp_path: Path):
    rig = start(
        "network", "test", str(write_rig(("scale: 1", "scale: 1"))), "--frames", "20", "--out", str(tmp_path / "p")
    )
    assert rig.wait() == 0, rig.output
    assert re.search(r"neck +\d+% +[\d.]+", rig.output), rig.output
    assert "ms a frame (median): at most" in rig.output
    assert (tmp_path / "p" / "network_test.top.png").stat().st_size > 1000
