"""Publishers of a camera's poses that are too many."""

from __future__ import annotations

import pytest
import rclpy
from experiment_node_tools import MODULE, experiment_file
from experiment_poses import BETWEEN, LEFT


class Other:
    """A node beside the observer."""

    def __init__(self):
        self.node = rclpy.create_node("other_network", namespace="/lab")


@pytest.fixture
def other():
    found = Other()
    yield found
    found.node.destroy_node()


def test_poses_of_two_publishers_are_one_fault_of_a_run_with_their_nodes_and_decide(
    start_node, watcher, animal, other, log_output, wait_for, tmp_path
):
    node = start_node(MODULE, file=experiment_file(tmp_path), cameras=["top"], image_sizes=["top=640x480"])
    own, strange = animal(walking=False), animal(of=other, walking=False)
    text = (
        "/top/pose: poses of several publishers come by turns: node /lab/other_network and node /observer; expected "
        "one. End all but one, or give each a topic of its own: decisions are by either's poses"
    )
    for run in (1, 2):
        watcher.start()
        for one in (own, strange):
            wait_for(one.is_seen, "the experiment's subscription to the poses")
        for _ in range(20):  # one alone, for longer than the other
            own.send(BETWEEN)
        for _ in range(20):
            own.send(BETWEEN)
            strange.send(BETWEEN)
        wait_for(lambda run=run: watcher.reasons() == [text] * run, "the fault")
        strange.send(LEFT)
        wait_for(lambda run=run: len(watcher.of_kind("trial_started")) == run, "a trial by either's poses")
        own.send(BETWEEN)
        wait_for(lambda run=run: len(watcher.of_kind("trial_ended")) == run, "its end")
        assert watcher.call("stop").success
    assert node.end() == 0, node.output
    assert watcher.reasons() == [text] * 2
    assert {event.name for event in watcher.of_kind("fault")} == {"pose"}
