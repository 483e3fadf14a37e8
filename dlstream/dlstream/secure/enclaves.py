"""Which identities a rig needs: one for each of its processes, one for who starts it, one for tools that look on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dlstream.rig.nodes import NodeSpec
from dlstream_outputs.guard import ANYONE

_COMMANDERS = ("dlstream_experiment", "dlstream_panel")
"""Packages whose nodes command outputs."""
MONITOR = "dlstream_monitor"
"""The node of `dlstream run` and of our launch files; commands such as `dlstream stop` use its identity."""
TOOLS = "tools"


_COMMANDS = ("rt{}/outputs/*/command", "rq{}/outputs/*/armRequest", "rq{}/outputs/*/testRequest")
"""What outputs act on, as DDS names it."""


@dataclass(frozen=True)
class Enclave:
    """An identity: the name by which a process gets its keys.

    Attributes:
        name: such as /top/camera.
        commands: the outputs that it may command, by full name; None: all of them, and arm and test them.
        denied: DDS topics that it may not publish, with * for any part of a name.
        allowed: those of them that it may publish all the same.
    """

    name: str
    commands: tuple[str, ...] | None = ()
    denied: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


def enclaves_of(nodes: Iterable[NodeSpec], namespace: str, others: Iterable[str] = ()) -> list[Enclave]:
    """The identities of a rig: each commander named by an output has one, also where it is somebody else's node.

    Args:
        nodes: its processes, of all hosts.
        namespace: of the rig, without slashes around it; empty: none.
        others: of somebody else's nodes, such as /lab/arm; they command only what an output says.
    """
    within = f"/{namespace}" if namespace else ""
    processes = list(nodes)
    outputs = {
        node.full_name: node for process in processes for node in process.nodes if "commander" in node.parameters
    }
    commanders = {name: _commander(node) for name, node in outputs.items()}
    own = {process.full_name: {node.full_name for node in process.nodes} for process in processes}
    known = {name for names in own.values() for name in names}
    foreign = [name for name in commanders.values() if name not in known]
    everything = {*(process.full_name for process in processes if _may_command(process)), f"{within}/{MONITOR}"}
    found = []
    for name in dict.fromkeys((*own, f"{within}/{MONITOR}", f"{within}/{TOOLS}", *others, *foreign)):
        names = own.get(name, set()) | {name}
        part = tuple(one for one, node in outputs.items() if commanders[one] in names or _is_named(names, node))
        found.append(Enclave(name, None if name in everything else part))
    heartbeats = {f"rt{name}/heartbeat": name for name in (f"{within}/experiment", *commanders.values())}
    denied = tuple(topic.format(within) for topic in _COMMANDS)
    return [_limited(one, denied, heartbeats, own.get(one.name, set()) | {one.name}) for one in found]


def lacking(nodes: Iterable[NodeSpec], enclaves: Iterable[Enclave]) -> list[str]:
    """Who commands an output by name (`also_commanded_by`), and has no identity: the rig file has no path of it."""
    sources = [_as_node(source) for process in nodes for node in process.nodes for source in _sources(node)]
    names = {_as_node(one.name) for one in enclaves}
    return [source for source in dict.fromkeys(sources) if source != ANYONE and source not in names]


def security_environment(node: NodeSpec) -> dict[str, str]:
    """The variable that gives a node its identity, where ROS 2's security is switched on; else nothing."""
    if os.environ.get("ROS_SECURITY_ENABLE") != "true":
        return {}
    return {"ROS_SECURITY_ENCLAVE_OVERRIDE": node.full_name}


def security_hint() -> str:
    """What to do where ROS does not start, if its security is switched on."""
    if os.environ.get("ROS_SECURITY_ENABLE") != "true":
        return ""
    return (
        ". ROS_SECURITY_ENABLE is true: that needs a ROS 2 whose Fast DDS has the security plugin, which the wheels of "
        "dlstream's own environment lack, and a keystore with this rig's names (dlstream secure RIG)"
    )


def _limited(enclave: Enclave, commands: tuple[str, ...], heartbeats: Mapping[str, str], names: set[str]) -> Enclave:
    beats = tuple(topic for topic, commander in heartbeats.items() if commander not in names)
    if enclave.commands is None:
        return replace(enclave, denied=beats)
    return replace(enclave, denied=(*commands, *beats), allowed=tuple(f"rt{name}/command" for name in enclave.commands))


def _commander(output: NodeSpec) -> str:
    name = str(output.parameters["commander"])
    return name if name.startswith("/") else f"{output.namespace.rstrip('/')}/{name}"


def _is_named(names: set[str], output: NodeSpec) -> bool:
    sources = {_as_node(source) for source in _sources(output)}
    return ANYONE in sources or not sources.isdisjoint(_as_node(name) for name in names)


def _sources(output: NodeSpec) -> list[str]:
    return list(output.parameters.get("also_commanded_by") or ())


def _as_node(name: str) -> str:
    return name.rpartition("/")[2]


def _may_command(process: NodeSpec) -> bool:
    return any(node.package in _COMMANDERS for node in process.nodes)
