"""The experiment node's end of the line to an output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode

from dlstream_common import Command
from dlstream_common.ros import COMMAND, EVENT
from dlstream_experiment.ros.output_link import OutputLink
from dlstream_msgs.msg import Acknowledgement, OutputStatus

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


def test_a_status_that_waits_unread_is_no_lost_command(observer: Any, wait_for: Callable[..., None]):
    node = LifecycleNode("experiment", context=observer.node.context)
    link = OutputLink(node, "laser", lambda: SECOND, lambda output, reason: None)
    link.activate()
    executor = SingleThreadedExecutor(context=observer.node.context)
    executor.add_node(node)
    statuses = observer.node.create_publisher(OutputStatus, "/outputs/laser/status", EVENT)
    answers = observer.node.create_publisher(Acknowledgement, "/outputs/laser/acknowledgement", COMMAND)

    def turn(condition: Callable[[], object]) -> bool:
        executor.spin_once(0.01)
        return bool(condition())

    def read() -> bool:
        statuses.publish(OutputStatus(source="experiment", id=0, state="off"))
        return link._agreement.known is not None

    wait_for(lambda: turn(read), "a status from before the command")
    wait_for(lambda: turn(answers.get_subscription_count), "that the link hears the answer")
    link.send(Command(SECOND, "laser", "on"), SECOND)
    answers.publish(Acknowledgement(source="experiment", id=1, action="on", success=True))
    wait_for(lambda: turn(lambda: not link._pending), "the answer")
    statuses.publish(OutputStatus(source="experiment", id=1, state="on", on=True))
    told: list[str] = []

    def judged() -> bool:  # as a node that had no processor: nobody has read the status
        told.append(link.supervise()[0])
        return told[-1] != "" or link._agreement.known.id == 1

    wait_for(judged, "what it makes of it")
    assert told[-1] == ""
    executor.shutdown()
    link.close()
    node.destroy_node()
