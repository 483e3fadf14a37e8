"""Frames from node to node within one process: by reference, without ROS in between.

rclpy has no transport of this kind. A node publishes and takes frames as ever; where publisher and subscriber live in
the same process, the image goes from one to the other as it is, and is serialised only for subscribers outside.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

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
        time.sleep(0)  # lets go of the interpreter lock, for which the pose node's thread waits now
