from __future__ import annotations

import fcntl
import signal
from pathlib import Path

from sensor_msgs.msg import Image

from dlstream.run.shared_memory import remove_abandoned
from dlstream_common.ros import image_qos


def test_segments_whose_lock_is_held_stay(tmp_path: Path):
    names = [f"fastrtps_{letter * 16}" for letter in "ab"]
    for name in [*names, "fastrtps_port7411", "something"]:
        (tmp_path / name).touch()
        (tmp_path / f"{name}_el").touch()
    with (tmp_path / f"{names[0]}_el").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert remove_abandoned(tmp_path) == 1
    left = {path.name.removesuffix("_el") for path in tmp_path.iterdir()}
    assert left == {names[0], "fastrtps_port7411", "something"}


def test_a_killed_node_leaves_a_segment_and_a_living_one_goes_on(start_node, observer, wait_for):
    images = {name: observer.collect(Image, f"/{name}/image_raw", image_qos(10)) for name in "ab"}
    nodes = {name: start_node("dlstream_camera.node", namespace=f"/{name}", width=64, height=64) for name in "ab"}
    wait_for(lambda: images["a"] and images["b"], "images of both")
    remove_abandoned()
    nodes["a"].end(signal.SIGKILL)
    assert remove_abandoned() >= 1
    count = len(images["b"])
    wait_for(lambda: len(images["b"]) > count + 10, "images of the living node")
