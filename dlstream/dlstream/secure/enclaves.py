"""Which identities a rig needs: one for each of its processes, one for who starts it, one for tools that look on."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from dlstream.rig.nodes import NodeSpec

_COMMANDERS = ("dlstream_experiment", "dlstream_panel")
"""Packages whose nodes command outputs."""
MONITOR = "dlstream_monitor"
"""The node of `dlstream run` and of our launch files; commands such as `dlstream stop` use its identity."""
TOOLS = "tools"


@dataclass(frozen=True)
class Enclave:
    """An identity: the name by which a process gets its keys.

    Attributes:
        name: such as /top/camera.
        commands: whether it may publish what outputs act on.
    """

    name: str
    commands: bool = False


def enclaves_of(nodes: Iterable[NodeSpec], namespace: str, others: Iterable[str] = ()) -> list[Enclave]:
    """The identities of a rig.

    Args:
        nodes: its processes, of all hosts.
        namespace: of the rig, without slashes around it; empty: none.
        others: of somebody else's nodes, such as /lab/arm; they may not command.
    """
    within = f"/{namespace}" if namespace else ""
    own = [Enclave(node.full_name, _may_command(node)) for node in nodes]
    return [*own, Enclave(f"{within}/{MONITOR}", True), *(Enclave(name) for name in (f"{within}/{TOOLS}", *others))]


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


def _may_command(process: NodeSpec) -> bool:
    return any(node.package in _COMMANDERS for node in process.nodes)
