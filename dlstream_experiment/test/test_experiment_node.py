"""The experiment node as a process, with an output's process and an animal that the test moves."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from experiment_poses import BETWEEN, LEFT, RIGHT
from rclpy.action import ActionClient
from std_msgs.msg import Bool, Float64
from std_srvs.srv import SetBool, Trigger

from dlstream_common.ros import COMMAND, EVENT, LATCHED, stamp_from_message
from dlstream_msgs.action import RunExperiment
from dlstream_msgs.msg import Acknowledgement, Command, Event, ExperimentStatus, Regions
from dlstream_msgs.srv import GetExperimentStatus

MODULE, OUTPUT = "dlstream_experiment.ros.node", "dlstream_outputs.node"
CONFIG = Path(__file__).parents[2] / "config"
EXAMPLE = CONFIG / "experiments" / "example.yaml"
CUT_OFF = ("finish_last_trial: true ", "finish_last_trial: false ")
PICTURES = [f"left={CONFIG / 'images' / 'stripes.png'}", f"right={CONFIG / 'images' / 'checkers.png'}"]

PATIENT_OUTPUT = {"commander_timeout": 60.0, "max_command_age": 60.0}
"""For a machine that has much else to do: what must come in time comes in time."""
SOON_OFF = {**PATIENT_OUTPUT, "commander_timeout": 2.0}


class Watcher:
    """What the experiment and its output say."""

    def __init__(self, observer: Any, wait_for: Any) -> None:
        self._observer, self._wait_for = observer, wait_for
        self._subscriptions: list[Any] = []
        self.events: list[Event] = self._collect(Event, "/experiment/events", EVENT)
        self.statuses: list[ExperimentStatus] = self._collect(ExperimentStatus, "/experiment/status", EVENT)
        self.commands: list[Command] = self._collect(Command, "/outputs/screen/command", COMMAND)
        self.answers: list[Acknowledgement] = self._collect(Acknowledgement, "/outputs/screen/acknowledgement", COMMAND)
        self.regions: list[Regions] = observer.collect(Regions, "/experiment/regions", LATCHED)

    def _collect(self, kind: type, topic: str, qos: Any) -> list[Any]:
        messages: list[Any] = []
        self._subscriptions.append(self._observer.node.create_subscription(kind, topic, messages.append, qos))
        return messages

    def ready(self, publishers_of_events: int = 1) -> None:
        """Waits until all that the node and the output say arrives here.

        A run that starts by itself waits for poses: they come after this.
        """
        events, *others = self._subscriptions
        self._wait_for(lambda: events.get_publisher_count() >= publishers_of_events, "those who tell events")
        for item in others:
            self._wait_for(item.get_publisher_count, f"a publisher of {item.topic_name}")

    def call(self, name: str) -> Any:
        """The answer of ~/start or ~/stop."""
        return self._observer.call(Trigger, f"/experiment/{name}", Trigger.Request())

    def start(self) -> None:
        """Starts the run as soon as the node agrees and can be heard."""
        self.ready()
        self._wait_for(lambda: self.call("start").success, "the start of the experiment")

    def status(self) -> ExperimentStatus:
        """The status by service."""
        return self._observer.call(GetExperimentStatus, "/experiment/get_status", GetExperimentStatus.Request()).status

    def of_kind(self, kind: str) -> list[Event]:
        """The events of a kind so far."""
        return [event for event in list(self.events) if event.kind == kind]

    def wait_for_event(self, kind: str, name: str = "") -> Event:
        """Waits for an event of a kind (and name)."""

        def found() -> list[Event]:
            return [event for event in self.of_kind(kind) if name in ("", event.name)]

        self._wait_for(found, f"the event {kind} {name}")
        return found()[0]

    def reasons(self) -> list[str]:
        """Of the faults so far."""
        return [values(event)["reason"] for event in self.of_kind("fault")]

    def answered(self, action: str) -> bool:
        """Whether a command with that action was acknowledged."""
        sent = {command.id for command in list(self.commands) if command.action == action}
        return any(answer.id in sent and answer.success for answer in list(self.answers))

    def caused(self, action: str) -> list[Command]:
        """The commands with that action that a frame has caused so far."""
        return [command for command in list(self.commands) if command.action == action and command.camera]


def values(message: Any, field: str = "values") -> dict[str, str]:
    return {item.key: item.value for item in getattr(message, field)}


@pytest.fixture
def watcher(observer, wait_for):
    return Watcher(observer, wait_for)


@pytest.fixture
def log_output(start_node):
    """An output's process that acknowledges everything."""
    return start_node(OUTPUT, name="screen", namespace="/outputs", type="log", **PATIENT_OUTPUT)


def experiment_file(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """The example, with no lock-out, with time for a machine that has much else to do, and with pieces replaced."""
    text = EXAMPLE.read_text()
    patient = (("# pose_timeout: 1 ", "pose_timeout: 60 "), ("# max_age: 0.5 ", "max_age: 30 "))
    for old, new in (("lockout: 10 ", "lockout: 0 "), *patient, *changes):
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "experiment.yaml"
    path.write_text(text)
    return path


def test_decides_on_arrival_and_traces_every_command_to_its_frame(
    start_node, watcher, animal, log_output, wait_for, tmp_path
):
    path = experiment_file(tmp_path)
    start_node(MODULE, file=path, cameras=["top"], outputs=["screen"], image_sizes=["top=640x480"])
    seen = animal(walking=False)
    watcher.start()
    wait_for(seen.is_seen, "the experiment's subscription to the poses")
    seen.send(BETWEEN)
    # One frame, and none after it: what it causes can't wait for the next.
    entered = seen.send(LEFT)
    started = watcher.wait_for_event("trial_started", "left")
    left = seen.send(BETWEEN)
    ended = watcher.wait_for_event("trial_ended", "left")
    wait_for(lambda: watcher.caused("off"), "the command off")

    show, off = watcher.caused("show")[0], watcher.caused("off")[0]
    assert values(show) == {"image": "left"}
    for command, event, frame in ((show, started, entered), (off, ended, left)):
        assert (command.camera, command.sequence) == ("top", frame.sequence)
        assert (event.camera, event.sequence) == ("top", frame.sequence)
        assert stamp_from_message(command.frame_stamp) == stamp_from_message(event.frame_stamp) == frame.stamp
        assert frame.stamp < stamp_from_message(command.decided) <= stamp_from_message(command.sent)
        assert command.source == "experiment"
        wait_for(lambda command=command: any(a.id == command.id for a in watcher.answers), "its acknowledgement")
    assert values(watcher.status(), "counts") == {"right": "0", "left": "1"}

    wait_for(lambda: not any(region.active for region in watcher.regions[-1].regions), "the regions after it")
    first, last = watcher.regions[0], watcher.regions[-1]
    assert first.camera == "top"
    assert {region.name for region in first.regions} == {"left", "right"}
    assert not any(region.active for region in (*first.regions, *last.regions))
    assert any(region.active for message in watcher.regions for region in message.regions if region.name == "left")


def test_start_stop_and_start_again(start_node, watcher, animal, log_output, wait_for, tmp_path):
    node = start_node(MODULE, file=experiment_file(tmp_path), acknowledgement_timeout=30.0)
    seen = animal(walking=False)
    refusal = watcher.call("stop")
    assert (refusal.success, refusal.message) == (False, "no experiment is running")
    for count in (1, 2):
        watcher.start()
        again = watcher.call("start")
        assert not again.success
        assert "is running already" in again.message
        wait_for(seen.is_seen, "the experiment's subscription to the poses")
        seen.send(BETWEEN)
        seen.send(RIGHT)
        wait_for(lambda count=count: len(watcher.of_kind("trial_started")) == count, "a trial")
        assert watcher.status().state == "right"
        assert watcher.call("stop").success
        wait_for(lambda count=count: len(watcher.of_kind("experiment_ended")) == count, "the end")
        wait_for(lambda: watcher.commands[-1].action == "off", "the command off")
        status = watcher.status()
        assert (status.status, status.reason) == (ExperimentStatus.FINISHED, "stopped by the operator")
        assert values(status, "counts") == {"right": "1", "left": "0"}
    assert node.end(signal.SIGINT) == 0
    assert "Traceback" not in node.output


def test_start_is_refused_where_an_output_does_not_answer(start_node, watcher, animal):
    start_node(MODULE, file=EXAMPLE)
    animal()
    answer = watcher.call("start")
    assert not answer.success
    assert answer.message == "output 'screen': nobody answers on /outputs/screen/acknowledgement"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_switches_off_before_the_node_is_gone(
    start_node, watcher, animal, log_output, wait_for, tmp_path, number
):
    node = start_node(MODULE, file=experiment_file(tmp_path), autostart_run=True, acknowledgement_timeout=30.0)
    watcher.ready()
    animal().place = LEFT
    watcher.wait_for_event("trial_started", "left")
    wait_for(lambda: watcher.commands and watcher.commands[-1].action == "show", "the command show")
    assert node.end(number) == 0
    assert "did not acknowledge" not in node.output
    wait_for(lambda: log_output.lines[-1].endswith(": off"), "the output to be off")
    assert log_output.lines[-2].endswith(": show image=left")
    assert values(watcher.wait_for_event("experiment_ended"))["reason"] == "the experiment node was stopped"


def test_the_screen_goes_off_when_the_experiment_is_killed(start_node, watcher, animal, wait_for, tmp_path):
    screen = start_node(
        OUTPUT,
        name="screen",
        namespace="/outputs",
        type="screen",
        images=PICTURES,
        commander_timeout=2.0,
        max_command_age=60.0,
    )
    node = start_node(MODULE, file=experiment_file(tmp_path), autostart_run=True, acknowledgement_timeout=30.0)
    watcher.ready(publishers_of_events=2)
    animal().place = LEFT
    watcher.wait_for_event("trial_started", "left")
    # What a killed process has sent but nobody has read yet is gone with its memory.
    wait_for(lambda: watcher.answered("show"), "the acknowledgement of show")
    node.end(signal.SIGKILL)
    fault = watcher.wait_for_event("fault", "screen")
    assert "'show image=left' was switched off: /experiment has been silent" in values(fault)["reason"]

    # A new life of the node begins with off, before it is asked for anything.
    before = len(watcher.answers)
    start_node(MODULE, file=experiment_file(tmp_path), acknowledgement_timeout=30.0)
    wait_for(lambda: len(watcher.answers) > before, "an answer to the new node")
    assert watcher.answers[before].id in (1, 2), "the first question, or one more where its answer was lost"
    assert screen.end(signal.SIGTERM) == 0


def test_without_poses_or_with_old_ones_the_output_goes_off_and_comes_back(
    start_node, watcher, animal, log_output, wait_for, tmp_path
):
    path = experiment_file(tmp_path, ("pose_timeout: 60 ", "pose_timeout: 0.3 "), ("max_age: 30 ", "max_age: 2 "))
    start_node(MODULE, file=path, autostart_run=True)
    watcher.ready()
    seen = animal()
    seen.place = LEFT
    watcher.wait_for_event("trial_started", "left")
    seen.delay = 3_000_000_000
    for reason in ("max_age is 2 s", "no pose of camera 'top' for 0.3 s: outputs off"):
        wait_for(lambda reason=reason: any(reason in text for text in watcher.reasons()), reason)
    wait_for(lambda: watcher.commands[-1].action == "off", "the command off")
    assert watcher.status().state == "left", "the trial goes on"
    seen.delay = 0
    watcher.wait_for_event("recovered")
    wait_for(lambda: watcher.commands[-1].action == "show", "the command show")


def test_a_command_that_is_refused_or_not_acknowledged_is_a_fault(start_node, watcher, animal, wait_for, tmp_path):
    screen = start_node(
        OUTPUT, name="screen", namespace="/outputs", type="screen", images=PICTURES[:1], **PATIENT_OUTPUT
    )
    start_node(MODULE, file=experiment_file(tmp_path), autostart_run=True, acknowledgement_timeout=0.5)
    watcher.ready()
    seen = animal()
    seen.place = RIGHT
    refused = "output 'screen' refused 'show': values.image: found 'right'"
    wait_for(lambda: any(refused in text for text in watcher.reasons()), "the refusal")
    screen.end(signal.SIGKILL)
    before = len(watcher.reasons())
    seen.place = LEFT
    silent = "output 'screen' did not acknowledge 'show' within 0.5 s"
    wait_for(lambda: silent in watcher.reasons()[before:], "a second fault")


def test_a_keypoint_that_the_poses_lack_is_refused_or_ends_the_run(
    start_node, watcher, animal, log_output, wait_for, tmp_path
):
    node = start_node(MODULE, file=experiment_file(tmp_path), autostart_run=True)
    watcher.ready()
    animal(keypoints=("snout", "nek"))
    fault = watcher.wait_for_event("fault", "pose")
    assert "have no keypoint 'neck', which trigger 'in_right' needs. Did you mean 'nek'?" in values(fault)["reason"]
    watcher.wait_for_event("experiment_ended")
    assert watcher.status().status == ExperimentStatus.FAULT
    wait_for(lambda: "Did you mean 'nek'?" in node.output, "the same in the log")
    answer = watcher.call("start")
    assert not answer.success
    assert "needs keypoint 'neck', which the poses do not have. Did you mean 'nek'?" in answer.message


class Goal:
    """A goal of the action `run`."""

    def __init__(self, observer: Any, wait_for: Any, file: str | Path = "") -> None:
        self.feedback: list[ExperimentStatus] = []
        self._client = ActionClient(observer.node, RunExperiment, "/experiment/run")
        assert self._client.wait_for_server(120)
        sent = self._client.send_goal_async(
            RunExperiment.Goal(file=str(file)), lambda message: self.feedback.append(message.feedback.status)
        )
        wait_for(sent.done, "the goal's acceptance")
        self.handle = sent.result()
        assert self.handle.accepted
        self._result = self.handle.get_result_async()
        self._wait_for = wait_for

    def result(self) -> tuple[int, Any]:
        """Waits for the end; its status and result."""
        self._wait_for(self._result.done, "the goal's result")
        self._client.destroy()
        return self._result.result().status, self._result.result().result

    def cancel(self) -> None:
        """Asks for its end."""
        cancelled = self.handle.cancel_goal_async()
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


def test_a_run_waits_for_an_output_that_nobody_is_and_says_so(start_node, observer, animal, wait_for):
    statuses = observer.collect(ExperimentStatus, "/experiment/status", EVENT)
    node = start_node(MODULE, file=EXAMPLE, start_timeout=15.0)
    animal()
    waits = "waits for output 'screen': nobody listens on /outputs/screen/command"
    goal = Goal(observer, wait_for)
    wait_for(lambda: any(item.reason == waits for item in statuses), "a status that says what is waited for")
    status, result = goal.result()
    reason = f"the run did not begin within 15 s: {waits.removeprefix('waits for ')}"
    assert (status, result.success, result.reason) == (GoalStatus.STATUS_ABORTED, False, reason)
    assert any(item.reason == waits for item in goal.feedback)
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
    disarmed = "output 'screen': it is disarmed (disarmed by hand); arm it by hand: ros2 service call"
    wait_for(lambda: watcher.call("start").message.startswith(disarmed), "the refusal of a run")
    assert observer.call(SetBool, "/outputs/screen/arm", SetBool.Request(data=True)).success
    wait_for(lambda: watcher.call("start").success, "the start of a run")


def test_an_output_that_somebody_else_switches_off_is_a_fault_and_left_to_them(
    start_node, observer, watcher, animal, log_output, wait_for, tmp_path
):
    start_node(MODULE, file=experiment_file(tmp_path), autostart_run=True, output_timeout=60.0)
    commands = observer.node.create_publisher(Command, "/outputs/screen/command", COMMAND)
    watcher.ready()
    wait_for(lambda: commands.get_subscription_count() >= 2, "the output, and this test")
    animal().place = LEFT
    wait_for(lambda: watcher.answered("show"), "the acknowledgement of show")
    commands.publish(Command(source="panel", id=1, action="off"))
    reason = "output 'screen' does 'off' by order of panel, and not 'show image=left'"
    wait_for(lambda: reason in watcher.reasons(), "a fault")
    assert [item.source for item in watcher.commands if item.action == "show"] == ["experiment"]


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


def test_a_value_of_any_topic_is_a_trigger(start_node, observer, watcher, log_output, wait_for, tmp_path):
    scale = "{type: topic, topic: /scale/weight, message: std_msgs/msg/Float64, field: data, at_least: 20}"
    file = experiment_file(
        tmp_path,
        ("triggers:\n", f"triggers:\n  on_scale: {scale}\n"),
        ("trigger: in_right", "trigger: on_scale"),  # no animal is there, and outputs are to go on all the same
    )
    start_node(MODULE, file=file)
    watcher.start()
    publisher = observer.node.create_publisher(Float64, "/scale/weight", 10)

    def weighs(grams: float, kind: str) -> bool:
        publisher.publish(Float64(data=grams))  # again and again: subscribers of any topic take it best effort
        return any(event.name == "on_scale" for event in watcher.of_kind(kind))

    wait_for(lambda: weighs(25.0, "trigger_rose"), "the trigger on the scale")
    assert values(watcher.wait_for_event("trigger_rose", "on_scale"))["value"] == "25"
    wait_for(lambda: any(item.action == "show" for item in watcher.commands), "the command that it causes")
    [shown] = [item for item in watcher.commands if item.action == "show"]
    assert (shown.trigger, shown.value, shown.camera) == ("on_scale", 25.0, "")
    wait_for(lambda: weighs(5.0, "trigger_fell"), "the trigger to fall")
