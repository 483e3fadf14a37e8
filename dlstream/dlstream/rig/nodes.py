"""From a rig to the list of its nodes: what `ros2 launch` and `dlstream run` both start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dlstream.rig.facts import RigFacts
from dlstream.rig.file import Rig
from dlstream.rig.hosts import host_of
from dlstream.rig.sections import TopicCamera
from dlstream.rig.table import NODE_KINDS
from dlstream_common import Settings
from dlstream_common.node_options import NodeOptions

_SHARING = {"/outputs": "dlstream_outputs::OutputNode", "/inputs": "dlstream_outputs::InputNode"}
"""Classes of nodes that may share a device, by namespace."""


@dataclass(frozen=True)
class NodeSpec:
    """One node process, or several nodes in one.

    Attributes:
        namespace: the full one, within that of the rig.
        component: the node's class, `package::Class`, by which it can be put into a process with others.
        members: the nodes that run together in this process; empty: it is one node.
        images: the image topics that members publish; members take them by reference.
        ends_rig: the rig ends, without a failure, when this node has ended by itself.
        on_failure: stop, restart or continue.
        decides: what the outputs do depends on this node: they go off when it dies, even if the rig continues.
        commands: it commands the outputs, or a member does: it ends first where somebody ends the rig.
        host: which of the rig's computers runs it; empty in a rig of one.
    """

    package: str
    executable: str
    name: str
    namespace: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    remappings: tuple[tuple[str, str], ...] = ()
    on_failure: str = "stop"
    ends_rig: bool = False
    component: str = ""
    members: tuple[NodeSpec, ...] = ()
    images: tuple[str, ...] = ()
    decides: bool = False
    commands: bool = False
    host: str = ""

    @property
    def full_name(self) -> str:
        """The node's name with its namespace, as `ros2 node list` shows it."""
        return f"{self.namespace.rstrip('/')}/{self.name}"

    @property
    def is_needed(self) -> bool:
        """Whether the rig ends with this node."""
        return self.on_failure == "stop"

    @property
    def nodes(self) -> tuple[NodeSpec, ...]:
        """The nodes of this process."""
        return self.members or (self,)

    @property
    def arguments(self) -> list[str]:
        """The words of the command line before those of ROS."""
        words = [f"{member.component}={member.full_name}" for member in self.members]
        return [*words, "--images", *self.images] if self.images else words

    @property
    def parameter_file(self) -> dict[str, Any]:
        """The contents of a ROS parameter file with the parameters of the process's nodes."""
        if not self.members:
            return {"/**": {"ros__parameters": dict(self.parameters)}}
        return {member.full_name: {"ros__parameters": dict(member.parameters)} for member in self.members}


def rig_nodes(rig: Rig, rig_file: Path) -> list[NodeSpec]:
    """The nodes of a rig on all its hosts, in the order in which they start; they end in reverse."""
    facts = RigFacts.of(rig, rig_file)
    nodes = _separate(rig, facts)
    hosts = list(rig.hosts) or [""]
    processes = {host: _processes([node for node in nodes if node.host == host], rig, facts) for host in hosts}
    order = {node.full_name: number for number, node in enumerate(nodes)}
    found = [replace(process, host=host) for host in hosts for process in processes[host]]
    return (
        sorted(found, key=lambda process: max(order[node.full_name] for node in process.nodes)) if rig.hosts else found
    )


def needed(specs: Iterable[NodeSpec]) -> list[str]:
    """The full names of the nodes without which the rig ends."""
    return [node.full_name for spec in specs if spec.is_needed for node in spec.nodes]


def deciding(specs: Iterable[NodeSpec]) -> list[str]:
    """The full names of the nodes on which depends what the outputs do."""
    return [node.full_name for spec in specs for node in spec.nodes if node.decides]


def own_topics(rig: Rig, host: str = "") -> dict[str, int]:
    """The topics, as seen from the rig's namespace, that only its own nodes on a host may publish, or only one driver.

    Each with the publishers that it may have before the rig starts.
    """
    topics: dict[str, int] = {}
    for name, camera in rig.cameras.items():
        foreign = isinstance(camera, TopicCamera)
        if foreign or host_of(camera, rig.hosts) == host:
            images = (isinstance(camera, TopicCamera) and camera.topic) or f"{name}/image_raw"
            topics |= {images: int(foreign), f"{images}/compressed": int(foreign)}
        if rig.pose is None or host_of(rig.pose, rig.hosts) == host:
            topics[f"{name}/pose"] = int(rig.pose is None)
    return topics


def compressed_topics(rig: Rig) -> list[str]:
    """The full names of the topics on which the rig's own cameras publish compressed images."""
    own = [name for name, camera in rig.cameras.items() if not isinstance(camera, TopicCamera)]
    within = f"/{rig.namespace}" if rig.namespace else ""
    return [f"{within}/{name}/image_raw/compressed" for name in own]


def share(nodes: list[NodeSpec], host: str) -> list[NodeSpec]:
    """The nodes that one host runs; empty: a rig of one computer, which runs them all."""
    return [node for node in nodes if node.host == host]


def _separate(rig: Rig, facts: RigFacts) -> list[NodeSpec]:
    """The nodes, each as a process of its own."""
    remappings = tuple(
        (facts.full_name(f"/{name}/image_raw{last}"), f"{camera.topic}{last}")
        for name, camera in rig.cameras.items()
        if isinstance(camera, TopicCamera) and camera.topic
        for last in ("", "/compressed")
    )
    return [
        NodeSpec(
            kind.package,
            kind.executable,
            kind.node_name(name),
            facts.full_name(kind.namespace(name)).rstrip("/") or "/",
            {**_parameters(section, kind.fill(facts, name)), **({"use_sim_time": True} if rig.use_sim_time else {})},
            remappings if kind.takes_images else (),
            on_failure=section.on_failure,
            ends_rig=kind.publishes_images,
            component=kind.component,
            decides=kind.decides,
            commands=kind.commands,
            host=host_of(section, rig.hosts),
        )
        for kind in NODE_KINDS
        for name, section in kind.sections(rig)
        if not kind.is_foreign(section)
    ]


def _processes(nodes: list[NodeSpec], rig: Rig, facts: RigFacts) -> list[NodeSpec]:
    """The nodes of one host, those in one process that are to share it."""
    nodes = _sharing(nodes, facts)
    if rig.together:
        return _together(nodes, facts.full_name("/").rstrip("/") or "/")
    return _with_shared_devices(nodes, facts)


def _with_shared_devices(nodes: list[NodeSpec], facts: RigFacts) -> list[NodeSpec]:
    """The nodes with the cameras of one device in one process: no two processes can open it."""
    names = {facts.full_name(f"/{name}"): name for name in facts.cameras}
    processes: list[NodeSpec] = []
    done: set[str] = set()
    for node in nodes:
        name = names.get(node.namespace, "")
        others = facts.beside(name) if node.ends_rig and name else []
        if not others:
            processes.append(node)
        elif name not in done:
            done |= {name, *others}
            members = [node, *(one for one in nodes if one.ends_rig and names.get(one.namespace) in others)]
            processes.append(_process("device", node.namespace, members, ()))
    return processes


def _sharing(nodes: list[NodeSpec], facts: RigFacts) -> list[NodeSpec]:
    """The nodes, those that share a device in one process: only one process can open it."""
    devices: dict[str, list[NodeSpec]] = {}
    for node in nodes:
        device, component = _shared_device(node, facts)
        if device:
            devices.setdefault(device, []).append(replace(node, component=component))
    shared = {members[0].full_name: members for members in devices.values() if len(members) > 1}
    inside = {member.full_name for members in shared.values() for member in members[1:]}
    return [
        _process(_joined(shared[node.full_name]), node.namespace, shared[node.full_name], ())
        if node.full_name in shared
        else node
        for node in nodes
        if node.full_name not in inside
    ]


def _shared_device(node: NodeSpec, facts: RigFacts) -> tuple[str, str]:
    """The device that a node shares with others, and its class; empty where it shares none."""
    sections: Mapping[str, Mapping[str, Any]] = {"/outputs": facts.outputs, "/inputs": facts.inputs}
    for namespace, section in sections.items():
        if node.namespace == facts.full_name(namespace):
            return str(getattr(section.get(node.name), "shared_device", "")), _SHARING[namespace]
    return "", ""


def _joined(nodes: list[NodeSpec]) -> str:
    return "_and_".join(node.name for node in nodes)


def _together(nodes: list[NodeSpec], namespace: str) -> list[NodeSpec]:
    """The nodes with those that can share a process in one; outputs keep their own, to go off when it dies."""
    members = [node for node in nodes if node.component]
    if not members:
        return nodes
    images = tuple(f"{node.namespace}/image_raw" for node in members if node.ends_rig)
    return [*(node for node in nodes if not node.component), _process("together", namespace, members, images)]


def _process(name: str, namespace: str, members: list[NodeSpec], images: tuple[str, ...]) -> NodeSpec:
    severity = ["continue", "restart", "stop"]
    return NodeSpec(
        "dlstream",
        "together",
        name,
        namespace,
        remappings=tuple(dict.fromkeys(pair for node in members for pair in node.remappings)),
        on_failure=max((node.on_failure for node in members), key=severity.index),
        ends_rig=any(node.ends_rig for node in members),
        decides=any(node.decides for node in members),
        commands=any(node.commands for node in members),
        members=tuple(members),
        images=images,
    )


def _parameters(section: Settings, filled: Mapping[str, Any]) -> dict[str, Any]:
    """The section's values as ROS parameters; what the rig knows is filled in where the section doesn't say it."""
    values = {
        name: getattr(section, name) for name in type(section).model_fields if name not in NodeOptions.model_fields
    }
    for name, value in filled.items():
        if name in values and name not in section.model_fields_set:
            values[name] = value
    return {name: _plain(value) for name, value in _flat(values) if value is not None and value not in ([], ())}


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The settings of a part, such as a filter, as its name and parameters of their own: `filter.noise`."""
    for name, value in values.items():
        if isinstance(value, Settings):
            own = dict(value)
            yield name, own.pop("type")
            yield from ((f"{name}.{key}", item) for key, item in own.items())
        else:
            yield name, value


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):  # ROS has no mappings: name=value strings
        return [f"{key}={_plain(item)}" for key, item in value.items()]
    return value
