"""When a node dies: the outputs go off at once, and the session records it as an event."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping

from rclpy.duration import Duration
from rclpy.node import Node

from dlstream_common import OFF, RIG, event_kinds
from dlstream_common.ros import COMMAND, EVENT, key_values
from dlstream_msgs.msg import Command, Event


class OutputStopper:
    """Switches outputs off, bypassing the experiment. Created early, so that the outputs have discovered it.

    `node` is in the rig's namespace, and has its time.
    """

    def __init__(self, node: Node, outputs: Iterable[str]) -> None:
        self._clock = node.get_clock()
        self._publishers = [node.create_publisher(Command, f"outputs/{name}/command", COMMAND) for name in outputs]
        self._ids = itertools.count(1)

    def stop(self, reason: str, for_good: bool) -> None:
        """Switches all outputs off and waits for nothing; `for_good`: they accept only "off" from then on."""
        stamp = self._clock.now().to_msg()
        command = Command(source=RIG, id=next(self._ids), action=OFF, decided=stamp, sent=stamp, value=math.nan)
        command.values = key_values({"reason": reason})
        command.arm = Command.DISARM if for_good else Command.KEEP
        for publisher in self._publishers:
            publisher.publish(command)


class FaultPublisher:
    """Publishes faults and other events of the rig. Created early, so that its subscribers have discovered it."""

    def __init__(self, node: Node) -> None:
        self._clock = node.get_clock()
        self._publisher = node.create_publisher(Event, "experiment/events", EVENT)

    @property
    def heard(self) -> bool:
        """Whether anybody listens, such as the recorder."""
        return bool(self._publisher.get_subscription_count())

    def send(self, kind: str, name: str, values: Mapping[str, str]) -> None:
        """Publishes an event, and waits for nothing."""
        event = Event(kind=kind, name=name, stamp=self._clock.now().to_msg(), values=key_values(values))
        self._publisher.publish(event)

    def publish(self, node: str, text: str) -> None:
        """Publishes a fault of that node; waits up to a second until it has arrived."""
        self.send(event_kinds.FAULT, node, {"text": text})
        self._publisher.wait_for_all_acked(Duration(seconds=1))
