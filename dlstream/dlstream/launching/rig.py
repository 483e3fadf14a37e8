"""A rig's nodes as actions of ROS 2's launch system: the same start and the same end as by `dlstream run`."""

from __future__ import annotations

import math
import os
import shlex
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from launch.action import Action
from launch.actions import LogInfo
from launch.logging import get_logger
from launch_ros.utilities import prefix_namespace

from dlstream.launching.actions import OPTIONS, RigNode, SuperviseRig
from dlstream.rig.check import checked_rig
from dlstream.rig.nodes import NodeSpec, deciding, needed, own_topics, rig_nodes
from dlstream.rig.overrides import Override
from dlstream.run.environment import PROFILE, node_environment
from dlstream.run.monitor import Monitor
from dlstream.run.parameter_files import parameter_file, remove_abandoned_files
from dlstream.run.process import dying_with_parent
from dlstream.run.registry import RunningRig, announced
from dlstream.run.shared_memory import remove_abandoned
from dlstream.run.supervision import Supervisor
from dlstream.secure import security_environment
from dlstream_common import DlstreamError, Problem, now
from dlstream_common.ros import WITH_PARENT
from launch import LaunchContext


def rig_actions(
    rig_file: str,
    context: LaunchContext,
    allow_python: bool = False,
    overrides: Sequence[Override] = (),
    log_level: str = "",
    status_every: float = 5.0,
) -> list[Action]:
    """The actions that start the rig of `rig_file`, watch it, and end it in order.

    Args:
        overrides: values in place of the file's.
        log_level: of the nodes, such as debug; empty: as ROS has it.
        status_every: seconds between status lines; 0: none.

    Raises:
        InputError: the rig file, or a file that it names, can't be used; nothing was started.
        DlstreamError: the rig has several hosts, which only `dlstream run` brings together.
        NamesTakenError: another rig on this ROS domain has nodes of the same names; nothing was started.
    """
    warnings: list[Action] = []

    def warn(file: Path, problem: Problem) -> None:
        warnings.append(LogInfo(msg=f"warning: {problem.where(file)}: {problem}"))

    rig, path = checked_rig(rig_file, allow_python, warn, overrides)
    if rig.hosts:
        raise DlstreamError(
            f"{path}: found a section 'hosts'; expected `dlstream run` on each of them, not ros2 launch"
        )
    rig.session.require_subject()
    wanted = node_environment()
    os.environ.update({key: wanted[key] for key in wanted if key == PROFILE or key.endswith("_THREADS")})
    remove_abandoned()
    remove_abandoned_files()
    log = get_logger("rig")
    specs = rig_nodes(rig, path)
    names = [node.full_name for spec in specs for node in spec.nodes]
    with ExitStack() as stack:
        stack.callback(remove_abandoned)
        outputs = list(rig.outputs)
        monitor = Monitor(
            rig.rig,
            path,
            names,
            outputs,
            rig.namespace,
            needed=needed(specs),
            deciding=deciding(specs),
            simulated=rig.use_sim_time,
            topics=own_topics(rig),
        )
        stack.callback(monitor.close)
        monitor.claim.check()
        tell_ending = stack.enter_context(announced(RunningRig.of(rig, path, now()), warn=log.warning))

        def say(name: str, text: str) -> None:
            log.info(text if name == "rig" else f"{name}: {text}")

        nodes = [(spec, node_action(spec, context, log_level)) for spec in specs]
        supervisor = Supervisor(rig, monitor, say, status_every=status_every)
        supervision = SuperviseRig(nodes, monitor, supervisor, say, stack.pop_all(), rig.pictures, tell_ending)
        return [*warnings, *(node for _, node in nodes), supervision]


def seconds_argument(argument: str, given: str) -> float:
    """The seconds of a launch argument.

    Raises:
        DlstreamError: it is no number, or a negative one.
    """
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise DlstreamError(f"{argument}:={given}: found '{given}'; expected seconds, such as 5, or 0 for none")
    return seconds


def rig_namespace(context: LaunchContext, given: str) -> Override | None:
    """The namespace of a launch argument, within that of the launch file that includes ours; None: as the file says."""
    around = context.launch_configurations.get("ros_namespace", "")
    name = (prefix_namespace(around or None, given or None) or "").strip("/")
    return Override(f"namespace:={name}", ("namespace",), name) if name else None


def node_action(spec: NodeSpec, context: LaunchContext, log_level: str = "") -> RigNode:
    """The action that starts a process of a rig.

    Args:
        log_level: of the node, such as debug; empty: as ROS has it.
    """
    own_name = {"name": spec.name, "namespace": spec.namespace}
    setsid = shutil.which("setsid")  # a Ctrl-C in the terminal reaches only the launcher, which ends nodes in order
    prefix = [*([setsid] if setsid else []), *dying_with_parent()]
    return RigNode(
        package=spec.package,
        executable=spec.executable,
        exec_name=spec.full_name.strip("/").replace("/", "."),
        arguments=spec.arguments,
        **({} if spec.members else own_name),
        parameters=[str(parameter_file(spec)) if spec.members else dict(spec.parameters)],
        remappings=list(spec.remappings),
        ros_arguments=["--log-level", log_level] if log_level else [],
        prefix=f"{shlex.join(prefix)} {context.launch_configurations.get('launch-prefix', '')}",
        additional_env={
            WITH_PARENT: "1",
            **security_environment(spec),
        },  # a launch that is killed leaves no node behind
        **OPTIONS,
    )
