"""The experiment node's sign of life, which keeps on what it has switched on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rclpy.node import Node

from dlstream_common.lateness import uptime
from dlstream_common.ros import HEARTBEAT, stamp_to_message
from dlstream_msgs.msg import Heartbeat as HeartbeatMsg

_EVERY = 0.05
_HANGS = 0.25
"""Seconds without a turn of the executor after which the node counts as hanging."""
_STANDS = 1.0
"""Seconds of real time in which the node's clock has not moved, after which it stands: a bag is paused, or over."""


class Heartbeat:
    """Publishes ~/heartbeat from a thread of its own, so that work in the executor does not delay it.

    It also proves that the executor turns: the node calls `turn` from a timer, and without that the heartbeat stops.
    So it does while the node's time stands still, as /clock of a bag that is paused: no pose would be missed then.

    Args:
        running: whether a run is in progress; called from the heartbeat's thread.
        clock: nanoseconds since the epoch.
    """

    def __init__(self, node: Node, running: Callable[[], bool], clock: Callable[[], int]) -> None:
        self._running, self._clock, self._node = running, clock, node
        # No lifecycle publisher: the heartbeat goes on until the last "off" of a node that ends was acknowledged.
        self._publisher = Node.create_publisher(node, HeartbeatMsg, "~/heartbeat", HEARTBEAT)
        self._turned = self._moved = time.monotonic()
        self._stamp = clock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    def turn(self) -> None:
        """The executor turns."""
        stamp, steady = self._clock(), time.monotonic()
        if stamp != self._stamp:
            self._stamp, self._moved = stamp, steady
        if steady - self._moved < _STANDS:
            self._turned = steady

    def close(self) -> None:
        """Falls silent."""
        self._end.set()
        self._thread.join()
        self._node.destroy_publisher(self._publisher)

    def _beat(self) -> None:
        while not self._end.wait(_EVERY):
            if time.monotonic() - self._turned > _HANGS:
                continue
            stamp = self._clock()  # first: a run that begins after this must not be taken for one that has ended
            message = HeartbeatMsg(stamp=stamp_to_message(stamp), running=self._running(), uptime=uptime())
            self._publisher.publish(message)
