"""Several cameras and one network: two frames at a time, each camera as if it were alone."""

from __future__ import annotations

import importlib.util
import signal
import threading

import cv2
import numpy as np
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from dlstream_camera.arena import Arena
from dlstream_common import Frame
from dlstream_common.ros import POSE, LocalFrames, fill_image, image_qos, poses_from_message, stamp_to_message
from dlstream_msgs.msg import FramePoses
from dlstream_pose import Estimator, PoseSettings, PoseStream
from dlstream_pose.ros.node import PoseNode

MODULE = "dlstream_pose.ros.node"
NAMES = ["left", "right", "top"]
STAMP = 1_700_000_000_123_456_789
FRAME = 33_333_333


def spot(number: int, row: int) -> np.ndarray:
    """Grey with a white spot whose column is the frame's number and whose row is the camera's."""
    pixels = np.full((48, 64, 3), 60, np.uint8)
    pixels[row, number % 64] = 255
    return pixels


class Camera:
    """Any publisher of images; what it sends is counted."""

    def __init__(self, observer, wait_for, name):
        self.row = 5 + NAMES.index(name)
        self.poses = observer.collect(FramePoses, f"/{name}/pose", POSE)
        self._publisher = observer.node.create_publisher(Image, f"/{name}/image_raw", image_qos(10))
        self.sent = 0
        wait_for(lambda: self._publisher.get_subscription_count() == 1, f"the pose node to subscribe to {name}")

        def answered():
            self.send()
            return self.poses

        wait_for(answered, "a first pose")
        wait_for(lambda: self.poses[-1].sequence == self.sent - 1, "the pose of the last frame")
        self.first, self.dropped_before = self.sent, self.poses[-1].dropped
        self.poses.clear()

    def send(self, pixels=None):
        """The next frame; without pixels a spot."""
        message = Image()
        fill_image(message, spot(self.sent, self.row) if pixels is None else pixels, "bgr8")
        message.header.stamp = stamp_to_message(STAMP + self.sent * FRAME)
        self.sent += 1
        self._publisher.publish(message)

    def check(self):
        """Every pose is of its own frame and camera, in order; the rest is counted as dropped."""
        numbers = [message.sequence for message in self.poses]
        assert numbers == sorted(set(numbers))
        for message in self.poses:
            (found,) = message.individuals
            assert (found.x[0], found.y[0]) == (message.sequence % 64, self.row)
        assert len(numbers) + self.poses[-1].dropped - self.dropped_before == self.sent - self.first


def test_a_fast_camera_leaves_room_for_slow_ones(start_node, observer, wait_for, spot_network):
    """Each frame of the slow ones gets its pose while the fast one sends as much as it can."""
    node = start_node(MODULE, network=spot_network, cameras=NAMES, threads=2)
    fast, slow, slower = (Camera(observer, wait_for, name) for name in NAMES)
    assert "cameras left, right, top, 2 at a time" in node.output

    def served(number):
        fast.send()
        fast.send()
        return len(slow.poses) == number + 1 and len(slower.poses) == number // 2 + 1

    for number in range(20):
        slow.send()
        if number % 2 == 0:
            slower.send()
        wait_for(lambda number=number: served(number), "the slow cameras' poses")
    wait_for(lambda: fast.poses[-1].sequence == fast.sent - 1, "the fast camera's last pose")
    for camera in (fast, slow, slower):
        camera.check()
    assert slow.poses[-1].dropped == slow.dropped_before
    assert slower.poses[-1].dropped == slower.dropped_before
    assert len(fast.poses) > 20


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_each_camera_has_the_poses_that_it_would_have_alone(start_node, observer, wait_for, demo_network, engine):
    """Filter, window and prediction of each go on as in a replay of that camera: bit for bit in ONNX Runtime."""
    if engine == "openvino" and importlib.util.find_spec("openvino") is None:
        pytest.skip("openvino is not installed here")
    keys = {"network": demo_network, "scale": 1.0, "threads": 2, "engine": engine, "filter": "kalman", "crop": 96}
    start_node(MODULE, cameras=NAMES, **keys, predict="ahead")
    cameras = [Camera(observer, wait_for, name) for name in NAMES]
    arenas = [Arena(seed=9001 + number) for number in range(3)]
    shown: list[list[np.ndarray]] = [[], [], []]
    for number in range(8):
        for camera, arena, images in zip(cameras, arenas, shown, strict=True):
            images.append(cv2.resize(arena.render(30 + number)[0], (160, 120)))
            camera.send(images[-1])
        wait_for(lambda wanted=number + 1: all(len(camera.poses) == wanted for camera in cameras), "poses of all")
    estimator = Estimator(demo_network, scale=1, threads=2, engine=engine)
    atol = 0.0 if engine == "onnx" else 1e-3
    for camera, images in zip(cameras, shown, strict=True):
        alone = PoseStream(estimator, PoseSettings(**keys, predict="ahead"))
        for message, image in zip(camera.poses, images, strict=True):
            found = poses_from_message(message)
            expected = alone.estimate(image, "bgr8", found.stamp)
            assert found.predicted_to == expected.predicted_to
            for one, other in zip(found.individuals, expected.individuals, strict=True):
                for part in ("x", "y", "confidence", "vx", "vy", "covariance"):
                    np.testing.assert_allclose(getattr(one, part), getattr(other, part), rtol=atol, atol=atol)


def test_one_thread_serves_by_turns(start_node, observer, wait_for, spot_network):
    node = start_node(MODULE, network=spot_network, cameras=NAMES[:2], threads=1)
    cameras = [Camera(observer, wait_for, name) for name in NAMES[:2]]
    for _ in range(20):
        for camera in cameras:
            camera.send()
    wait_for(lambda: all(c.poses and c.poses[-1].sequence == c.sent - 1 for c in cameras), "the last poses")
    for camera in cameras:
        camera.check()
    assert "left, right, 1 at a time" in node.output


def test_it_ends_cleanly_while_all_send(start_node, observer, wait_for, spot_network):
    node = start_node(MODULE, network=spot_network, cameras=NAMES, threads=3)
    cameras = [Camera(observer, wait_for, name) for name in NAMES]
    resting = threading.Event()

    def send():
        while not resting.wait(0.002):
            for camera in cameras:
                camera.send()

    sender = threading.Thread(target=send)
    sender.start()
    try:
        wait_for(lambda: all(len(camera.poses) > 5 for camera in cameras), "poses of all")
        assert node.end(signal.SIGINT) == 0, node.output
    finally:
        resting.set()
        sender.join()
    assert "Traceback" not in node.output


def test_frames_of_the_same_process_are_served_side_by_side(observer, wait_for, spot_network):
    """As in a rig with `together: true`; twice, because workers end with a deactivation."""
    topics = tuple(f"/{name}/image_raw" for name in NAMES)
    frames = LocalFrames(topics)
    values = {"network": str(spot_network), "cameras": NAMES, "threads": 2, "autostart": False}
    overrides = [Parameter(name, value=value) for name, value in values.items()]
    node = PoseNode(frames=frames, parameter_overrides=overrides)
    poses = {name: observer.collect(FramePoses, f"/{name}/pose", POSE) for name in NAMES}
    try:
        node.trigger_configure()
        wait_for(lambda: all(observer.node.count_publishers(f"/{name}/pose") for name in NAMES), "its publishers")
        for _ in range(2):
            for messages in poses.values():
                messages.clear()
            node.trigger_activate()
            assert sum(thread.name.startswith("estimator") for thread in threading.enumerate()) == 2

            def give(name, row, topic):
                for number in range(300):
                    stamp = STAMP + number * FRAME
                    frames.publish(topic, Frame(name, number, stamp, spot(number, row), "bgr8"), name)

            givers = [
                threading.Thread(target=give, args=(name, 5 + row, topic))
                for row, (name, topic) in enumerate(zip(NAMES, topics, strict=True))
            ]
            for giver in givers:
                giver.start()
            for giver in givers:
                giver.join()
            wait_for(lambda: all(part and part[-1].sequence == 299 for part in poses.values()), "the last poses")
            node.trigger_deactivate()
            assert not any(thread.name.startswith("estimator") for thread in threading.enumerate())
            for row, messages in enumerate(poses.values()):
                assert messages[-1].dropped + len(messages) == 300
                for message in messages:
                    (found,) = message.individuals
                    assert (found.x[0], found.y[0]) == (message.sequence % 64, 5 + row)
        node.trigger_cleanup()
    finally:
        node.destroy_node()
