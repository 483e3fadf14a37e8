"""A live rig, replayed from its journal and analysed from its video: it decides the same."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from rig_tools import CONFIG, PATIENCE, command, written
from sensor_msgs.msg import Image

from dlstream_camera.arena import Arena
from dlstream_common import Frame, now
from dlstream_common.ros import EVENT, POSE, image_qos, image_to_message, stamp_from_message
from dlstream_msgs.msg import ExperimentStatus, FramePoses
from dlstream_pose.convert.precision import quantize, select
from dlstream_recorder import DECISIONS, JOURNAL, read_lines, read_session, recover

sys.path.append(str(CONFIG.parent / "dlstream_pose" / "test"))
from blob_network import blob_samples, write_blob_network

OWN_TRIGGERS = """\
calibration: {top: {camera_info: top.yaml, distance_cm: 60}}
triggers:
  near_wall:
    type: python
    class: near_wall.py:NearWall
    options: {keypoint: neck, width: 320, height: 240, distance: 60}
  has_length: {type: distance, keypoints: [tail, neck], at_least: 0.1, unit: cm}
"""
ENDS = {"experiment_ended"}
"""What differs by nature: when and why a run ended, which a video does not show."""


def said(folder: Path) -> list[tuple[object, ...]]:
    """Events and commands without their stamps."""
    found = []
    for line in read_lines(folder, DECISIONS):
        about = json.loads(line)
        if about.get("event") in ENDS:
            break
        what = about.get("event") or about["command"], about.get("name") or about["output"]
        found.append((*what, json.dumps(about.get("values")), about.get("sequence"), about.get("frame")))
    return found


def decided(folder: Path) -> list[tuple[object, ...]]:
    """What frames caused, but for the last one's: a run that is ended ends its trial."""
    return [item for item in said(folder) if item[3] is not None]


def outcome(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), cwd=folder, capture_output=True, text=True, check=False, timeout=600)


class Film:
    """Plays the camera: arena pictures 0 to 89, each shown until it has a pose, since one may get lost on the way."""

    def __init__(self, observer, wait_for, rig) -> None:
        self._count = 0
        self._arena, self._wait_for, self._rig = Arena(320, 240, seed=8, fps=12.0), wait_for, rig
        self._publisher = observer.node.create_publisher(Image, "/top/image_raw", image_qos(200))
        self._poses = observer.collect(FramePoses, "/top/pose", POSE)
        self._statuses = observer.collect(ExperimentStatus, "/experiment/status", EVENT)

    def play(self) -> None:
        self._wait_for(lambda: self._publisher.get_subscription_count() == 2, "the pose node and the recorder")
        while not any(status.status == ExperimentStatus.RUNNING for status in self._statuses):
            assert self._rig.process.poll() is None, self._rig.output
            self._show(0)
        for number in range(1, 90):
            stamps = self._show(number)
        self._wait_for(lambda: any(stamp in self._journal() for stamp in stamps), "the last decision, written down")

    def _journal(self) -> str:
        return "".join(read_lines(self._rig.session, JOURNAL))

    def _show(self, number: int) -> set[str]:
        image, stamps = self._arena.render(number)[0], set()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            frame = Frame("top", self._count, now(), image, "bgr8")
            self._count += 1
            stamps.add(frame.stamp)
            self._publisher.publish(image_to_message(frame, "top_optical_frame"))
            again = time.monotonic() + 1.0
            while time.monotonic() < again:
                if any(stamp_from_message(item.header.stamp) in stamps for item in self._poses[-100:]):
                    return {str(stamp) for stamp in stamps}
                time.sleep(0.002)
        raise AssertionError(f"waited {PATIENCE:.0f} s for a pose of picture {number}:\n{self._rig.output}")


def test_a_live_session_replays_and_its_video_decides_the_same(start, write_rig, tmp_path, observer, wait_for):
    camera = "source: synthetic, width: 320, height: 240, queue: 200, fps: 30, seed: 1"
    rig = start(
        "run", str(write_rig((camera, "source: topic, frozen_after: 0")))
    )  # a picture is shown until it has a pose
    Film(observer, wait_for, rig).play()
    assert rig.stop() == 0, rig.output
    session = rig.session
    replay = outcome("replay", str(session), folder=tmp_path)
    assert replay.returncode == 0, replay.stdout
    assert "identical" in replay.stdout
    changed = outcome("replay", str(session), "--set", "triggers.in_left.min_confidence=1", folder=tmp_path)
    assert changed.returncode == 0, changed.stdout
    assert "Delay against an ideal observer" in changed.stdout

    network = f"{CONFIG}/networks/demo_mouse.onnx"
    words = [
        "analyze",
        str(session / "top.mkv"),
        "--network",
        network,
        "--scale",
        "1",
        "--experiment",
        str(session / "experiment.yaml"),
    ]
    analysis = outcome(*words, "--live-frames", "--out", "offline", folder=tmp_path)
    assert analysis.returncode == 0, analysis.stdout
    live, offline = decided(session), decided(tmp_path / "offline")
    assert len(live) > 3
    assert offline == live


CALIBRATION = """\
image_width: 320
image_height: 240
camera_matrix: {rows: 3, cols: 3, data: [300, 0, 160, 0, 300, 120, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.2, 0.05, 0.001, 0.001, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [300, 0, 160, 0, 0, 300, 120, 0, 0, 0, 1, 0]}
"""


def test_a_session_replays_in_another_place_when_nothing_else_is_left(start, write_rig, tmp_path):
    """The network, too, is gone: what it computed, how, and with what proof, is in the session."""
    network = tmp_path / "blobs.int8.onnx"
    exact = write_blob_network(tmp_path / "blobs.onnx", ("tail", "neck"), sure_from=0.02)
    about, _ = quantize(exact, network, "int8", select(blob_samples(40), 12))
    path = write_rig(
        ("fps: 30, seed: 1}", "fps: 12, seed: 8, frames: 240, calibration: top.yaml}"),
        (f"{CONFIG}/networks/demo_mouse.onnx", str(network)),
    )
    (tmp_path / "top.yaml").write_text(CALIBRATION)
    shutil.copy(CONFIG / "experiments" / "python" / "near_wall.py", tmp_path)
    experiment = tmp_path / "experiment.yaml"
    text = experiment.read_text().replace("triggers:\n", OWN_TRIGGERS)
    experiment.write_text(text)
    rig = start("run", str(path), "--allow-python")
    assert rig.wait() == 0, rig.output
    session = rig.session.rename(tmp_path / "elsewhere")
    assert {item.name for item in (session / "files").iterdir()} == {"near_wall.py", "top.yaml"}
    assert "not in the session" not in (session / "events.csv").read_text()
    for file in (path, experiment, network, exact, tmp_path / "top.yaml", tmp_path / "near_wall.py"):
        file.unlink()
    inference = read_session(session)["cameras"]["top"]["inference"]
    proof = about.proof_of(inference["engine"])
    assert inference["precision"] == "int8"
    assert f"p99 {proof.p99:.3f}" in inference["proof"]
    assert "that the file was proved for" in inference["description"]
    assert "trigger_rose has_length" in " ".join(" ".join(map(str, item[:2])) for item in said(session))
    replay = outcome("replay", str(session), "--allow-python", folder=session)
    assert replay.returncode == 0, replay.stdout + replay.stderr
    assert "identical" in replay.stdout


def test_a_run_whose_nodes_were_killed_replays_as_far_as_it_was_recorded(start, write_rig, tmp_path):
    rig = start("run", str(write_rig()))
    written(rig, JOURNAL, 21)
    os.kill(rig.node("/recorder"), signal.SIGKILL)
    assert rig.wait() == 1
    recover(rig.session)
    assert len(read_lines(rig.session, JOURNAL)) > 20
    replay = outcome("replay", str(rig.session), folder=tmp_path)
    assert replay.returncode == 0, replay.stdout
