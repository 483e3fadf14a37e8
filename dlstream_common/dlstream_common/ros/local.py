"""Frames from node to node within one process: by reference, without ROS in between.

rclpy has no transport of this kind. A node publishes and takes frames as ever; where publisher and subscriber live in
the same process, the image goes from one to the other as it is, and is serialised only for subscribers outside.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from rclpy.node import Node

from dlstream_common.frame import Frame

Taker = Callable[[Frame, str], None]
"""Called with a frame, whose image is read-only, and its frame_id."""


class LocalFrames:
    """The image topics that are published within this process.

    Whoever puts nodes together announces their image topics before any node is created: so each subscriber knows, in
    whatever order they start, whether its frames come this way or by ROS. Topics are full names, remapping done.
    """

    def __init__(self, topics: tuple[str, ...] = ()) -> None:
        self._takers: dict[str, tuple[Taker, ...]] = dict.fromkeys(topics, ())
        self._lock = threading.Lock()

    def carries(self, topic: str) -> bool:
        """Whether the topic's frames come from this process."""
        return topic in self._takers

    def takers(self, topic: str) -> int:
        """How many subscribers in this process take the topic's frames."""
        return len(self._takers.get(topic, ()))

    def take(self, topic: str, taker: Taker) -> Callable[[], None]:
        """Has `taker` called with every frame from now on, in the thread of the publisher; call the result to end it.

        Raises:
            KeyError: the topic was not announced.
        """
        with self._lock:
            self._takers[topic] = (*self._takers[topic], taker)

        def end() -> None:
            with self._lock:
                self._takers[topic] = tuple(other for other in self._takers[topic] if other is not taker)

        return end

    def give(self, topic: str, frame: Frame, frame_id: str) -> None:
        """Hands a frame to all who take the topic. Its image must not change any more."""
        takers = self._takers.get(topic, ())
        if not takers:
            return
        image = frame.image.view()
        image.flags.writeable = False
        frame = replace(frame, image=image)
        for taker in takers:
            taker(frame, frame_id)


class QueuedFrames:
    """Takes a topic's frames in the thread of a node's own executor, in their order.

    Of more than `depth` waiting frames the oldest are left out, as a ROS subscription would; their numbers show it.
    """

    def __init__(self, node: Node, frames: LocalFrames, topic: str, taker: Taker, depth: int) -> None:
        self._node, self._taker = node, taker
        self._waiting: deque[tuple[Frame, str]] = deque(maxlen=depth)
        self._wake = node.create_guard_condition(self._serve)
        self._end = frames.take(topic, self._put)

    def close(self) -> None:
        """Takes no more; what waits is still handed over."""
        self._end()
        self._serve()
        self._node.destroy_guard_condition(self._wake)

    def _put(self, frame: Frame, frame_id: str) -> None:
        self._waiting.append((frame, frame_id))
        self._wake.trigger()

    def _serve(self) -> None:
        while self._waiting:
            self._taker(*self._waiting.popleft())
