"""Cameras of somebody else's that deliver the same picture again and again: dlstream's own watch themselves."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rclpy.lifecycle import LifecycleNode

from dlstream_common import Event, Image, event_kinds
from dlstream_common.frozen import FROZEN, FrozenCheck
from dlstream_common.ros import EVENT, event_to_message
from dlstream_msgs.msg import Event as EventMsg


class FrozenCameras:
    """Says which images show nothing new, and publishes a fault when that begins, and its end.

    Args:
        after: by camera, the seconds of equal images after which it is frozen. Others are not watched.
    """

    def __init__(self, node: LifecycleNode, after: Mapping[str, float]) -> None:
        self._node, self._after = node, after
        self._checks = {camera: FrozenCheck(seconds) for camera, seconds in after.items()}
        self._events = node.create_lifecycle_publisher(EventMsg, "experiment/events", EVENT) if after else None
        self._held = dict.fromkeys(after, 0)

    def holds(self, camera: str, image: Image) -> bool:
        """Whether an image that has just come is one of a frozen picture, and not to be used."""
        check = self._checks.get(camera)
        if check is None:
            return False
        if check.add(image, time.monotonic()):
            seconds = f"{check.lasted:.1f}"
            if check.frozen:
                text = f"frozen: {FROZEN.format(seconds=seconds)} (frozen_after: {self._after[camera]:g})"
                self._tell(event_kinds.FAULT, camera, f"{text}; it gives no pose until they differ again", seconds)
            else:
                held, self._held[camera] = self._held[camera], 0
                text = f"its images differ again, after {seconds} s frozen; {held} gave no pose"
                self._tell(event_kinds.RECOVERED, camera, text, seconds)
        self._held[camera] += check.frozen
        return check.frozen

    def said(self, camera: str) -> str:
        """What is wrong with a camera's picture now; empty: nothing."""
        check = self._checks.get(camera)
        return f"frozen for {check.lasted:.1f} s" if check is not None and check.frozen else ""

    def close(self) -> None:
        """Ends the publisher."""
        if self._events is not None:
            self._node.destroy_lifecycle_publisher(self._events)

    def _tell(self, kind: str, camera: str, text: str, seconds: str) -> None:
        name = str(self._node.resolve_topic_name(camera))
        if kind == event_kinds.FAULT:
            self._node.get_logger().error(f"{name}: {text}")
        else:
            self._node.get_logger().info(f"{name}: {text}")
        stamp = int(self._node.get_clock().now().nanoseconds)
        message = event_to_message(Event(stamp, kind, name, {"text": text, "seconds": seconds}))
        message.camera = camera
        if self._events is not None:
            self._events.publish(message)
