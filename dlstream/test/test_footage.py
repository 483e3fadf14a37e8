"""What `dlstream analyze` makes of videos and images that are not whole."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from dlstream.cli.summary import show_ended_run, show_session
from dlstream.offline.analyze import Options, analyze
from dlstream.offline.footage import EPOCH
from dlstream.offline.progress import ProgressLines
from dlstream_camera.arena import Arena
from dlstream_recorder import read_session
from dlstream_recorder.report.tables import read_poses

ROOT = Path(__file__).resolve().parents[2]
NETWORK = ROOT / "config" / "networks" / "demo_mouse.onnx"
EXPERIMENT = """\
experiment: half
camera: top
regions:
  left: {type: rectangle, left: 0, top: 0, right: 159, bottom: 239}
triggers:
  in_left: {type: region, region: left, keypoints: [neck]}
protocol:
  type: region_trials
  trials:
    left: {trigger: in_left, stimulus: {output: screen, action: show, values: {image: left}}}
"""


@pytest.fixture
def options(tmp_path: Path) -> Options:
    file = tmp_path / "half.yaml"
    file.write_text(EXPERIMENT)
    return Options(NETWORK, file, 1.0, video=False)


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=200, file=io.StringIO())


@pytest.fixture
def motion_jpeg(tmp_path: Path) -> Path:
    """20 frames; 0, 8 and 19 can't be decoded."""
    path, arena = tmp_path / "mouse.avi", Arena(320, 240, seed=3)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for number in range(20):
        writer.write(arena.render(number)[0])
    writer.release()
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    for number in (0, 8, 19):
        place, size = packets[number]
        content[place : place + size] = bytes(size)
    path.write_bytes(content)
    return path


def test_lost_frames_are_told_counted_and_shift_nothing(motion_jpeg, options, tmp_path, console):
    out = tmp_path / "out"
    summary = analyze(motion_jpeg, out, options, console)
    assert (summary.frames_captured, summary.frames_recorded, summary.frames_dropped) == (20, 17, 3)
    assert summary.poses == summary.frames_with_pose == 17
    frames = pd.read_csv(out / "top.frames.csv")
    lost = [0, 8, 19]
    assert frames["frame"].tolist() == frames["sequence"].tolist() == list(range(20)), "row n is frame n of the video"
    assert frames["lost"].tolist() == [int(number in lost) for number in range(20)]
    assert frames["dropped"].tolist() == [1] * 8 + [2] * 11 + [3]
    assert np.allclose(frames["stamp_ns"] - EPOCH, [number * 100_000_000 for number in range(20)], atol=1000)
    assert (frames["pts_ns"] == frames["stamp_ns"] - frames["stamp_ns"][0]).all()
    for poses in (read_poses(out / "top.poses.csv"), pd.read_hdf(out / "top.poses.h5")):
        assert np.flatnonzero(poses.isna().all(axis=1)).tolist() == lost
        assert len(poses) == 20
    faults = pd.read_csv(out / "events.csv").query("kind == 'fault'")
    assert faults["sequence"].tolist() == [0, 8, 19]
    assert [json.loads(text)["first_frame"] for text in faults["values"]] == ["0", "8", "19"]
    assert read_session(out)["summary"]["faults"] == 3
    assert show_ended_run(out, console)
    said = console.export_text()
    assert said.splitlines()[-1] == "But: 3 of 20 frames lost, 3 faults recorded (see above)."
    assert "frame 8 is lost" in said
    assert "top: 3 of 20 frames are lost" in said
    assert "on the way to the pose node" not in said, "no frame travels offline"


def test_a_video_without_an_animal_has_no_frame_with_a_pose(options, tmp_path, console):
    folder = tmp_path / "images"
    folder.mkdir()
    gradient = np.tile(np.linspace(40, 200, 320, dtype=np.uint8), (240, 1))
    for number in range(5):
        cv2.imwrite(str(folder / f"img{number}.png"), np.roll(gradient, number))
    out = tmp_path / "out"
    summary = analyze(folder, out, options, console)
    assert (summary.poses, summary.frames_with_pose) == (5, 0)
    assert read_session(out)["summary"]["cameras"]["top"]["frames_with_pose"] == 0
    show_session(out, console)
    said = console.export_text()
    [row] = [line.split() for line in said.splitlines() if line.startswith("top  ")]
    assert row[:6] == ["top", "5", "5", "0", "0", "5"], "captured, recorded, lost, with pose, without"
    assert "top: no animal was found in any of 5 frames: the best keypoint has a confidence of 0." in said
    assert show_ended_run(out, console)
    assert not console.export_text().split("Session")[1].count("But: ")


def test_an_analysis_lists_the_video_and_the_picture_that_it_has_drawn(motion_jpeg, options, tmp_path, console):
    out = tmp_path / "out"
    for video in (True, False):
        analyze(motion_jpeg, out / str(video), replace(options, video=video), console)
        show_session(out / str(video), console)
        listed = console.export_text().split("Session")[1].split()
        for name in ("annotated.mp4", "overlay.png"):
            assert (str(out / str(video) / name) in listed) is video
            assert (out / str(video) / name).exists() is video


def test_a_light_that_goes_out_is_told_with_its_frame_and_is_in_the_events(options, tmp_path, console):
    folder, arena = tmp_path / "images", Arena(320, 240, seed=3)
    folder.mkdir()
    for number in range(16):
        image = arena.render(number)[0]
        cv2.imwrite(str(folder / f"img{number}.png"), image * 0 if 6 <= number < 9 or number >= 14 else image)
    analyze(folder, tmp_path / "out", options, console)
    said = " ".join(console.export_text().split())
    assert "images: a black picture from frame 6 on: is the lens covered" in said
    assert "images: a picture again from frame 9 on, after 3 frames (0.100 s) without: a black picture" in said
    assert "images: a black picture to the end: from frame 14 on, 2 frames" in said
    events = pd.read_csv(tmp_path / "out" / "events.csv").query("name == '/top'")
    assert events["kind"].tolist() == ["fault", "recovered", "fault", "fault"]
    assert events["sequence"].tolist() == [6, 9, 14, 14]
    assert json.loads(events["values"].iloc[1])["count"] == "3"


def test_a_mosaic_taken_for_grey_is_told(options, tmp_path, console):
    folder, arena = tmp_path / "images", Arena(320, 240, seed=3)
    folder.mkdir()
    for number in range(3):
        colour = arena.render(number)[0]
        mosaic = colour[:, :, 1].copy()
        mosaic[::2, ::2], mosaic[1::2, 1::2] = colour[::2, ::2, 2] * 0.6, colour[1::2, 1::2, 0] * 0.4
        cv2.imwrite(str(folder / f"img{number}.tif"), mosaic)
    analyze(folder, tmp_path / "out", options, console)
    assert console.export_text().count("probably the raw mosaic of a colour sensor") == 1


def test_pictures_of_few_bits_are_told_and_so_is_a_rate_that_was_assumed(options, tmp_path, console):
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(12):
        image = Arena(320, 240, seed=3).render(number)[0][:, :, 0].astype(np.uint16) * 10
        cv2.imwrite(str(folder / f"img{number}.tif"), image)
    analyze(folder, tmp_path / "out", options, console)
    said = console.export_text()
    assert said.count("the brightest value is ") == 1
    assert "of 65535, 11 bits of 16" in said
    assert "images have no times; 30 fps assumed" in said


def test_a_long_analysis_says_how_far_it_is():
    now, lines = [0.0], []
    progress = ProgressLines(lines.append, "mouse", 1000, lambda: now[0])
    for _ in range(600):
        now[0] += 0.1
        progress.advance()
    assert "of about 1000 frames, 10.0 frames/s, " in lines[0]
    assert lines[0].endswith(" left")
    assert len(lines) == 2
    assert "frames/s" in lines[1]
