from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from experiment_node_tools import OUTPUT, PATIENT_OUTPUT, Watcher
from experiment_poses import BETWEEN, KEYPOINTS

from dlstream_common import FramePoses, Individual, now
from dlstream_common.ros import POSE, poses_to_message
from dlstream_msgs.msg import FramePoses as FramePosesMsg


class Animal:
    """Publishes poses of a camera with all keypoints at one place: fifty a second if it walks, else when told to."""

    def __init__(
        self, observer: Any, keypoints: Sequence[str] = KEYPOINTS, walking: bool = True, camera: str = "top"
    ) -> None:
        self.place = BETWEEN
        self.delay = 0
        """Nanoseconds by which the frames are older than their arrival."""
        self._count, self._camera = 0, camera
        self._keypoints = tuple(keypoints)
        self._publisher = observer.node.create_publisher(FramePosesMsg, f"/{camera}/pose", POSE)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._walk if walking else self._end.wait)
        self._thread.start()

    def is_seen(self) -> bool:
        """Whether somebody listens."""
        return bool(self._publisher.get_subscription_count() > 0)

    def send(self, place: tuple[float, float]) -> FramePoses:
        """Publishes one frame."""
        x, y = (np.full(len(self._keypoints), value, np.float32) for value in place)
        animals = (Individual("animal", x, y, np.ones_like(x)),)
        self._count += 1
        poses = FramePoses(self._camera, self._count, now() - self.delay, self._keypoints, animals)
        self._publisher.publish(poses_to_message(poses))
        return poses

    def _walk(self) -> None:
        while not self._end.wait(0.02):
            self.send(self.place)

    def leave(self) -> None:
        """Sends no more poses."""
        self._end.set()
        self._thread.join()


@pytest.fixture
def animal(observer: Any) -> Iterator[Callable[..., Animal]]:
    """Makes an animal that is seen by the camera `top`; `of`: who else than the observer has a node."""
    animals: list[Animal] = []

    def make(of: Any = observer, **options: Any) -> Animal:
        animals.append(Animal(of, **options))
        return animals[-1]

    yield make
    for item in animals:
        item.leave()


@pytest.fixture
def watcher(observer, wait_for):
    return Watcher(observer, wait_for)


@pytest.fixture
def log_output(start_node):
    """An output's process that acknowledges everything."""
    return start_node(OUTPUT, name="screen", namespace="/outputs", type="log", **PATIENT_OUTPUT)
