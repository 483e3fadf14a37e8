"""Starts the rig that a rig file describes: `ros2 launch dlstream rig.launch.py rig:=FILE`."""

from launch.action import Action
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration

from dlstream.launching import rig_actions
from launch import LaunchContext, LaunchDescription


def start_rig(context: LaunchContext) -> list[Action]:
    return rig_actions(LaunchConfiguration("rig").perform(context), context)


def generate_launch_description() -> LaunchDescription:
    """What `ros2 launch` runs."""
    return LaunchDescription(
        [
            DeclareLaunchArgument("rig", description="The rig file (YAML)."),
            OpaqueFunction(function=start_rig),
        ]
    )
