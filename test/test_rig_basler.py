"""A whole rig on Basler's own emulation: the maker's library, the network, the experiment, the session."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest
from rig_tools import CONFIG, EXPERIMENT, POSE_TABLE_HEADER, RigUnderTest, recorded, written

from dlstream_camera.arena import KEYPOINTS, Arena

CAMERA = """\
    source: basler
    serial: {serial}
    width: 320
    height: 240
    fps: 10
    exposure: 5000
    pixel_format: BGR8Packed
    queue: 200
    features: {{TestImageSelector: "Off", ImageFilename: {pictures}/, ImageFileMode: "On"}}
"""
RIG = """\
rig: emulated
pictures: false
cameras:
  top:
{top}
  side:
{side}
pose: {{network: {config}/networks/demo_mouse.onnx, scale: 1}}
experiment: {{file: {folder}/experiment.yaml, acknowledgement_timeout: 20, output_timeout: 60, start_timeout: 300}}
outputs:
  screen:
    type: screen
    offscreen: true
    commander_timeout: 60
    max_command_age: 60
    images: {{left: {config}/images/stripes.png, right: {config}/images/checkers.png}}
recorder: {{directory: {folder}/sessions, image_depth: 200, silence: 60, min_free: 0.1, video: lossless}}
"""
STEPS = 30


@pytest.fixture
def emulated(start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[RigUnderTest, list[np.ndarray]]:
    monkeypatch.setenv("PYLON_CAMEMU", "2")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    images = [Arena(320, 240, seed=1, fps=10.0).render(number)[0] for number in range(STEPS)]
    for number, image in enumerate(images):
        cv2.imwrite(str(pictures / f"{number:04d}.png"), image)
    cameras = [CAMERA.format(serial=f"0815-000{number}", pictures=pictures) for number in range(2)]
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    rig = tmp_path / "rig.yaml"
    rig.write_text(RIG.format(top=cameras[0], side=cameras[1], config=CONFIG, folder=tmp_path))
    return start("run", str(rig), "--status", "0"), images


def test_the_mouse_is_found_in_what_the_cameras_deliver(emulated):
    rig, images = emulated
    recorded(rig, 60)
    written(rig, "side.poses.csv", 60 + POSE_TABLE_HEADER)
    assert rig.stop() == 0, rig.output
    about = rig.about()
    for camera, serial in (("top", "0815-0000"), ("side", "0815-0001")):
        device = about["cameras"][camera]["device"]
        assert (device["hardware_id"], device["stamp_source"]) == (serial, "arrival"), "the emulation has no clock"
        assert device["asked"]["exposure"] == device["set"]["exposure"] == "5000"
        frames = pd.read_csv(rig.session / f"{camera}.frames.csv")
        assert frames["dropped"].max() == 0
        poses = pd.read_csv(rig.session / f"{camera}.poses.csv", header=[0, 1, 2], index_col=0)
        assert errors(rig.session / f"{camera}.mkv", poses, images) < 4.0, "pixels"
    assert about["summary"]["frames_dropped"] == 0


def errors(video: Path, poses: pd.DataFrame, images: list[np.ndarray]) -> float:
    """The median distance of the keypoints found from where they are in the picture that the camera delivered."""
    arena = Arena(320, 240, seed=1, fps=10.0)
    truth = [arena.render(number)[1] for number in range(STEPS)]
    table = poses.droplevel(0, axis="columns").sort_index(axis="columns")
    found = []
    with av.open(str(video)) as container:
        for row, frame in enumerate(container.decode(video=0)):
            image = frame.to_ndarray(format="bgr24")
            which = [number for number, picture in enumerate(images) if np.array_equal(picture, image)]
            assert len(which) == 1, "every recorded frame is one of the pictures, bit for bit"
            if table.iloc[row].isna().all():  # left out by a busy computer
                continue
            for index, keypoint in enumerate(KEYPOINTS):
                x, y = (table[keypoint, axis].iloc[row] for axis in "xy")
                found.append(np.hypot(x - truth[which[0]][index][0], y - truth[which[0]][index][1]))
    assert len(found) >= 10 * len(KEYPOINTS)
    assert np.isfinite(found).mean() > 0.8
    return float(np.nanmedian(found))
