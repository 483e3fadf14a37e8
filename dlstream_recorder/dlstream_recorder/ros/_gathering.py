"""Messages taken many at a time.

Each time that an executor of rclpy wakes it builds its wait set anew, in Python, from every entity of the node: half a
millisecond under the interpreter lock. A recorder hears five messages for every frame and nobody waits for it, so it
lets them gather and takes all that has come at once. In one process with a camera at 100 frames a second that leaves
the lock to those whom the animal waits for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription

from dlstream_common import now
from dlstream_recorder.ros._topics import Topic

_GATHER = 0.01
"""Seconds in which messages gather. What a topic keeps for a late subscriber (its depth) lasts far longer."""

OnMessage = Callable[[bytes, Mapping[str, Any]], None]
"""Called with a serialized message and what the middleware knows of it."""


def received(info: Mapping[str, Any]) -> int:
    """When a message reached this process, in nanoseconds since the epoch, by the middleware where it says so."""
    return int(info.get("received_timestamp", 0)) or now()


class Gathering:
    """Raw subscriptions of a node; the messages of all of them are handed on in the order in which they came."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._listening: dict[Subscription, OnMessage] = {}

    def subscribe(self, topic: Topic, callback: OnMessage) -> Callable[[], None]:
        """Listens to a topic; call the result to end it."""

        def on_message(data: bytes, info: Mapping[str, Any]) -> None:
            time.sleep(_GATHER)
            self.take((received(info), callback, data, info))

        subscription = self._node.create_subscription(topic.type, topic.name, on_message, topic.qos, raw=True)
        self._listening[subscription] = callback

        def end() -> None:
            del self._listening[subscription]
            self._node.destroy_subscription(subscription)

        return end

    def take(self, *first: tuple[int, OnMessage, bytes, Mapping[str, Any]]) -> None:
        """Hands on all messages that have come, `first` among them. In the thread of the executor, or when it ended."""
        found = list(first)
        for subscription, callback in self._listening.items():
            while (taken := subscription.handle.take_message(subscription.msg_type, True)) is not None:
                data, info = taken
                found.append((received(info), callback, data, info))
        for _, callback, data, info in sorted(found, key=itemgetter(0)):
            callback(data, info)
