"""Who publishes a topic, and who can't be heard, or can't hear, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.topic_endpoint_info import TopicEndpointInfo
from sensor_msgs.msg import CompressedImage, Image

_UNKNOWN = "_NODE_NAME_UNKNOWN_"


def publishers_of(node: Node, topic: str) -> list[str]:
    """The full names of the nodes that publish a topic, a name for each publisher; empty where it isn't known yet.

    The topic may be remapped.
    """
    return sorted(_name(info) for info in node.get_publishers_info_by_topic(topic))


def in_words(names: list[str]) -> str:
    """Names of nodes as `node /a and node /b`; two publishers of one node as `node /a (2 publishers)`."""
    once = {name: f"node {name}" if name else "a node that has not said its name" for name in names}
    texts = [
        text if names.count(name) == 1 else f"{text} ({names.count(name)} publishers)" for name, text in once.items()
    ]
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


@dataclass(frozen=True)
class _Own:
    """An end of a topic that is this node's."""

    topic: str
    publishes: bool
    remedy: str


class Unmatched:
    """Tells, once for each, which nodes can't be heard or can't hear because they ask DDS for something else.

    Args:
        tell: called with the topic, what is wrong, and whether it is this node that gets nothing.
    """

    def __init__(self, node: Node, tell: Callable[[str, str, bool], None]) -> None:
        self._node, self._tell = node, tell
        self._watched: dict[_Own, tuple[type[Any], QoSProfile]] = {}
        self._suspects: dict[_Own, tuple[type[Any], QoSProfile]] = {}
        self._told: set[tuple[_Own, tuple[int, ...]]] = set()

    def of_subscription(
        self, kind: type[Any], topic: str, qos: QoSProfile, remedy: str = ""
    ) -> SubscriptionEventCallbacks:
        """What a subscription has to be made with; `remedy`: what to set so that it hears everybody."""
        own = _Own(topic, False, remedy)
        if kind in (Image, CompressedImage):  # DDS says nothing of a driver that sends one where the other is expected
            self._watched[own] = kind, qos
        suspect = self._suspecting(own, kind, qos)
        return SubscriptionEventCallbacks(incompatible_qos=suspect, incompatible_type=suspect)

    def of_publisher(self, kind: type[Any], topic: str, qos: QoSProfile) -> PublisherEventCallbacks:
        """What a publisher has to be made with."""
        suspect = self._suspecting(_Own(topic, True, ""), kind, qos)
        return PublisherEventCallbacks(incompatible_qos=suspect, incompatible_type=suspect)

    def look(self) -> None:
        """Tells of those that were found since the last call; ROS may learn their nodes' names a moment later."""
        for own, (kind, qos) in {**self._watched, **self._suspects}.items():
            find = (
                self._node.get_subscriptions_info_by_topic if own.publishes else self._node.get_publishers_info_by_topic
            )
            others = find(own.topic)
            for other in others:
                text = _difference(own, kind, qos, other)
                seen = own, tuple(other.endpoint_gid)
                if text and seen not in self._told and _name(other):
                    self._told.add(seen)
                    self._tell(own.topic, text, not own.publishes)
            if all(_name(other) for other in others):
                self._suspects.pop(own, None)

    def _suspecting(self, own: _Own, kind: type[Any], qos: QoSProfile) -> Callable[[object], None]:
        def suspect(event: object) -> None:
            self._suspects[own] = kind, qos

        return suspect


def _difference(own: _Own, kind: type[Any], qos: QoSProfile, other: TopicEndpointInfo) -> str:
    """Why one end gets nothing of the other; empty where it does."""
    name = f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}"
    if other.topic_type != name:
        what = "subscribes to" if own.publishes else "publishes"
        return f"node {_name(other)} {what} {other.topic_type} there; expected {name}"
    offered, asked = (qos, other.qos_profile) if own.publishes else (other.qos_profile, qos)
    compatibility, reason = qos_check_compatible(offered, asked)
    if compatibility != QoSCompatibility.ERROR:
        return ""
    pairs = [(getattr(offered, policy).name.lower(), getattr(asked, policy).name.lower()) for policy in _POLICIES]
    unlike = [pair for pair in pairs if pair in _UNLIKE]
    gives = ", ".join(pair[0] for pair in unlike) or reason.strip(" ;")
    wants = ", ".join(pair[1] for pair in unlike) or "something else"
    if own.publishes:
        asks = f"node {_name(other)} asks for {wants}, and this node offers {gives}"
        return f"{asks}: it gets nothing. Let it ask for {gives}"
    remedy = own.remedy or f"Let it offer {wants}"
    return f"node {_name(other)} offers {gives}, and this node asks for {wants}: nothing of it arrives. {remedy}"


_POLICIES = ("reliability", "durability")
_UNLIKE = {("best_effort", "reliable"), ("volatile", "transient_local")}


def _name(info: TopicEndpointInfo) -> str:
    known = info.node_name and info.node_name != _UNKNOWN
    return f"{info.node_namespace.rstrip('/')}/{info.node_name}" if known else ""
