"""The experiment node as a process, with an output's process and an animal that the test moves."""

from __future__ import annotations

import re
import signal
from functools import partial
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from experiment_node_tools import (
    EXAMPLE,
    MODULE,
    OUTPUT,
    PATIENT_OUTPUT,
    PICTURES,
    experiment_file,
    last_done,
    values,
)
from experiment_poses import BETWEEN, LEFT, RIGHT
from std_msgs.msg import Float64, String
from std_srvs.srv import SetBool

from dlstream_common.ros import JOURNAL, stamp_from_message
from dlstream_msgs.msg import ExperimentStatus


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


def test_the_next_run_takes_over_the_file_as_it_is_now(start_node, watcher, animal, log_output, wait_for, tmp_path):
    path = experiment_file(tmp_path)
    node = start_node(MODULE, file=path, cameras=["top"], image_sizes=["top=640x480"])
    seen = animal(walking=False)
    watcher.start()
    text = path.read_text()
    path.write_text(text.replace("center: [372, 163]", "center: [100, 163]"))
    refused = watcher.call("reload")
    assert not refused.success
    assert "a run is on" in refused.message
    assert watcher.call("stop").success
    assert watcher.call("reload").success
    wait_for(lambda: min(_left(watcher).x) < 100, "the region at its new place")
    path.write_text(text.replace("radius: 87.5", "radius: -1"))
    for service in ("reload", "start"):
        wrong = watcher.call(service)
        assert not wrong.success
        assert "experiment.yaml:19" in wrong.message
    path.write_text(text)
    watcher.start()  # without a reload
    wait_for(lambda: min(_left(watcher).x) > 200, "the region at its old place")
    wait_for(lambda: watcher.status().status == ExperimentStatus.RUNNING, "the run, once the output answers")
    wait_for(seen.is_seen, "the experiment's subscription to the poses")
    seen.send(BETWEEN)
    seen.send(LEFT)
    watcher.wait_for_event("trial_started", "left")
    assert node.end() == 0


def _left(watcher: Any) -> Any:
    return next(region for region in watcher.regions[-1].regions if region.name == "left")


def test_start_is_refused_where_an_output_does_not_answer(start_node, watcher, animal):
    start_node(MODULE, file=EXAMPLE)
    animal()
    answer = watcher.call("start")
    assert not answer.success
    assert answer.message == "output 'screen': nobody answers on /outputs/screen/acknowledgement"


def test_a_start_reads_the_file_before_it_asks_the_outputs_of_the_old_one(start_node, watcher, tmp_path):
    path = experiment_file(tmp_path)
    start_node(MODULE, file=path)  # there is no output
    assert not watcher.call("start").success
    path.write_text(path.read_text().replace("radius: 87.5", "radius: -1"))
    answer = watcher.call("start")
    assert not answer.success
    assert "experiment.yaml:19" in answer.message


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
    wait_for(lambda: last_done(log_output) == "off", "the output to be off")
    before = [line for line in log_output.lines if not line.endswith(": off")]  # which a busy machine says again
    assert before[-1].endswith(": show image=left")
    assert values(watcher.wait_for_event("experiment_ended"))["reason"] == "the experiment node was stopped"


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_command_that_is_refused_or_not_acknowledged_is_a_fault(
    start_node, observer, watcher, animal, wait_for, tmp_path
):
    diagnostics = observer.collect(DiagnosticArray, "/diagnostics", 10)
    screen = start_node(
        OUTPUT, name="screen", namespace="/outputs", type="screen", images=PICTURES[:1], **PATIENT_OUTPUT
    )
    start_node(MODULE, file=experiment_file(tmp_path), autostart_run=True, acknowledgement_timeout=0.5)
    watcher.ready()
    seen = animal()
    seen.place = RIGHT
    refused = "output 'screen' refused 'show': values.image: found 'right'"
    wait_for(lambda: any(refused in text for text in watcher.reasons()), "the refusal")

    def troubles() -> list[str]:
        own = [one for array in diagnostics for one in array.status if one.name == "/experiment"]
        return [pair.value for one in own for pair in one.values if pair.key == "trouble" and pair.value]

    wait_for(lambda: any(refused in text for text in troubles()), "its diagnosis")
    assert re.fullmatch(r"\d+ faults?", troubles()[0].split(", ")[0]), troubles()
    screen.end(signal.SIGKILL)
    before = len(watcher.reasons())
    seen.place = LEFT
    silent = "output 'screen' did not acknowledge 'show' within 0.5 s"
    wait_for(lambda: silent in watcher.reasons()[before:], "a second fault")


@pytest.mark.parametrize("arming", ["run", "hand"])
def test_an_output_that_is_started_again_in_the_run_gets_what_is_wanted_once_it_is_armed(
    start_node, watcher, animal, observer, wait_for, tmp_path, arming
):
    def arm() -> None:
        assert observer.call(SetBool, "/outputs/screen/arm", SetBool.Request(data=True)).success

    def shown_by(output) -> bool:
        return last_done(output) == "show image=left"

    made = {"name": "screen", "namespace": "/outputs", "type": "log", "arming": arming, **PATIENT_OUTPUT}
    output = start_node(OUTPUT, **made)
    if arming == "hand":
        arm()
    start_node(MODULE, file=experiment_file(tmp_path), autostart_run=True, start_timeout=300.0)
    watcher.ready(publishers_of_events=2)
    animal().place = LEFT
    refused = "(arming: hand; arm it with "

    def refusals() -> int:
        return sum(refused in text for text in watcher.reasons())

    for number in (signal.SIGTERM, signal.SIGKILL):  # the first refuses what comes as it ends
        wait_for(partial(shown_by, output), "the picture")
        told, before = len(watcher.of_kind("recovered")), refusals()
        output.end(number)
        output = start_node(OUTPUT, **made)
        wait_for(lambda told=told: len(watcher.of_kind("recovered")) > told, "that it is there again")
        again = watcher.of_kind("recovered")[-1]
        assert values(again)["text"] == "output 'screen' is back: its node was restarted, and is off"
        if arming == "hand":
            wait_for(lambda before=before: refusals() > before, "the refusal")
            assert not shown_by(output)
            arm()
    wait_for(lambda: shown_by(output), "the picture")
    differed = "output 'screen' was started again and does 'off', and not 'show image=left'; the command is sent again"
    assert differed in watcher.reasons()


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
    shown = next(item for item in watcher.commands if item.action == "show")
    assert (shown.trigger, shown.value, shown.camera) == ("on_scale", 25.0, "")
    wait_for(lambda: weighs(5.0, "trigger_fell"), "the trigger to fall")
    assert watcher.call("stop").success
    journal = observer.collect(String, "/experiment/journal", JOURNAL)
    wait_for(lambda: watcher.call("start").success, "another run, once the first one has ended")
    wait_for(lambda: any('"in":"value"' in item.data and '"age":' in item.data for item in journal), "its age")
