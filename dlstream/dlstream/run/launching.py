"""A rig's nodes as actions of ROS 2's launch system."""

from __future__ import annotations

from pathlib import Path

from launch.action import Action
from launch.actions import EmitEvent, LogInfo, RegisterEventHandler, SetEnvironmentVariable
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch_ros.actions import Node
from launch_ros.ros_adapters import get_ros_node

from dlstream.rig.check import checked_rig
from dlstream.rig.nodes import NodeSpec, rig_nodes
from dlstream.run.environment import PROFILE, node_environment
from dlstream.run.faults import FaultPublisher, OutputStopper
from dlstream.run.parameter_files import parameter_file, remove_abandoned_files
from dlstream_common import Problem
from dlstream_common.ros import WITH_PARENT
from launch import LaunchContext


def rig_actions(rig_file: str, context: LaunchContext, allow_python: bool = False) -> list[Action]:
    """The actions that start the rig of `rig_file`.

    Raises:
        InputError: the rig file, or a file that it names, can't be used; nothing was started.
    """
    warnings: list[Action] = []

    def warn(file: Path, problem: Problem) -> None:
        warnings.append(LogInfo(msg=f"warning: {problem.where(file)}: {problem}"))

    rig, path = checked_rig(rig_file, allow_python, warn)
    rig.session.require_subject()
    wanted = node_environment()
    environment = {key: wanted[key] for key in wanted if key == PROFILE or key.endswith("_THREADS")}
    actions: list[Action] = [*warnings, *(SetEnvironmentVariable(key, value) for key, value in environment.items())]
    remove_abandoned_files()
    node = get_ros_node(context)
    faults, stopper = FaultPublisher(node), OutputStopper(node, rig.outputs)
    for spec in rig_nodes(rig, path):
        actions += _node_actions(spec, faults, stopper)
    return actions


def _node_actions(spec: NodeSpec, faults: FaultPublisher, stopper: OutputStopper) -> list[Action]:
    own_name = {"name": spec.name, "namespace": spec.namespace}
    node = Node(
        package=spec.package,
        executable=spec.executable,
        arguments=spec.arguments,
        **({} if spec.members else own_name),
        parameters=[str(parameter_file(spec)) if spec.members else dict(spec.parameters)],
        remappings=list(spec.remappings),
        additional_env={WITH_PARENT: "1"},  # a launch that is killed leaves no node behind
        output="screen",
        emulate_tty=False,
        respawn=spec.on_failure == "restart",
        respawn_delay=0.5,
        sigterm_timeout="15",
    )

    def after_exit(event: ProcessExited, context: LaunchContext) -> list[Action]:
        if context.is_shutdown:
            return []
        if event.returncode == 0 and spec.ends_rig:
            return [EmitEvent(event=Shutdown(reason=f"{spec.full_name} has finished"))]
        if spec.decides or spec.on_failure == "stop":
            stopper.stop(f"{spec.full_name} has ended with {event.returncode}", for_good=spec.on_failure == "stop")
        faults.publish(spec.full_name, f"has ended with {event.returncode}")
        if spec.on_failure == "stop":
            return [EmitEvent(event=Shutdown(reason=f"{spec.full_name} has failed with {event.returncode}"))]
        return [LogInfo(msg=f"{spec.full_name} has ended with {event.returncode}; {spec.on_failure}")]

    return [node, RegisterEventHandler(OnProcessExit(target_action=node, on_exit=after_exit))]
