"""Two rigs must not share names on one ROS domain: each that starts announces its own, and a later one ends."""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rcl_interfaces.srv import ListParameters
from rclpy.node import Node, NodeNameNonExistentError
from rclpy.qos import QoSProfile
from std_msgs.msg import String

from dlstream_common import DlstreamError, now
from dlstream_common.ros import LATCHED, in_words, publishers_of

_TOPIC = "/dlstream/rigs"
_QOS = QoSProfile(history=LATCHED.history, depth=100, reliability=LATCHED.reliability, durability=LATCHED.durability)
_DISCOVERY = 1.0
"""Seconds in which the rigs of a domain find each other; one that takes longer is noticed later: see `conflict`."""
_ANSWER = 2.5
"""Seconds for a node to prove that it lives: one that was killed stays in ROS's graph, but answers nothing."""
_SAME_MOMENT = 1.0
"""Seconds between two starts that count as one: an announcement is under way for less."""


class NamesTakenError(DlstreamError):
    """Somebody else's nodes have the names of this rig's, or publish its topics."""


@dataclass(frozen=True)
class Announcement:
    """A rig that runs: whose it is, and the full names of its nodes.

    Attributes:
        running: for how many seconds it had run when it said this, by a clock that nobody sets.
    """

    rig: str
    file: str
    nodes: list[str]
    host: str = field(default_factory=socket.gethostname)
    user: str = field(default_factory=lambda: _user())
    pid: int = field(default_factory=os.getpid)
    started_ns: int = field(default_factory=now)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    running: float = 0.0

    @property
    def text(self) -> str:
        """Whose it is, for people."""
        ago = max(0, now() - self.started_ns) / 60e9
        return (
            f"rig '{self.rig}' ({self.file}), started by {self.user} on {self.host} {ago:.0f} min ago "
            f"(process {self.pid})"
        )


class Claim:
    """Announces a rig once it has found its names free, as long as its node lives, and hears who else is announced.

    Whoever is announced while a rig looks was there before it. Of two that hear of each other later, as when networks
    are joined, the one that has run for longer stays: each says so to the other. The clocks of two computers, of which
    one may be wrong, decide only where both start at the same moment.

    Args:
        node: of whoever starts the rig; somebody else spins it.
        nodes: the full names of the rig's nodes.
        topics: those that only the rig's own cameras and pose node publish, or only one driver of somebody else's, with
            the publishers that each may have before the rig starts.
    """

    def __init__(
        self, node: Node, rig: str, file: Path, nodes: Collection[str], topics: Mapping[str, int] | None = None
    ) -> None:
        self._node, self._topics = node, dict(topics or {})
        self._own = Announcement(rig, str(file), sorted(nodes))
        self._others: dict[str, tuple[Announcement, float]] = {}  # each with for how long it has run more than this rig
        self._announced: float | None = None
        node.create_subscription(String, _TOPIC, self._on_announcement, _QOS)
        self._publisher = node.create_publisher(String, _TOPIC, _QOS)

    @property
    def conflict(self) -> str:
        """Why this rig has to give way to another that was there before; empty if it need not."""
        for other, more in list(self._others.values()):
            by_clock = (other.started_ns, other.id) < (self._own.started_ns, self._own.id)
            before = by_clock if abs(more) <= _SAME_MOMENT else more > 0
            if before or self._announced is None:
                return self._refusal(f"{other.text} has", self._shared(other))
        return ""

    def check(self) -> None:
        """Waits until others are known, and announces the rig; before any node of it starts.

        Raises:
            NamesTakenError: another rig, or a node that lives, has a name of this rig's, or publishes what only this
                rig's nodes may.
        """
        _wait(lambda: self.conflict, _DISCOVERY)
        alive = self._alive({*self._own.nodes} & _graph(self._node)) if not self.conflict else []
        if alive:  # whose they are may arrive later than they are seen
            _wait(lambda: self.conflict, _ANSWER)
        if self.conflict:
            raise NamesTakenError(self.conflict)
        if alive:
            raise NamesTakenError(self._refusal("other nodes, which no rig has announced, have", sorted(alive)))
        for topic, most in self._topics.items():
            self._check_publishers(topic, most)
        if self.conflict:
            raise NamesTakenError(self.conflict)
        self._announced = time.monotonic()
        self._announce()

    def _announce(self) -> None:
        own = replace(self._own, running=self._running)
        self._publisher.publish(String(data=json.dumps(asdict(own))))

    @property
    def _running(self) -> float:
        return 0.0 if self._announced is None else time.monotonic() - self._announced

    def _shared(self, other: Announcement) -> list[str]:
        return sorted({*self._own.nodes} & {*other.nodes})

    def _check_publishers(self, topic: str, most: int) -> None:
        found = publishers_of(self._node, topic)
        if len(found) <= most:
            return
        _wait(lambda: all(publishers_of(self._node, topic)), _ANSWER)  # the names come after the publishers
        found = publishers_of(self._node, topic)
        names = {*found} - {""}
        alive = self._alive(names, len(names))
        found = [name for name in found if name in alive or not self._can_answer(name)]
        if len(found) > most:
            expected = "one publisher" if most else "this rig's own node only"
            way = "End all but one" if most else "End it, or give this rig a namespace of its own"
            name = self._node.resolve_topic_name(topic)
            raise NamesTakenError(
                f"rig '{self._own.rig}' can't run here: on ROS domain {_domain()}, {name} is published by "
                f"{in_words(found)}; expected {expected}, as frames or poses of both would be mixed. {way}"
            )

    def _can_answer(self, name: str) -> bool:
        """Whether a node has the service by which it proves that it lives."""
        namespace, _, last = name.rpartition("/")
        try:
            services = self._node.get_service_names_and_types_by_node(last, namespace or "/")
        except NodeNameNonExistentError:
            return False
        return any(service == f"{name}/list_parameters" for service, _ in services)

    def _alive(self, names: Iterable[str], enough: int = 1) -> list[str]:
        """Which of these nodes answer; so many are `enough`."""
        clients = {name: self._node.create_client(ListParameters, f"{name}/list_parameters") for name in names}
        answers = {name: client.call_async(ListParameters.Request()) for name, client in clients.items()}
        if answers:
            _wait(lambda: sum(answer.done() for answer in answers.values()) >= enough, _ANSWER)
        found = [name for name, answer in answers.items() if answer.done()]
        for client in clients.values():
            self._node.destroy_client(client)
        return found

    def _refusal(self, whose: str, shared: list[str]) -> str:
        names = ", ".join(shared[:4]) + (f" and {len(shared) - 4} more" if len(shared) > 4 else "")
        return (
            f"rig '{self._own.rig}' can't run here: on ROS domain {_domain()}, {whose} the same names: {names}. "
            "End it first, or give this rig a namespace of its own: `namespace: rig2` in its file, or --namespace rig2"
        )

    def _on_announcement(self, message: String) -> None:
        other = _read(message.data)
        if other is None or other.id == self._own.id or not self._shared(other):
            return
        is_new = other.id not in self._others
        self._others[other.id] = other, other.running - self._running
        if is_new and self._announced is not None:  # what it has heard of this rig may be of long ago
            self._announce()


def _wait(condition: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)


def _domain() -> str:
    return os.environ.get("ROS_DOMAIN_ID", "0")


def _graph(node: Node) -> set[str]:
    return {f"{namespace.rstrip('/')}/{name}" for name, namespace in node.get_node_names_and_namespaces()}


def _read(text: str) -> Announcement | None:
    """An announcement; None where it is none, as of another version or of a stranger's."""
    try:
        data: dict[str, Any] = {"running": 0.0, **json.loads(text)}
        known = {name: data[name] for name in Announcement.__dataclass_fields__}
        other = Announcement(**known)
        has_times = int(other.started_ns) and float(other.running) >= 0
        return other if has_times and all(isinstance(name, str) for name in other.nodes) else None
    except (ValueError, TypeError, KeyError):
        return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())
