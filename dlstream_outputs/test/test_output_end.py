"""For whom an output stays there when its rig ends: its commander, and nobody else."""

from __future__ import annotations

from dlstream_common.ros import COMMAND, HEARTBEAT
from dlstream_msgs.msg import Command, Heartbeat
from dlstream_outputs.node import OutputNode


def test_is_needed_by_its_commander_only(observer, wait_for):
    node = OutputNode("log", name="screen")
    node.trigger_configure()
    node.trigger_activate()
    try:
        observer.node.create_publisher(Command, "/outputs/screen/command", COMMAND)  # as a launcher or a panel has
        wait_for(lambda: node.count_publishers("/outputs/screen/command"), "somebody who may command")
        assert not node.is_needed()
        heartbeats = observer.node.create_publisher(Heartbeat, "/experiment/heartbeat", HEARTBEAT)
        wait_for(node.is_needed, "its commander")
        observer.node.destroy_publisher(heartbeats)
        wait_for(lambda: not node.is_needed(), "the end of its commander")
    finally:
        node.trigger_shutdown()
        node.destroy_node()
