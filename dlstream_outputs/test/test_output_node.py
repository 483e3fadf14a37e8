"""The output node as a process: commands, acknowledgements, and that it fails to off."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from commander import MAX_COMMAND_AGE, Commander
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState

from dlstream_common import now
from dlstream_common.lateness import uptime
from dlstream_common.ros import stamp_from_message
from dlstream_msgs.msg import Command

MODULE = "dlstream_outputs.node"
NAME = {"name": "screen", "namespace": "/outputs", "max_command_age": MAX_COMMAND_AGE}
IMAGES = Path(__file__).parents[2] / "config" / "images"
PICTURES = [f"left={IMAGES / 'stripes.png'}", f"right={IMAGES / 'checkers.png'}"]


@pytest.fixture
def commander(observer, wait_for):
    return Commander(observer, wait_for)


@pytest.fixture
def screen(start_node, commander):
    """A screen's process that takes commands; `commander_timeout` is long."""
    node = start_node(MODULE, **NAME, type="screen", images=PICTURES, commander_timeout=60.0)
    commander.ready()
    return node


def test_answers_with_the_time_at_which_the_image_was_up(screen, commander, wait_for):
    before = now()
    answer = commander.tell("show", image="left")
    assert (answer.success, answer.message, answer.source, answer.output) == (True, "", "experiment", "screen")
    assert before <= stamp_from_message(answer.received) <= stamp_from_message(answer.applied) <= now()
    wait_for(lambda: commander.state == "show image=left", "a diagnosis that tells the image")
    assert commander.tell("off").success
    wait_for(lambda: commander.state == "off", "a diagnosis that tells that it is off")
    assert screen.end(signal.SIGTERM) == 0
    assert "Traceback" not in screen.output


def test_refuses_what_it_can_not_do_and_goes_on(screen, commander):
    answer = commander.tell("show", image="lfet")
    assert not answer.success
    assert "Did you mean 'left'?" in answer.message
    assert stamp_from_message(answer.applied) == 0
    assert "Did you mean 'show'?" in commander.tell("shw", image="left").message
    assert commander.tell("show", image="right").success
    assert screen.end(signal.SIGINT) == 0


def test_goes_off_when_its_commander_runs_nothing(screen, commander, wait_for):
    commander.tell("show", image="left")
    commander.heartbeat(False, stamp=now() - 60_000_000_000)  # from before the command
    commander.heartbeat(True)
    commander.tell("show", image="right")
    assert not commander.faults
    commander.heartbeat(False)
    wait_for(lambda: commander.faults, "a fault event")
    event = commander.faults[0]
    assert (event.kind, event.name) == ("fault", "screen")
    assert event.values[0].value == "'show image=right' was switched off: /experiment is not running an experiment"
    commander.says(on=False, state="off", reason=event.values[0].value)
    wait_for(lambda: commander.state == "off", "a diagnosis that tells that it is off")


def test_goes_off_when_its_commander_is_silent(start_node, commander, wait_for):
    panel = {"also_commanded_by": ["panel"]}
    start_node(MODULE, **NAME, type="screen", images=PICTURES, commander_timeout=0.5, **panel)
    commander.ready()
    commander.tell("show", image="left")
    wait_for(lambda: commander.faults, "a fault event")
    assert "/experiment has been silent for" in commander.faults[0].values[0].value
    wait_for(lambda: commander.state == "off", "a diagnosis that tells that it is off")
    assert len(commander.faults) == 1
    # What somebody else switched on is not the commander's to keep alive.
    commander.tell("show", source="panel", image="right")
    wait_for(lambda: commander.state == "show image=right", "a diagnosis that tells the image")
    commander.heartbeat(False)
    assert commander.tell("show", source="panel", image="left").success
    assert len(commander.faults) == 1


def test_heartbeats_that_a_queue_gives_out_late_do_not_keep_it_on(start_node, commander, wait_for):
    start_node(MODULE, **NAME, type="log", commander_timeout=0.5)
    commander.ready()
    sent = 0

    def switched_on() -> bool:
        """A busy machine may be late with the first sign of life, too."""
        nonlocal sent
        sent = uptime()
        commander.heartbeat(True, uptime=sent)
        return commander.tell("on").success

    def given_out() -> bool:
        """The last thing that was sent before a cut comes again and again, as it would from a queue."""
        commander.heartbeat(True, uptime=sent)
        return bool(commander.faults)

    wait_for(switched_on, "that it is on")
    wait_for(given_out, "a fault event")
    why = commander.faults[0].values[0].value  # a busy machine may give out none for half a second
    assert "the heartbeats of /experiment come" in why or "/experiment has been silent for" in why
    commander.says(on=False, state="off")


def test_what_a_stranger_calls_itself_is_shown_to_a_terminal_and_not_obeyed_by_it(start_node, commander, wait_for):
    node = start_node(MODULE, **NAME, type="log", commander_timeout=60.0)
    commander.ready()
    clipboard = "\x1b]52;c;ZXZpbA==\x07\n[FATAL] "
    assert not commander.tell("on", source=clipboard).success
    assert commander.tell("off", source=clipboard, arm=Command.DISARM).success
    commander.says(on=False, armed=False)
    told = "command 'on' of '\\x1b]52;c;ZXZpbA==\\x07\\n[FATAL] ' refused"
    wait_for(lambda: told in node.output and "off and disarmed by" in node.output, "both in the log")
    assert "\x1b]52" not in node.output
    assert "\n[FATAL] " not in node.output


def test_obeys_its_commander_only_unless_the_rig_allows_more(start_node, commander):
    start_node(MODULE, **NAME, type="log", commander_timeout=60.0)
    commander.ready()
    answer = commander.tell("on", source="panel")
    assert not answer.success
    assert not answer.again
    assert "found 'on' from 'panel'; expected a command from 'experiment'" in answer.message
    assert not commander.tell("on", source="test").success, "the name of the output's own test"
    assert commander.tell("on").success
    assert commander.tell("off", source="panel").success
    commander.says(on=False, source="panel")


def test_what_a_hand_switched_on_ends_by_itself(start_node, commander, wait_for):
    panel = {"also_commanded_by": ["panel"]}
    start_node(MODULE, **NAME, type="screen", images=PICTURES, commander_timeout=60.0, manual_timeout=0.5, **panel)
    commander.ready()
    answer = commander.tell("show", source="panel", image="left")
    assert answer.success
    wait_for(lambda: commander.faults, "a fault event")
    reason = "'show image=left' was switched off: manual_timeout (0.5 s) has passed since panel switched it on"
    assert commander.faults[0].values[0].value == reason
    commander.says(on=False, source="panel", id=answer.id, reason=reason)


def test_refuses_what_was_on_its_way_for_too_long_but_never_off(start_node, commander, wait_for):
    node = start_node(MODULE, **NAME, type="log", commander_timeout=60.0)
    commander.ready()
    answer = commander.tell("show", age=100.0)
    assert not answer.success
    assert f"expected at most max_command_age, {MAX_COMMAND_AGE:g} s" in answer.message
    assert answer.again
    answer = commander.tell("show", age=-100.0)
    assert "the clock of experiment is" in answer.message
    assert commander.tell("show", age=1.0).success
    commander.says(on=True)
    assert commander.tell("off", age=4000.0).success
    commander.says(on=False)
    told = "command 'show' of 'experiment' refused: found 'show', sent"
    wait_for(lambda: told in node.output, "the same in the log")


def test_disarmed_it_takes_nothing_but_off(start_node, commander, wait_for):
    node = start_node(MODULE, **NAME, type="log", commander_timeout=60.0, arming="run")
    commander.ready()
    commander.says(armed=False, armable=True)
    wait_for(lambda: [item.data for item in commander.armed] == [False], "the latched state")
    answer = commander.tell("show")
    assert not answer.success
    assert "found 'show' for a disarmed output (arming: run)" in answer.message
    assert commander.tell("off").success
    # A run arms it, and its end disarms it.
    assert commander.tell("off", arm=Command.ARM).success
    assert commander.tell("show").success
    commander.heartbeat(False)
    commander.says(on=False, armed=False)
    # By hand.
    assert commander.arm(True).success
    assert commander.tell("show").success
    assert commander.arm(False).message == "off and disarmed"
    commander.says(on=False, armed=False, armable=False, reason="disarmed by hand")
    assert not commander.tell("show", arm=Command.ARM).success, "no run arms what a hand has disarmed"
    wait_for(lambda: [item.data for item in commander.armed] == [False, True, False, True, False], "its changes")
    assert node.end(signal.SIGTERM) == 0


def test_what_is_switched_off_by_hand_or_with_its_node_is_an_event(start_node, commander, wait_for):
    def told() -> list[tuple[str, dict[str, str]]]:
        return [(event.kind, {item.key: item.value for item in event.values}) for event in commander.events]

    node = start_node(MODULE, **NAME, type="log", commander_timeout=60.0)
    commander.ready()
    assert commander.arm(False).success
    assert commander.arm(True).success
    assert commander.tell("show", image="left").success
    assert commander.arm(False).success
    wait_for(told, "an event")
    reason = "'show image=left' was switched off: disarmed by hand"
    assert told() == [("fault", {"reason": reason, "state": "off"})], "none where it was off"
    assert commander.arm(True).success
    assert commander.tell("show").success
    assert node.end(signal.SIGTERM) == 0
    wait_for(lambda: len(told()) > 1, "another event")
    ended = {"reason": "'show' was switched off: its node is ending", "state": "off"}
    assert told()[1:] == [("output_report", ended)], "an end is no fault"


def test_the_rig_disarms_with_its_reason(start_node, commander, wait_for):
    node = start_node(MODULE, **NAME, type="log", commander_timeout=60.0)
    commander.ready()
    assert commander.tell("show").success
    assert commander.tell("off", source="rig", arm=Command.DISARM, reason="/pose was killed by SIGKILL").success
    commander.says(on=False, armed=False, armable=False, reason="/pose was killed by SIGKILL")
    assert "(/pose was killed by SIGKILL; arm it with `dlstream output arm` or ~/arm)" in commander.tell("show").message
    told = "arm it with `dlstream output arm` or ~/arm); expected only 'off'"
    wait_for(lambda: any(line.endswith(told) for line in list(node.lines)), "the same in the log")


def test_a_test_is_timed_by_the_output_and_refused_in_a_run(start_node, commander, wait_for):
    node = start_node(MODULE, **NAME, type="log", commander_timeout=60.0)
    commander.ready()
    answer = commander.test("show", 0.2, image="left")
    assert (answer.success, answer.message) == (True, "on for 0.2 s")
    wait_for(lambda: any(item.state == "show image=left" for item in commander.statuses), "that it is on")
    commander.says(on=False, source="test", reason="")
    wait_for(lambda: "the test has ended: off" in node.output, "the same in the log")
    assert not commander.faults, "what was planned is no fault"
    assert "found 11; expected more than 0, at most 10" in commander.test("show", 11.0).message
    commander.heartbeat(True)
    wait_for(lambda: commander.test("show", 0.01).message == "an experiment is running; stop it first", "a refusal")
    commander.heartbeat(False)
    commander.arm(False)
    wait_for(lambda: "for a disarmed output (disarmed by hand" in commander.test("show", 0.01).message, "a refusal")


def test_takes_no_command_while_it_is_inactive(start_node, observer, commander, wait_for):
    start_node(MODULE, **NAME, type="screen", images=PICTURES, commander_timeout=60.0)
    commander.ready()
    commander.tell("show", image="left")

    def change(number: int) -> None:
        request = ChangeState.Request(transition=Transition(id=number))
        assert observer.call(ChangeState, "/outputs/screen/change_state", request).success

    change(Transition.TRANSITION_DEACTIVATE)
    wait_for(lambda: not commander._commands.get_subscription_count(), "the end of its subscription")
    change(Transition.TRANSITION_CLEANUP)
    change(Transition.TRANSITION_CONFIGURE)
    change(Transition.TRANSITION_ACTIVATE)
    commander.ready()
    wait_for(lambda: commander.state == "off", "a diagnosis that tells that it is off")
    assert commander.tell("show", image="right").success


def test_what_a_person_has_disarmed_and_what_is_used_up_outlast_a_pause_of_the_node(start_node, observer, commander):
    limits = {"calibration": ["power=0:0 1:10"], "max_energy": 0.001}
    start_node(MODULE, **NAME, type="log", arming="run", commander_timeout=60.0, **limits)
    commander.ready()
    used_up = "max_energy (0.001 mJ in a session) is used up"

    def pause() -> None:
        for number in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVATE):
            request = ChangeState.Request(transition=Transition(id=number))
            assert observer.call(ChangeState, "/outputs/screen/change_state", request).success
        commander.ready()

    assert commander.tell("off", arm=Command.ARM).success
    assert commander.tell("on").success
    commander.says(on=False)
    pause()
    assert used_up in commander.tell("on", arm=Command.ARM).message
    assert commander.arm(False).success
    pause()
    assert "disarmed by hand; arm it" in commander.tell("on", arm=Command.ARM).message


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "type: found nothing; expected one of "),
        ({"type": "screen", "image": ["a=b"]}, "Did you mean 'images'?"),
        ({"type": "screen", "images": ["left=/nowhere/stripes.png"]}, "there is no file /nowhere/stripes.png"),
        ({"type": "screen", "images": [f"left={__file__}"]}, "can't be read as an image"),
    ],
)
def test_bad_parameters_are_refused_with_a_clear_message(start_node, parameters, message):
    node = start_node(MODULE, **NAME, **parameters)
    assert node.wait() == 1
    assert message in node.output
    assert "Traceback" not in node.output


def test_what_a_screen_has_shown_is_an_event(start_node, commander, wait_for):
    start_node(MODULE, **NAME, type="screen", offscreen=True, refresh_rate=10.0, commander_timeout=60.0)
    commander.ready()
    answer = commander.tell("pulse", width="300 ms")
    wait_for(lambda: [event for event in commander.events if event.kind == "output_report"], "a report")
    report = next(event for event in commander.events if event.kind == "output_report")
    values = {pair.key: pair.value for pair in report.values}
    assert (report.name, values["action"]) == ("screen", "pulse width=300")
    assert int(values["begin"]) == stamp_from_message(answer.applied)
    assert 3 <= int(values["refreshes"]) <= 3 + int(values["dropped"])
    assert values["screen"] == "dummy 640x480, 10.00 Hz, not synchronised"
    wait_for(lambda: bool(commander.faults) == (values["dropped"] != "0"), "a fault only where one was dropped")
    commander.says(on=False, reason="")
