"""Pictures and poses of the cameras that somebody looks at, and what triggers measure meanwhile; else nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String

from dlstream_common.middles import Middles, middles_of_course
from dlstream_common.ros import LATCHED, poses_from_message, stamp_from_message
from dlstream_msgs.msg import FramePoses
from dlstream_panel.clients import Hub

Post = Callable[..., None]

UNRELIABLE = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Nobody waits for the panel: neither for what it has not taken yet, nor for its end."""
PICTURES = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
"""A sixth of a second: where the panel gets its turn late, the picture whose poses come is not always the newest."""


class Pictures:
    """Subscribes as browsers come and go. `watch` is called in the server's thread, all else in the node's."""

    def __init__(self, node: Node, cameras: Iterable[str], post: Post) -> None:
        self._node, self._post = node, post
        self._cameras = tuple(cameras)
        self._subscriptions: dict[str, list[Any]] = {}
        self._triggers: Any = None
        self._points: dict[str, dict[str, float]] = {}
        self._middles: dict[tuple[str, ...], Middles] = {}
        self._course = node.create_subscription(String, "experiment/protocol", self._on_protocol, LATCHED)
        self._wanted: frozenset[str] = frozenset()
        self._open = True

    def connect(self, hub: Hub) -> None:
        """Where pictures and poses go."""
        self._hub = hub

    def watch(self, cameras: frozenset[str]) -> None:
        """These cameras are being looked at."""
        self._wanted = cameras
        self.in_node(self._follow)

    def in_node(self, task: Callable[[], object]) -> None:
        """Has something done in the node's thread, where subscriptions are made and ended."""
        executor = self._node.executor
        if executor is not None and self._open:
            executor.create_task(task)

    def _follow(self) -> None:
        if not self._open:
            return
        for camera in set(self._subscriptions) - self._wanted:
            self._end(camera)
        for camera in self._wanted - set(self._subscriptions):
            images, poses = f"{camera}/image_raw/compressed", f"{camera}/pose"
            create = self._node.create_subscription
            self._subscriptions[camera] = [
                create(CompressedImage, images, partial(self._on_picture, camera), PICTURES),
                create(FramePoses, poses, partial(self._on_poses, camera), UNRELIABLE),
            ]
        if self._wanted and self._triggers is None:
            triggers = "experiment/triggers"
            self._triggers = self._node.create_subscription(DiagnosticArray, triggers, self._on_triggers, UNRELIABLE)
        elif not self._wanted:
            self._end_triggers()

    def _on_picture(self, camera: str, message: CompressedImage) -> None:
        stamp = stamp_from_message(message.header.stamp)
        self._post(self._hub.picture, camera, stamp, bytes(message.data))

    def _on_poses(self, camera: str, message: FramePoses) -> None:
        stamp = stamp_from_message(message.header.stamp)
        keypoints = tuple(message.keypoints)
        middles = self._middles.setdefault(keypoints, Middles.among(self._points, keypoints))
        individuals = [
            {
                "id": item.id,
                "points": [
                    [round(x, 1), round(y, 1), round(c, 2)] if all(map(math.isfinite, (x, y, c))) else None
                    for x, y, c in zip(item.x.tolist(), item.y.tolist(), item.confidence.tolist(), strict=False)
                ],
            }
            for item in middles.add(poses_from_message(message).individuals)
        ]
        latency = (stamp_from_message(message.inference_end) - stamp) / 1e6
        poses = {"sequence": message.sequence, "latency": round(latency, 2), "individuals": individuals}
        self._post(self._hub.poses, camera, stamp, poses)

    def _on_protocol(self, message: String) -> None:
        self._points = middles_of_course(message.data)
        self._middles.clear()

    def _on_triggers(self, message: DiagnosticArray) -> None:
        values: dict[str, tuple[float | None, bool]] = {}
        bounds: dict[str, dict[str, str]] = {}
        for item in message.status:
            texts = {pair.key: pair.value for pair in item.values}
            values[item.name] = (_number(texts.pop("value", "")), item.message == "true")
            bounds[item.name] = texts
        self._post(self._hub.board.bounds, bounds)
        self._post(self._hub.measured, stamp_from_message(message.header.stamp) / 1e6, values)

    def _end_triggers(self) -> None:
        if self._triggers is not None:
            self._node.destroy_subscription(self._triggers)
        self._triggers = None

    def _end(self, camera: str) -> None:
        for subscription in self._subscriptions.pop(camera):
            self._node.destroy_subscription(subscription)

    def close(self) -> None:
        """Ends every subscription; in the node's thread, or when that has ended."""
        self._open = False
        for camera in list(self._subscriptions):
            self._end(camera)
        self._end_triggers()
        self._node.destroy_subscription(self._course)


def _number(text: str) -> float | None:
    """A finite number; None: nothing was measured."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
