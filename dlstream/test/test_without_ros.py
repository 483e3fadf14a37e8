"""The offline tools in a Python that has no ROS: not a single module of it can be imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from offline_tools import EXPERIMENT

from dlstream_camera.arena import Arena

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NETWORK = ROOT / "config" / "networks" / "demo_mouse.onnx"
PARTS = ("camera", "common", "experiment", "outputs", "panel", "pose", "recorder")
PACKAGES = ["dlstream", *(f"dlstream_{name}" for name in PARTS)]

NO_ROS = """\
import sys

ROS = ("rclpy", "rpyutils", "ament_index_python", "domain_coordinator", "launch")

class NoRos:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top.endswith(("_msgs", "_interfaces")) or top in ROS:
            raise ModuleNotFoundError(f"{top} was taken away", name=top)

sys.meta_path.insert(0, NoRos())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short video, an experiment, and what takes ROS away from Python."""
    folder = tmp_path_factory.mktemp("no_ros")
    (folder / "blocker").mkdir()
    (folder / "blocker" / "sitecustomize.py").write_text(NO_ROS)
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    arena = Arena(320, 240, seed=3, fps=4.0)
    writer = cv2.VideoWriter(str(folder / "walk.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 15, (320, 240))
    for number in range(20):
        writer.write(arena.render(number)[0])
    writer.release()
    return folder


def dlstream(folder: Path, *words: str, code: int = 0) -> str:
    """What a command prints; it must end with that exit code."""
    environment = {key: value for key, value in os.environ.items() if key != "AMENT_PREFIX_PATH"}
    paths = [folder / "blocker", *(ROOT / package for package in PACKAGES)]
    environment["PYTHONPATH"] = os.pathsep.join(str(path) for path in paths)
    command = [sys.executable, "-m", "dlstream", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_what_needs_ros_says_so(folder: Path):
    told = dlstream(folder, "run", str(ROOT / "config" / "rig.demo.yaml"), "--seconds", "1", code=1)
    assert "this command needs ROS 2" in told
    assert "Traceback" not in told


def test_a_library_that_is_not_there_is_named(tmp_path: Path):
    (tmp_path / "blocker").mkdir()
    (tmp_path / "blocker" / "sitecustomize.py").write_text(NO_ROS.replace('"launch")', '"launch", "aiohttp")'))
    (tmp_path / "empty").mkdir()
    told = " ".join(dlstream(tmp_path, "panel", "empty", code=1).split())
    assert "this command needs the library aiohttp, which this Python does not have. `make setup` installs it" in told
    assert "Traceback" not in told


def test_a_video_is_analysed_reported_and_replayed(folder: Path):
    words = ["analyze", "walk.mp4", "--network", str(NETWORK), "--experiment", "experiment.yaml", "--out", "session"]
    dlstream(folder, *words)
    assert "20" in dlstream(folder, "report", "session")
    assert (folder / "session" / "overlay.png").is_file()
    dlstream(folder, "replay", "session")
    dlstream(folder, "replay", "session", "--set", "triggers.in_left.dwell=0.1")


def test_experiments_are_checked_and_templates_listed(folder: Path):
    known = ["--network", str(NETWORK), "--frame", "walk.mp4"]
    dlstream(folder, "experiment", "check", "experiment.yaml", *known, "--out", "pictures")
    assert "second_order_conditioning" in dlstream(folder, "experiment", "templates")
    dlstream(folder, "check", str(ROOT / "config" / "rig.demo.yaml"))


def test_networks_are_told_and_tried(folder: Path):
    assert "snout" in dlstream(folder, "network", "info", str(NETWORK))
    dlstream(folder, "network", "check", str(NETWORK), "walk.mp4", "--out", "found.png")
    assert (folder / "found.png").is_file()
