"""A whole rig on one RealSense device: colour and depth from a recording, poses with depth, a trigger on rearing."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64decode
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from rig_tools import CONFIG, command

from dlstream.rig.check import checked_rig
from dlstream.rig.nodes import rig_nodes
from dlstream_camera.arena import Arena
from dlstream_common import InputError, to_view
from dlstream_common.video import VideoFrame, open_frames
from dlstream_recorder import DECISIONS, JOURNAL, read_lines

sys.path.append(str(Path(__file__).resolve().parents[1] / "dlstream_camera" / "test"))
from realsense_recording import color, depth, record

COUNT, REARS = 330, range(240, 300)
"""Moments, and those of rearing: on a slow machine the run may begin some seconds after the first picture."""
FLOOR, BACK, REARED = 800, 760, 650
"""Depths in mm: of the floor, of the animal, and of the animal that rears."""
WIDTH, HEIGHT = 320, 240

RIG = """\
rig: rearing
pictures: false
cameras:
  top: {{source: realsense, stream: color, recording: {folder}/mouse.db3, queue: 400}}
  above: {{source: realsense, stream: depth, align: color, recording: {folder}/mouse.db3, queue: 400}}
  raw: {{source: realsense, stream: depth, recording: {folder}/mouse.db3, queue: 400}}
pose: {{network: {config}/networks/demo_mouse.onnx, scale: 1}}
experiment: {{file: {folder}/experiment.yaml, acknowledgement_timeout: 20, output_timeout: 60, start_timeout: 300}}
outputs:
  log: {{type: log, commander_timeout: 60, max_command_age: 60}}
recorder: {{directory: {folder}/sessions, image_depth: 400, silence: 60, min_free: 0.1, video: h264}}
"""
EXPERIMENT = """\
experiment: rearing
camera: top
triggers:
  rears: {type: depth, keypoints: [neck], floor: 800, at_least: 100, release: 80, individual: any}
protocol:
  type: region_trials
  trials:
    reward: {trigger: rears, stimulus: {output: log, action: on}}
  lockout: 0
  max_hits: 1000
max_age: 60
pose_timeout: 60
"""


@cache
def arena() -> Arena:
    return Arena(WIDTH, HEIGHT, seed=1, fps=30.0)


def reared(number: int) -> bool:
    return number in REARS


def depth_image(number: int) -> np.ndarray:
    """The floor with some noise and holes, and a disc around the animal's neck."""
    image = np.random.default_rng(number).integers(FLOOR - 3, FLOOR + 4, (HEIGHT, WIDTH)).astype(np.uint16)
    image[::17, ::13] = 0
    x, y = arena().render(number)[1][3]
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    image[(columns - x) ** 2 + (rows - y) ** 2 < 15**2] = REARED if reared(number) else BACK
    return image


def images(path: Path) -> list[np.ndarray]:
    return [item.image for item in open_frames(path).frames() if isinstance(item, VideoFrame)]


def neck_depth(line: dict) -> float:
    """The depth of the neck in a line of the journal; 0 if unknown."""
    [one] = line["individuals"]
    depths, confidence = (np.frombuffer(b64decode(one[key]), "<f4") for key in ("depth", "confidence"))
    return float(np.nan_to_num(depths[3])) if confidence[3] >= 0.5 else 0.0


@pytest.fixture
def rig_file(tmp_path):
    streams = (
        depth(picture=depth_image, size=(WIDTH, HEIGHT), focal=300.0),
        color(picture=lambda number: arena().render(number)[0], size=(WIDTH, HEIGHT), focal=300.0),
    )
    record(tmp_path / "mouse.db3", COUNT, streams)
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    path = tmp_path / "rig.yaml"
    path.write_text(RIG.format(config=CONFIG, folder=tmp_path))
    return path


@pytest.mark.parametrize("together", [False, True])
def test_rearing_is_seen_recorded_and_replayed(rig_file, start, together):
    rig_file.write_text(rig_file.read_text() + f"together: {str(together).lower()}\n")
    rig = start("run", str(rig_file))
    assert rig.wait() == 0, rig.output
    summary = rig.about()["summary"]
    assert (summary["frames_dropped"], summary["faults"]) == (0, 0), rig.output
    assert summary["frames_recorded"] == 3 * COUNT

    raw, aligned = (images(rig.session / f"{name}.mkv") for name in ("raw", "above"))
    assert (len(raw), len(aligned)) == (COUNT, COUNT)
    for number in range(COUNT):
        assert np.array_equal(raw[number], depth_image(number)), "recorded bit for bit, although pictures are H.264"
        apart = np.abs(aligned[number].astype(int) - depth_image(number))[aligned[number] > 0]
        assert (apart < 10).mean() > 0.95, "librealsense's alignment widens each pixel a little"
    colour, above = (pd.read_csv(rig.session / f"{name}.frames.csv")["stamp_ns"] for name in ("top", "above"))
    assert colour.tolist() == above.tolist(), "the frames of one moment have one stamp"
    assert not (rig.session / "above.poses.csv").exists()

    lines = [json.loads(line) for line in read_lines(rig.session, JOURNAL)]
    begin = [line.get("in") for line in lines].index("start")
    poses = [line for line in lines[begin:] if line.get("in") == "poses"]
    assert poses
    assert all("depth" in one for line in poses for one in line["individuals"])
    events = pd.read_csv(rig.session / "events.csv", dtype=str).fillna("")
    rose = events[(events["kind"] == "trigger_rose") & (events["name"] == "rears")]
    assert len(rose) == 1
    high = [line["sequence"] for line in poses if (neck := neck_depth(line)) and neck <= FLOOR - 100]
    assert int(rose["sequence"].iloc[0]) == high[0], "at the first pose of the reared animal"
    # On a busy machine a frame may be decided before its depth image comes: that of the frame before counts.
    assert all(reared(sequence) or reared(sequence - 1) for sequence in high)

    done = subprocess.run(command("replay", str(rig.session)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rears" in "".join(read_lines(rig.session, DECISIONS))


def test_the_cameras_of_one_device_are_one_process(rig_file):
    rig, path = checked_rig(rig_file)
    specs = {spec.full_name: spec for spec in rig_nodes(rig, path)}
    [device] = [spec for spec in specs.values() if spec.members]
    assert device.full_name == "/top/device"
    assert [node.full_name for node in device.members] == ["/top/camera", "/above/camera", "/raw/camera"]
    assert device.ends_rig
    assert device.decides
    streams = [sorted(node.parameters["streams"]) for node in device.members]
    assert streams == [["color 0 0x0 0", "depth 0 0x0 0", "depth 0 0x0 0"]] * 3
    assert [node.parameters["wait_for"] for node in device.members] == [2, 2, 1]
    assert specs["/pose"].parameters["cameras"] == ["top"]
    assert specs["/pose"].parameters["depth"] == ["top=above"]
    assert sorted(specs["/recorder"].parameters["cameras"]) == ["above", "raw", "top"]


def test_the_commands_that_try_cameras_know_depth(rig_file, tmp_path):
    def run(*words: str) -> str:
        done = subprocess.run(command(*words), capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    rig_file.write_text(rig_file.read_text().replace("queue: 400", "pace: false"))
    said = run("camera", "test", str(rig_file), "--frames", "15")
    assert said.count("frames     15") == 3, said
    assert said.count("lost       none") == 3, said
    picture = cv2.imread(str(tmp_path / "camera-test_raw.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(picture, to_view(depth_image(14), "16UC1")), "grey, to be looked at"

    said = run("check", str(rig_file), "--devices")
    assert len([line for line in said.splitlines() if "320x240, 15 frames" in line]) == 3, said

    said = run("network", "test", str(rig_file), "--frames", "15")
    assert "top" in said
    assert "raw" not in said, "no network looks at depth"


def test_two_devices_have_a_process_each(tmp_path):
    (tmp_path / "rig.yaml").write_text(
        "rig: two\npictures: false\ncameras:\n"
        "  a: {source: realsense, serial: '1'}\n  b: {source: realsense, serial: '2'}\n"
        "  c: {source: realsense, serial: '1', stream: infrared}\n  d: {source: synthetic}\n"
    )
    rig, path = checked_rig(tmp_path / "rig.yaml")
    found = [[node.full_name for node in spec.nodes] for spec in rig_nodes(rig, path)]
    assert found == [["/a/camera", "/c/camera"], ["/b/camera"], ["/d/camera"]]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (", align: color", "", "triggers.rears.type: found 'depth', but the poses of camera 'top' have no depth"),
        ("queue: 400}\n  above", "queue: 200, crop: [0, 0, 100, 100]}\n  above", "not of the size or crop of camera"),
        ("scale: 1}", "scale: 1, depth: {top: below}}", "pose.depth: found 'below'; expected a camera of the rig"),
        ("scale: 1}", "scale: 1, depth: {top: top}}", "found 'top', whose images are pictures"),
        ("stream: color,", "stream: depth,", "found a network, and only cameras that show depth"),
        ("stream: color,", "stream: infrared,", "found no stream infrared 1; expected one of its streams: color"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_run(rig_file, old, new, expected):
    text = rig_file.read_text()
    assert old in text
    rig_file.write_text(text.replace(old, new))
    with pytest.raises(InputError) as error:
        checked_rig(rig_file)
    assert expected in str(error.value)


def test_a_video_has_no_depth_to_analyze(rig_file, tmp_path):
    words = ("--network", f"{CONFIG}/networks/demo_mouse.onnx", "--experiment", str(tmp_path / "experiment.yaml"))
    video = tmp_path / "a.png"
    cv2.imwrite(str(video), arena().render(0)[0])
    done = subprocess.run(
        command("analyze", str(video), *words, "--out", str(tmp_path / "out")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "the poses of camera 'top' have no depth" in " ".join((done.stdout + done.stderr).split())
