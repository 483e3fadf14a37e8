"""Starts the rig that a rig file describes: `ros2 launch dlstream rig.launch.py rig:=FILE`."""

from launch.action import Action
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration

from dlstream.run.launching import rig_actions
from launch import LaunchContext, LaunchDescription


def start_rig(context: LaunchContext) -> list[Action]:
    """The nodes of the rig file that the arguments name."""
    allow_python = LaunchConfiguration("allow_python").perform(context).lower() == "true"
    return rig_actions(LaunchConfiguration("rig").perform(context), context, allow_python)


def generate_launch_description() -> LaunchDescription:
    """What `ros2 launch` runs."""
    return LaunchDescription(
        [
            DeclareLaunchArgument("rig", description="The rig file (YAML)."),
            DeclareLaunchArgument(
                "allow_python", default_value="false", description="Import Python files that the experiment names."
            ),
            OpaqueFunction(function=start_rig),
        ]
    )
