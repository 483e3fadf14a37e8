"""Passes frames from node to node within one process: by reference, without ROS in between.

rclpy has no such transport. Nodes publish and subscribe as usual; if publisher and subscriber are in the same process,
the image itself is passed from one to the other, and is serialised only for subscribers in other processes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from dlstream_common.frame import Frame

OnFrame = Callable[[Frame, str], None]
"""Called with a frame, whose image is read-only, and with its frame_id."""


class LocalFrames:
    """The image topics that are published within this process.

    The program that combines nodes announces their image topics before it creates any node. So each subscriber knows,
    whatever the order of start, whether its frames arrive this way or by ROS. Topics are full names after remapping.
    """

    def __init__(self, topics: tuple[str, ...] = ()) -> None:
        self._callbacks: dict[str, tuple[OnFrame, ...]] = dict.fromkeys(topics, ())
        self._lock = threading.Lock()

    def carries(self, topic: str) -> bool:
        """Whether the topic's frames come from this process."""
        return topic in self._callbacks

    def subscribers(self, topic: str) -> int:
        """The number of subscribers to the topic in this process."""
        return len(self._callbacks.get(topic, ()))

    def subscribe(self, topic: str, callback: OnFrame) -> Callable[[], None]:
        """Calls `callback` with every frame from now on, in the publisher's thread; call the result to unsubscribe.

        Raises:
            KeyError: the topic was not announced.
        """
        with self._lock:
            self._callbacks[topic] = (*self._callbacks[topic], callback)

        def end() -> None:
            with self._lock:
                self._callbacks[topic] = tuple(other for other in self._callbacks[topic] if other is not callback)

        return end

    def publish(self, topic: str, frame: Frame, frame_id: str) -> None:
        """Passes a frame to all subscribers of the topic. Its image must not change any more."""
        callbacks = self._callbacks.get(topic, ())
        if not callbacks:
            return
        image = frame.image.view()
        image.flags.writeable = False
        frame = replace(frame, image=image)
        for callback in callbacks:
            callback(frame, frame_id)
        time.sleep(0)  # releases the interpreter lock, for which the pose node's thread is waiting now
