"""The experiment node's end of the line to an output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleNode

from dlstream_common import Command
from dlstream_experiment.ros.output_link import OutputLink

SECOND = 1_000_000_000


def test_a_lost_command_is_missed_though_the_time_of_a_bag_jumps_back(observer: Any, wait_for: Callable[..., None]):
    node = LifecycleNode("experiment", context=observer.node.context)
    times, complaints = [1_500_000_060 * SECOND], list[str]()
    link = OutputLink(node, "laser", lambda: times[0], lambda output, reason: complaints.append(reason))
    link.activate()
    link.send(Command(times[0], "laser", "on"), times[0])
    times[0] -= 60 * SECOND  # the bag is played again

    def missed() -> bool:
        link.overdue(0.2)
        return bool(complaints)

    wait_for(missed, "that the command was lost")
    assert complaints == ["output 'laser' did not acknowledge 'on' within 0.2 s"]
    link.close()
    node.destroy_node()
