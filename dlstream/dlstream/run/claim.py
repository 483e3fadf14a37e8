"""Two rigs must not share names on one ROS domain: each announces its own, and a later one that meets them ends."""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rcl_interfaces.srv import ListParameters
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import String

from dlstream_common import DlstreamError, now
from dlstream_common.ros import LATCHED

_TOPIC = "/dlstream/rigs"
_QOS = QoSProfile(history=LATCHED.history, depth=100, reliability=LATCHED.reliability, durability=LATCHED.durability)
_DISCOVERY = 1.0
"""Seconds in which the rigs of a domain find each other; one that takes longer is noticed later: see `conflict`."""
_ANSWER = 2.5
"""Seconds for a node to prove that it lives: one that was killed stays in ROS's graph, but answers nothing."""


class NamesTakenError(DlstreamError):
    """Somebody else's nodes have the names of this rig's."""


@dataclass(frozen=True)
class Announcement:
    """A rig that runs: whose it is, and the full names of its nodes."""

    rig: str
    file: str
    nodes: list[str]
    host: str = field(default_factory=socket.gethostname)
    user: str = field(default_factory=lambda: _user())
    pid: int = field(default_factory=os.getpid)
    started_ns: int = field(default_factory=now)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def text(self) -> str:
        """Whose it is, for people."""
        ago = max(0, now() - self.started_ns) / 60e9
        return (
            f"rig '{self.rig}' ({self.file}), started by {self.user} on {self.host} {ago:.0f} min ago "
            f"(process {self.pid})"
        )


class Claim:
    """Announces a rig for as long as its node lives, and hears the announcements of others.

    Args:
        node: of whoever starts the rig; somebody else spins it.
        nodes: the full names of the rig's nodes.
    """

    def __init__(self, node: Node, rig: str, file: Path, nodes: Collection[str]) -> None:
        self._node = node
        self._own = Announcement(rig, str(file), sorted(nodes))
        self._others: dict[str, Announcement] = {}
        node.create_subscription(String, _TOPIC, self._on_announcement, _QOS)
        self._publisher = node.create_publisher(String, _TOPIC, _QOS)
        self._publisher.publish(String(data=json.dumps(asdict(self._own))))

    @property
    def conflict(self) -> str:
        """Why this rig has to give way to another that was there before; empty if it need not."""
        for other in list(self._others.values()):
            shared = sorted({*self._own.nodes} & {*other.nodes})
            if shared and (other.started_ns, other.id) < (self._own.started_ns, self._own.id):
                return self._refusal(f"{other.text} has", shared)
        return ""

    def check(self) -> None:
        """Waits until others are known; before any node of the rig starts.

        Raises:
            NamesTakenError: another rig, or a node that lives, has a name of this rig's.
        """
        _wait(lambda: self.conflict, _DISCOVERY)
        alive = self._alive({*self._own.nodes} & _graph(self._node)) if not self.conflict else []
        if alive:  # whose they are may arrive later than they are seen
            _wait(lambda: self.conflict, _ANSWER)
        if self.conflict:
            raise NamesTakenError(self.conflict)
        if alive:
            raise NamesTakenError(self._refusal("other nodes, which no rig has announced, have", sorted(alive)))

    def _alive(self, names: Iterable[str]) -> list[str]:
        """Which of these nodes answer."""
        clients = {name: self._node.create_client(ListParameters, f"{name}/list_parameters") for name in names}
        answers = {name: client.call_async(ListParameters.Request()) for name, client in clients.items()}
        if answers:
            _wait(lambda: any(answer.done() for answer in answers.values()), _ANSWER)
        found = [name for name, answer in answers.items() if answer.done()]
        for client in clients.values():
            self._node.destroy_client(client)
        return found

    def _refusal(self, whose: str, shared: list[str]) -> str:
        names = ", ".join(shared[:4]) + (f" and {len(shared) - 4} more" if len(shared) > 4 else "")
        domain = os.environ.get("ROS_DOMAIN_ID", "0")
        return (
            f"rig '{self._own.rig}' can't run here: on ROS domain {domain}, {whose} the same names: {names}. "
            "End it first, or give this rig a namespace of its own: `namespace: rig2` in its file, or --namespace rig2"
        )

    def _on_announcement(self, message: String) -> None:
        other = _read(message.data)
        if other is not None and other.id != self._own.id:
            self._others[other.id] = other


def _wait(condition: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)


def _graph(node: Node) -> set[str]:
    return {f"{namespace.rstrip('/')}/{name}" for name, namespace in node.get_node_names_and_namespaces()}


def _read(text: str) -> Announcement | None:
    """An announcement; None where it is none, as of another version or of a stranger's."""
    try:
        data: dict[str, Any] = json.loads(text)
        known = {name: data[name] for name in Announcement.__dataclass_fields__}
        other = Announcement(**known)
        return other if all(isinstance(name, str) for name in other.nodes) and int(other.started_ns) else None
    except (ValueError, TypeError, KeyError):
        return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())
