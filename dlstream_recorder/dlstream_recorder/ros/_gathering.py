"""Handles messages many at a time.

Whenever an executor of rclpy wakes, it rebuilds its wait set in Python from every entity of the node, which holds the
interpreter lock for half a millisecond. A recorder receives five messages for every frame and nobody waits for it, so
it lets them gather and handles all that have arrived at once. In one process with a camera at 100 frames per second
this leaves the lock to the nodes that the animal waits for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription

from dlstream_common import now
from dlstream_common.ros import DlstreamNode
from dlstream_recorder.ros._topics import Topic

_GATHER = 0.01
"""Seconds during which messages gather. A topic's queue (its depth) holds the messages of a far longer time."""

OnMessage = Callable[[bytes, Mapping[str, Any]], None]
"""Called with a serialized message and the middleware's information about it."""


def received(info: Mapping[str, Any]) -> int:
    """When a message reached this process, in nanoseconds since the epoch: the middleware's time if it gives one."""
    return int(info.get("received_timestamp", 0)) or now()


class Gathering:
    """Raw subscriptions of a node; passes on the messages of all of them in the order of their arrival."""

    def __init__(self, node: DlstreamNode[Any]) -> None:
        self._node = node
        self._listening: dict[Subscription, OnMessage] = {}

    def subscribe(self, topic: Topic, callback: OnMessage) -> Callable[[], None]:
        """Subscribes to a topic; call the result to unsubscribe."""

        def on_message(data: bytes, info: Mapping[str, Any]) -> None:
            time.sleep(_GATHER)
            self.handle((received(info), callback, data, info))

        subscription = self._node.create_subscription(
            topic.type,
            topic.name,
            on_message,
            topic.qos,
            raw=True,
            remedy=topic.remedy,
            qos_overriding_options=QoSOverridingOptions.with_default_policies() if topic.is_image else None,
        )
        self._listening[subscription] = callback

        def end() -> None:
            del self._listening[subscription]
            self._node.destroy_subscription(subscription)

        return end

    def handle(self, *first: tuple[int, OnMessage, bytes, Mapping[str, Any]]) -> None:
        """Passes on all messages that have arrived, including `first`. In the executor's thread, or after its end."""
        found = list(first)
        for subscription, callback in self._listening.items():
            while (message := subscription.handle.take_message(subscription.msg_type, True)) is not None:
                data, info = message
                found.append((received(info), callback, data, info))
        for _, callback, data, info in sorted(found, key=itemgetter(0)):
            callback(data, info)
