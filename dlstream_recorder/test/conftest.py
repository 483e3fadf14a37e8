"""Frames and poses for the recorder's tests, and the node with a camera that the test itself is."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from mcap.exceptions import McapError
from mcap.records import Message
from mcap.stream_reader import StreamReader
from numpy.typing import NDArray

from dlstream_common import Frame, FramePoses, Individual
from dlstream_recorder import Session, SessionSettings

START = 1_795_000_000_123_456_789
STEP = 16_666_667
KEYPOINTS = ("nose", "tail")


def noisy_images(count: int, height: int = 48, width: int = 64, channels: int = 3) -> list[NDArray[np.uint8]]:
    """Images that a lossy codec can't give back."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    rng = np.random.default_rng(7)
    return [rng.integers(0, 256, shape, dtype=np.uint8) for _ in range(count)]


def frame_of(number: int, image: NDArray[Any], encoding: str = "bgr8", camera: str = "top", stamp: int = 0) -> Frame:
    """Frame `number` at 60 frames a second."""
    return Frame(camera, number, stamp or START + number * STEP, image, encoding)


def pose_of(
    number: int, x: Sequence[float] = (1.5, np.nan), ids: Sequence[str] = ("",), keypoints: Sequence[str] = KEYPOINTS
) -> FramePoses:
    """The poses of frame `number`: for each id one individual, 10 px below the one before it."""
    stamp = START + number * STEP
    individuals = tuple(
        Individual(name, np.float32(x), np.float32([10.0 * (index + 1)] * len(x)), np.float32([0.9] * len(x)))
        for index, name in enumerate(ids)
    )
    times = (stamp + 1_000_000, stamp + 2_000_000, stamp + 9_000_000)
    return FramePoses("top", number, stamp, tuple(keypoints), individuals, *times, dropped=0)


class Helpers:
    """The functions above, for tests that can't import them."""

    start = START
    step = STEP
    images = staticmethod(noisy_images)
    stamp = staticmethod(lambda number: START + number * STEP)
    frame = staticmethod(frame_of)
    poses = staticmethod(pose_of)

    @staticmethod
    def decode(path: Path, pixel_format: str | None = None) -> tuple[list[NDArray[Any]], list[int]]:
        """All images of a video and their times in nanoseconds."""
        with av.open(str(path)) as container:
            frames = list(container.decode(video=0))
        times = [round(frame.pts * frame.time_base * 1_000_000_000) for frame in frames]
        return [frame.to_ndarray(format=pixel_format) for frame in frames], times

    @staticmethod
    def bag_messages(path: Path) -> int:
        """How many messages a bag that is being written has so far."""
        count = 0
        if path.exists():
            with suppress(McapError), path.open("rb") as file:
                for record in StreamReader(file).records:
                    count += isinstance(record, Message)
        return count


@pytest.fixture(scope="session")
def make() -> type[Helpers]:
    """Frames, poses, and the decoder."""
    return Helpers


@pytest.fixture
def open_session(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """Opens sessions of the camera `top` below the test's folder."""
    opened: list[Session] = []

    def open_(name: str = "session", told: dict[str, str] | None = None, **settings: Any) -> Session:
        values = {"directory": tmp_path, "cameras": ["top"], "min_free": 0.0, **settings}
        opened.append(Session(SessionSettings(**values), name, told))
        return opened[-1]

    yield open_
    for session in opened:
        session.finish()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB; without the right to mount one, the test is skipped."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", folder], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"can't mount a small disk: {mount.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


class Camera:
    """A camera, and a pose node where asked for, played by the test over real DDS."""

    def __init__(self, observer: Any, wait_for: Callable[..., None], name: str = "top") -> None:
        from sensor_msgs.msg import CameraInfo, Image

        from dlstream_common.ros import LATCHED, POSE, image_qos
        from dlstream_msgs.msg import FrameInfo, FramePoses, Skeleton

        self.name = name
        self._wait_for = wait_for
        node = observer.node
        self._images = node.create_publisher(Image, f"/{name}/image_raw", image_qos(300))
        self._camera_infos = node.create_publisher(CameraInfo, f"/{name}/camera_info", POSE)
        self._infos = node.create_publisher(FrameInfo, f"/{name}/frame_info", POSE)
        self._poses = node.create_publisher(FramePoses, f"/{name}/pose", POSE)
        self._truths = node.create_publisher(FramePoses, f"/{name}/ground_truth", POSE)
        self._skeletons = node.create_publisher(Skeleton, f"/{name}/skeleton", LATCHED)
        skeleton = Skeleton(network="mouse.onnx", network_sha256="ab" * 32, keypoints=list(KEYPOINTS), edges=[0, 1])
        self._skeletons.publish(skeleton)
        self.sent: list[Frame] = []

    def wait_for_recorder(self) -> None:
        """Waits until it has been found by the recorder."""
        publishers = (self._images, self._camera_infos, self._infos, self._poses, self._truths)
        self._wait_for(
            lambda: all(item.get_subscription_count() for item in publishers), "the recorder's subscriptions"
        )

    def send(self, images: Sequence[NDArray[Any]], fps: float, poses: bool = True, encoding: str = "bgr8") -> None:
        """Publishes the images at a steady rate, each with its companions."""
        begin = time.monotonic()
        for index, image in enumerate(images):
            threading.Event().wait(max(0.0, begin + index / fps - time.monotonic()))
            self.send_one(image, poses, encoding)

    def wait_for_arrival(self) -> None:
        """Waits until all that was sent lies with the recorder, looked at or not."""
        from rclpy.duration import Duration

        for publisher in (self._images, self._camera_infos, self._infos, self._poses, self._truths):
            assert publisher.wait_for_all_acked(Duration(seconds=120))

    def send_one(self, image: NDArray[Any], poses: bool = True, encoding: str = "bgr8") -> Frame:
        """Publishes one image with its companions."""
        from sensor_msgs.msg import CameraInfo

        from dlstream_common.ros import image_to_message, poses_to_message
        from dlstream_msgs.msg import FrameInfo

        frame = Frame(self.name, len(self.sent), time.time_ns(), image, encoding)
        message = image_to_message(frame, f"{self.name}_optical_frame")
        self._images.publish(message)
        self._camera_infos.publish(CameraInfo(header=message.header))
        self._infos.publish(FrameInfo(header=message.header, sequence=frame.sequence, frame_number=frame.sequence))
        x, y, sure = (np.float32([value, value]) for value in (frame.sequence, 20.0, 0.9))
        truth = FramePoses(self.name, frame.sequence, frame.stamp, KEYPOINTS, (Individual("", x + 3, y + 4, sure),))
        self._truths.publish(poses_to_message(truth))
        if poses:
            times = (frame.stamp + 1_000_000, frame.stamp + 2_000_000, time.time_ns())
            found = (Individual("", x, y, sure),)
            self._poses.publish(
                poses_to_message(FramePoses(self.name, frame.sequence, frame.stamp, KEYPOINTS, found, *times))
            )
        self.sent.append(frame)
        return frame


@pytest.fixture
def camera(observer: Any, wait_for: Callable[..., None]) -> Camera:
    """The camera `top`."""
    return Camera(observer, wait_for)
