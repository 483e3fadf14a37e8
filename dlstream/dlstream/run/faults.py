"""The death of a node as an event, so that the session has it."""

from __future__ import annotations

from rclpy.duration import Duration
from rclpy.node import Node

from dlstream_common import now
from dlstream_common.ros import EVENT, key_values, stamp_to_message
from dlstream_msgs.msg import Event


class FaultPublisher:
    """Publishes faults of the rig itself. Made at the start, so that those who listen have found it by then."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(Event, "/experiment/events", EVENT)

    def publish(self, node: str, text: str) -> None:
        """A fault of the node of that name; waits, shortly, until it has arrived."""
        event = Event(kind=Event.FAULT, name=node, stamp=stamp_to_message(now()), values=key_values({"text": text}))
        self._publisher.publish(event)
        self._publisher.wait_for_all_acked(Duration(seconds=1))
