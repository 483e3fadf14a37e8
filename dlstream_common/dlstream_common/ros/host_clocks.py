"""How the clocks of a rig's other hosts differ from this one's, as this host's launcher finds and tells it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

HOST = "DLSTREAM_HOST"
"""Environment variable by which the launcher tells its nodes the host's name; not set in a rig of one computer."""
CLOCKS_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


@dataclass(frozen=True, slots=True)
class Ahead:
    """By how much another clock is ahead of ours, and the greatest error of that; nanoseconds."""

    nanoseconds: int = 0
    uncertainty: int = 0


_SAME = Ahead()


def clocks_topic(host: str) -> str:
    """Where a host's launcher publishes it, in the rig's namespace."""
    return f"dlstream/clocks/{host}"


def clocks_text(ahead: Mapping[str, Ahead]) -> str:
    """What is published: for each node on another host, by its full name, how its clock differs."""
    return json.dumps({node: [one.nanoseconds, one.uncertainty] for node, one in ahead.items()})


class HostClocks:
    """The clocks of a rig's nodes, for a node that compares a time of theirs with its own.

    Args:
        node: which asks; with use_sim_time all have one clock.
        namespace: of the rig, such as "/" or "/rig1".
    """

    def __init__(self, node: Node, namespace: str) -> None:
        self._node = node
        self._ahead: dict[str, Ahead] = {}
        host = os.environ.get(HOST)
        topic = f"{namespace.rstrip('/')}/{clocks_topic(host)}" if host else ""
        self._subscription = node.create_subscription(String, topic, self._on_clocks, CLOCKS_QOS) if topic else None

    def close(self) -> None:
        """Lets go of the topic."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)

    def of(self, full_name: str) -> Ahead:
        """How the clock of a node is ahead of this one's; nothing for one on this host, or that is not the rig's."""
        simulated = bool(self._ahead) and self._node.get_clock().ros_time_is_active
        return _SAME if simulated else self._ahead.get(full_name, _SAME)

    def _on_clocks(self, message: String) -> None:
        try:
            items = json.loads(message.data).items()
            self._ahead = {str(name): Ahead(int(ahead), abs(int(error))) for name, (ahead, error) in items}
        except (ValueError, TypeError, AttributeError, OverflowError):  # a stranger's; what is known stays
            self._node.get_logger().warning(f"found '{message.data[:80]}'; expected the clocks of the other hosts")
