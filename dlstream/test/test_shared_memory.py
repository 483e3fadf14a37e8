from __future__ import annotations

import signal
from pathlib import Path

from rclpy.utilities import get_rmw_implementation_identifier
from sensor_msgs.msg import Image

from dlstream.shared_memory import remove_abandoned
from dlstream_common.ros import image_qos


def segments(pid: int) -> list[Path]:
    maps = Path(f"/proc/{pid}/maps").read_text().split()
    return [Path(word) for word in {*maps} if word.startswith("/dev/shm/fastrtps_") and "port" not in word]


def test_what_a_killed_node_left_is_removed_and_what_a_living_one_uses_stays(start_node, observer, wait_for):
    assert get_rmw_implementation_identifier() == "rmw_fastrtps_cpp"
    images = observer.collect(Image, "/b/image_raw", image_qos(10))
    killed = start_node("dlstream_camera.node", namespace="/a", width=64, height=64)
    living = start_node("dlstream_camera.node", namespace="/b", width=64, height=64)
    wait_for(lambda: images, "an image")
    wait_for(lambda: segments(killed.process.pid), "the shared memory of the node to be killed")
    left, used = segments(killed.process.pid), segments(living.process.pid)
    assert killed.end(signal.SIGKILL) == -signal.SIGKILL
    assert all(path.exists() for path in left)
    remove_abandoned()
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in used)
    count = len(images)
    wait_for(lambda: len(images) > count, "images of the living node")
