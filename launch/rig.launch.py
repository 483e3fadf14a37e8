"""Starts the rig that a rig file describes: `ros2 launch dlstream rig.launch.py rig:=FILE`."""

from launch.action import Action
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration

from dlstream.launching.rig import rig_actions, rig_namespace, seconds_argument
from dlstream.rig.overrides import Override
from launch import LaunchContext, LaunchDescription

TRUE = {"true": True, "false": False}
ARGUMENTS = [
    DeclareLaunchArgument("rig", description="The rig file (YAML)."),
    DeclareLaunchArgument(
        "namespace", default_value="", description="Namespace of the rig's nodes and topics; empty: as the file says."
    ),
    DeclareLaunchArgument(
        "use_sim_time",
        default_value="file",
        choices=["file", *TRUE],
        description="Take the time from /clock, as of a bag that is played.",
    ),
    DeclareLaunchArgument(
        "log_level",
        default_value="info",
        choices=["debug", "info", "warn", "error", "fatal"],
        description="What the nodes log.",
    ),
    DeclareLaunchArgument("status", default_value="5", description="Seconds between status lines; 0: none."),
    DeclareLaunchArgument(
        "panel",
        default_value="file",
        choices=["file", *TRUE],
        description="Serve the panel, a page in a browser: as the file says, with every default, or not.",
    ),
    DeclareLaunchArgument(
        "allow_python",
        default_value="false",
        choices=list(TRUE),
        description="Import Python files that the experiment names.",
    ),
]


def start_rig(context: LaunchContext) -> list[Action]:
    """The nodes of the rig file that the arguments name."""
    given = {item.name: LaunchConfiguration(item.name).perform(context) for item in ARGUMENTS}
    namespace = rig_namespace(context, given["namespace"])
    overrides = [namespace] if namespace is not None else []
    if given["use_sim_time"] in TRUE:
        value = TRUE[given["use_sim_time"]]
        overrides.append(Override(f"use_sim_time:={given['use_sim_time']}", ("use_sim_time",), value))
    if given["panel"] in TRUE:
        value = TRUE[given["panel"]]
        overrides.append(Override(f"panel:={given['panel']}", ("panel",), value))
    status_every = seconds_argument("status", given["status"])
    return rig_actions(given["rig"], context, TRUE[given["allow_python"]], overrides, given["log_level"], status_every)


def generate_launch_description() -> LaunchDescription:
    """What `ros2 launch` runs."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=start_rig)])
