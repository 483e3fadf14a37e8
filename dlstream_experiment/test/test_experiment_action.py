"""The experiment node: runs by action and by itself, with other files, and with outputs that it waits for."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from experiment_node_tools import CUT_OFF, EXAMPLE, MODULE, OUTPUT, PATIENT_OUTPUT, experiment_file, values
from experiment_poses import BETWEEN, LEFT
from rclpy.action import ActionClient
from std_msgs.msg import Bool
from std_srvs.srv import SetBool

from dlstream_common.ros import COMMAND, EVENT, LATCHED
from dlstream_msgs.action import RunExperiment
from dlstream_msgs.msg import Command, ExperimentStatus
from dlstream_msgs.srv import GetExperimentStatus


class Goal:
    """A goal of the action `run`."""

    def __init__(self, observer: Any, wait_for: Any, file: str | Path = "") -> None:
        self.feedback: list[ExperimentStatus] = []
        self._client = ActionClient(observer.node, RunExperiment, "/experiment/run")
        assert self._client.wait_for_server(120)
        sent = observer.within(partial(self._client.send_goal_async, RunExperiment.Goal(file=str(file)), self._on_news))
        wait_for(sent.done, "the goal's acceptance")
        self.handle = sent.result()
        assert self.handle.accepted
        self._result = observer.within(self.handle.get_result_async)
        self._observer = observer
        self._wait_for = wait_for

    def _on_news(self, message: Any) -> None:
        self.feedback.append(message.feedback.status)

    def result(self) -> tuple[int, Any]:
        """Waits for the end; its status and result."""
        self._wait_for(self._result.done, "the goal's result")
        self._client.destroy()
        return self._result.result().status, self._result.result().result

    def cancel(self) -> None:
        """Asks for its end."""
        cancelled = self._observer.within(self.handle.cancel_goal_async)
        self._wait_for(cancelled.done, "the answer to the cancellation")
        assert cancelled.result().goals_canceling


def test_action_runs_to_the_end_and_can_be_run_again(
    start_node, observer, watcher, animal, log_output, wait_for, tmp_path
):
    start_node(MODULE, file=experiment_file(tmp_path, ("max_hits: 10 ", "max_hits: 1 "), CUT_OFF), start_timeout=120.0)
    seen = animal(walking=False)  # no frame from before a run is still on its way
    watcher.ready()
    wait_for(seen.is_seen, "the experiment's subscription to the poses")
    for count in (1, 2):
        goal = Goal(observer, wait_for)
        wait_for(lambda count=count: len(watcher.of_kind("experiment_started")) == count, "the start")
        for place in (BETWEEN, LEFT, LEFT):  # it ends with the frame after the one that reaches the number
            seen.send(place)
        status, result = goal.result()
        assert status == GoalStatus.STATUS_SUCCEEDED
        assert (result.success, result.reason) == (True, "trial 'left' was started 1 times")
        assert result.duration > 0
        assert values(result, "counts") == {"right": "0", "left": "1"}
        wait_for(lambda goal=goal: [item for item in goal.feedback if item.status == ExperimentStatus.RUNNING], "news")


def test_action_cancelled_switches_off(start_node, observer, watcher, animal, log_output, wait_for, tmp_path):
    start_node(MODULE, file=experiment_file(tmp_path), start_timeout=120.0)
    animal().place = LEFT
    watcher.ready()
    goal = Goal(observer, wait_for)
    watcher.wait_for_event("trial_started", "left")
    _, refused = Goal(observer, wait_for).result()
    assert not refused.success
    goal.cancel()
    status, result = goal.result()
    assert status == GoalStatus.STATUS_CANCELED
    assert (result.success, result.reason) == (False, "cancelled")
    wait_for(lambda: watcher.commands[-1].action == "off", "the command off")
    assert watcher.status().status == ExperimentStatus.FINISHED


def test_action_with_another_file_and_with_a_bad_one(
    start_node, observer, watcher, animal, log_output, wait_for, tmp_path
):
    node = start_node(MODULE, file=EXAMPLE, start_timeout=120.0)
    animal().place = LEFT
    renamed = ("experiment: example ", "experiment: other ")
    other = experiment_file(tmp_path, renamed, ("max_hits: 10 ", "max_hits: 1 "), CUT_OFF)
    status, result = Goal(observer, wait_for, other).result()
    assert status == GoalStatus.STATUS_SUCCEEDED, result.reason
    assert watcher.status().experiment == "other"

    bad = tmp_path / "bad.yaml"
    bad.write_text(EXAMPLE.read_text().replace("region: left", "region: lfet"))
    status, result = Goal(observer, wait_for, bad).result()
    assert status == GoalStatus.STATUS_ABORTED
    assert "bad.yaml:" in result.reason
    assert "Did you mean 'left'?" in result.reason

    # Without a file it is the configured one again.
    goal = Goal(observer, wait_for)
    wait_for(lambda: watcher.status().status == ExperimentStatus.RUNNING, "the start")
    assert watcher.status().experiment == "example"
    assert node.end(signal.SIGTERM) == 0
    assert "Traceback" not in node.output
    del goal


def test_start_begins_no_other_run_under_a_goal_that_waits(start_node, observer, watcher, wait_for, tmp_path):
    other = experiment_file(tmp_path, ("experiment: example ", "experiment: other "))
    start_node(MODULE, file=EXAMPLE, start_timeout=300.0)
    goal = Goal(observer, wait_for, other)  # which waits for its output
    wait_for(lambda: watcher.status().status == ExperimentStatus.WAITING, "the goal, which waits")
    answer = watcher.call("start")
    assert not answer.success
    assert answer.message == "a goal of the action run waits for its start; cancel it first"
    assert watcher.status().experiment == "other"
    goal.cancel()
    assert goal.result()[0] == GoalStatus.STATUS_CANCELED
    assert watcher.call("start").success, "it starts as soon as an output answers"


def test_a_file_that_can_not_be_used_is_refused_and_the_node_goes_on(start_node, observer, watcher, wait_for, tmp_path):
    path = experiment_file(tmp_path)
    node = start_node(MODULE, file=path, start_timeout=300.0)
    assert watcher.call("reload").success, "it has read its file"
    good = path.read_text()
    topic = "{type: topic, topic: /scale/weight, message: unsourced_msgs/msg/Weight, at_least: 20}"
    path.write_text(good.replace("triggers:\n", f"triggers:\n  on_scale: {topic}\n"))
    refusal = "message type: found 'unsourced_msgs/msg/Weight'; expected one that is installed"
    for service in ("reload", "start"):
        answer = watcher.call(service)
        assert not answer.success
        assert answer.message.startswith(refusal)
    for file in ("", path):
        status, result = Goal(observer, wait_for, file).result()
        assert status == GoalStatus.STATUS_ABORTED
        assert result.reason.startswith(refusal)
    path.write_text(good)
    assert watcher.call("reload").success
    goal = Goal(observer, wait_for)
    wait_for(lambda: watcher.status().reason.startswith("waits for output 'screen'"), "the goal, which waits")
    assert node.end(signal.SIGTERM) == 0
    assert "Traceback" not in node.output
    del goal


@pytest.mark.slow
def test_a_run_waits_for_an_output_that_nobody_is_and_says_so(start_node, observer, animal, wait_for):
    statuses = observer.collect(ExperimentStatus, "/experiment/status", EVENT)
    node = start_node(MODULE, file=EXAMPLE, start_timeout=15.0)
    animal()
    waits = "waits for output 'screen': nobody listens on /outputs/screen/command"
    goal = Goal(observer, wait_for)
    waiting = (ExperimentStatus.WAITING, waits)
    wait_for(lambda: any((item.status, item.reason) == waiting for item in statuses), "what is waited for")
    status, result = goal.result()
    reason = f"the run did not begin within 15 s: {waits.removeprefix('waits for ')}"
    assert (status, result.success, result.reason) == (GoalStatus.STATUS_ABORTED, False, reason)
    assert any((item.status, item.reason) == waiting for item in goal.feedback)
    last = observer.call(GetExperimentStatus, "/experiment/get_status", GetExperimentStatus.Request()).status
    assert (last.status, last.reason) == (ExperimentStatus.FAULT, reason)
    assert waits in node.output
    assert node.end(signal.SIGINT) == 0, "it can be asked for another run"


def test_a_run_that_was_to_begin_by_itself_fails_with_its_node(start_node, animal):
    node = start_node(MODULE, file=EXAMPLE, start_timeout=3.0, autostart_run=True)
    animal()
    assert node.wait() == 1
    assert "the run did not begin within 3 s: output 'screen': nobody listens" in node.output
    assert "Traceback" not in node.output


def test_an_output_that_still_opens_its_device_is_told_from_one_that_is_not_there(start_node, observer, wait_for):
    statuses = observer.collect(ExperimentStatus, "/experiment/status", EVENT)
    start_node("dlstream_outputs.node", name="screen", namespace="/outputs", type="log", autostart=False)
    start_node(MODULE, file=EXAMPLE, start_timeout=300.0, autostart_run=True)
    waits = "waits for output 'screen': its node is there, and has not opened its device yet: nobody listens on "
    wait_for(lambda: any(item.reason.startswith(waits) for item in statuses), "a status that says so")


def test_a_run_arms_its_output_and_waits_for_one_that_a_hand_disarmed(
    start_node, observer, watcher, animal, wait_for, tmp_path
):
    start_node(OUTPUT, name="screen", namespace="/outputs", type="log", arming="run", **PATIENT_OUTPUT)
    start_node(MODULE, file=experiment_file(tmp_path), acknowledgement_timeout=30.0)
    animal().place = LEFT
    watcher.start()
    wait_for(lambda: watcher.answered("show"), "an output that the run has armed")
    assert watcher.call("stop").success
    armed = observer.collect(Bool, "/outputs/screen/armed", LATCHED)
    wait_for(lambda: armed and not armed[-1].data, "an output that the end of the run has disarmed")
    assert observer.call(SetBool, "/outputs/screen/arm", SetBool.Request(data=False)).success
    disarmed = "output 'screen': it is disarmed (disarmed by hand); arm it by hand: `dlstream output arm screen`"
    wait_for(lambda: watcher.call("start").message.startswith(disarmed), "the refusal of a run")
    assert observer.call(SetBool, "/outputs/screen/arm", SetBool.Request(data=True)).success
    wait_for(lambda: watcher.call("start").success, "the start of a run")


def test_an_output_that_somebody_else_switches_off_is_a_fault_and_left_to_them(
    start_node, observer, watcher, animal, log_output, wait_for, tmp_path
):
    patient = {"output_timeout": 60.0, "acknowledgement_timeout": 30.0}
    start_node(MODULE, file=experiment_file(tmp_path), autostart_run=True, **patient)
    commands = observer.node.create_publisher(Command, "/outputs/screen/command", COMMAND)
    watcher.ready()
    wait_for(lambda: commands.get_subscription_count() >= 2, "the output, and this test")
    animal().place = LEFT
    wait_for(lambda: watcher.answered("show"), "the acknowledgement of show")

    def shows() -> list[str]:
        return [item.source for item in list(watcher.commands) if item.action == "show"]

    shown = shows()
    commands.publish(Command(source="panel", id=1, action="off"))
    reason = "output 'screen' does 'off' by order of panel, and not 'show image=left'"
    wait_for(lambda: reason in watcher.reasons(), "a fault")
    assert shows() == shown


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "parameter file of experiment: found nothing"),
        (
            {"file": EXAMPLE, "keypoints": ["snout", "nek"], "outputs": ["scren"], "image_sizes": ["top=600x480"]},
            "Did you mean 'nek'?",
        ),
    ],
)
def test_bad_parameters_are_refused_with_a_clear_message(start_node, parameters, message):
    node = start_node(MODULE, **parameters)
    assert node.wait() == 1
    assert message in node.output
    assert "Traceback" not in node.output
