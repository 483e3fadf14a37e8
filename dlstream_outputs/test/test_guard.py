"""What an output may do, and when it goes off by itself: the rules, without a device and without ROS."""

from __future__ import annotations

import wave
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlstream_outputs.actions import Action, On, Pulse, Train
from dlstream_outputs.guard import Guard, Order, Refusal
from dlstream_outputs.outputs import OUTPUTS, OutputSettings, output_settings

SECOND = 1_000_000_000
NOON = 1_800_000_000 * SECOND


def guard(of_type: Any = "start", **settings: Any) -> Guard:
    return Guard(OutputSettings(**settings), of_type)


def order(action: str = "on", source: str = "experiment", **others: Any) -> Order:
    return Order(source, 7, action, **{"sent": NOON, **others})


def carried_out(rules: Guard, command: Order, steady: float = 100.0) -> None:
    assert not rules.refusal(command, NOON)
    rules.carried_out(command, steady)


def test_goes_off_when_the_heartbeat_stops_and_never_before():
    rules = guard(commander_timeout=0.25)
    carried_out(rules, order(values={"power": "8"}))
    assert (rules.on, rules.state) == (True, "on power=8")
    assert not rules.due(100.24)
    assert not rules.heard(True, NOON + 1, 100.24)
    assert not rules.due(100.48)
    assert rules.due(100.50) == "/experiment has been silent for 0.26 s"
    rules.went_off("it was silent")
    assert (rules.on, rules.reason) == (False, "it was silent")
    assert not rules.due(200.0), "what is off does not go off"


def test_heartbeats_that_a_queue_keeps_back_do_not_keep_it_on():
    rules = guard(commander_timeout=0.25)
    carried_out(rules, order(), 100.0)
    for late in range(6):  # a cut behind a queue: what was sent at 100.05 comes last
        assert not rules.heard(True, NOON + 1, 100.05 + late * 0.05, late=late * 0.05)
    assert not rules.due(100.30)
    assert rules.due(100.31) == "/experiment has been silent for 0.26 s"
    rules.heard(True, NOON + 1, 100.36, late=0.31)
    assert rules.due(100.36) == "the heartbeats of /experiment come 0.31 s late"


def test_nothing_begins_while_heartbeats_come_late_and_it_may_be_sent_again():
    rules = guard("run", commander_timeout=0.25)
    carried_out(rules, order("off", arm=True), 100.0)
    rules.heard(True, NOON + 1, 101.0, late=0.4)
    found = rules.refusal(order(arm=True), NOON, steady=101.01)
    late = "found 'on' while the heartbeats of /experiment come 0.400 s late"
    assert found == Refusal(f"{late}; expected less than commander_timeout, 0.25 s", again=True)
    assert not rules.refusal(order("off"), NOON, steady=101.01)
    assert rules.due(101.02) == "", "it is off already"
    assert not rules.armed
    rules.heard(True, NOON + 2, 101.05, late=0.4)
    assert not rules.armed, "a late sign of life arms nothing"
    rules.heard(True, NOON + 3, 101.1, late=0.0)
    assert rules.armed
    assert not rules.refusal(order(), NOON, steady=101.1)


def test_a_command_that_was_long_on_its_way_is_no_fresh_sign_of_life():
    rules = guard(commander_timeout=0.25)
    assert not rules.refusal(order(), NOON + 400_000_000)
    rules.carried_out(order(), 100.0, age=0.4)
    assert rules.due(100.01) == "/experiment has been silent for 0.41 s"


def test_what_a_silence_disarmed_asks_for_the_command_again():
    rules = guard("run", commander_timeout=0.25)
    carried_out(rules, order("off", arm=True))
    rules.due(101.0)
    disarmed = "found 'on' for a disarmed output (/experiment was not heard); expected only 'off'"
    assert rules.refusal(order(), NOON) == Refusal(disarmed, again=True)


def test_no_timeout_leaves_it_on():
    rules = guard(commander_timeout=0)
    carried_out(rules, order())
    assert not rules.due(1e6)


def test_goes_off_when_no_run_is_in_progress_but_not_by_a_heartbeat_from_before_the_command():
    rules = guard()
    carried_out(rules, order())
    assert not rules.heard(False, NOON - 1, 100.1)
    assert rules.heard(False, NOON + 1, 100.2) == "/experiment is not running an experiment"


def test_what_somebody_else_switched_on_ends_by_itself_and_not_by_the_commander():
    rules = guard(manual_timeout=10, commander_timeout=0.25, also_commanded_by=["panel"])
    carried_out(rules, order(source="panel"))
    assert not rules.due(109.9)
    assert not rules.heard(False, NOON + 1, 105.0)
    assert rules.due(110.0) == "manual_timeout (10 s) has passed since panel switched it on"
    carried_out(rules, order("off", source="panel"), 111.0)
    assert not rules.due(500.0)


@given(st.text(max_size=12).filter(lambda source: source not in ("experiment", "panel")))
@example("")
@example("/experiment")
@example("test")
def test_only_the_commander_and_who_the_rig_allows_switch_it_on_and_everyone_switches_it_off(source):
    rules = guard(also_commanded_by=["panel"])
    refused = rules.refusal(order(source=source), NOON)
    assert not refused.again
    assert refused.text.startswith(
        f"found 'on' from {source!r}; expected a command from 'experiment' or 'panel', or 'off'"
    )
    assert not rules.refusal(order("off", source=source), NOON)
    assert not rules.refusal(order(source="panel"), NOON)
    assert not rules.refusal(order(source="test", by_hand=True), NOON)
    assert not guard(also_commanded_by=["anyone"]).refusal(order(source=source), NOON)


@pytest.mark.parametrize("allowed", [[], ["panel"], ["anyone"]])
def test_nobody_but_the_commander_arms_also_who_may_command(allowed):
    limited = {"calibration": {"power": {0: 0, 1: 10}}, "max_energy": 20}
    rules = guard("run", also_commanded_by=allowed, **limited)
    rules.carried_out(order("off", source="panel", arm=True), 100.0)
    assert not rules.armed
    assert rules.refusal(order(source="panel", arm=True), NOON)
    rules.carried_out(order("off", arm=True), 100.0)
    assert rules.armed
    rules.carried_out(order(), 101.0, On())
    rules.went_off(rules.due(200.0), 200.0)
    assert not rules.due(200.0), "the silence disarms what is off"
    rules.carried_out(order("off", source="panel", arm=True), 201.0)
    assert not rules.armed
    assert rules.budget.energy > 20


def test_old_commands_and_those_from_the_future_are_refused_but_off_never_is():
    rules = guard(max_command_age=0.5, also_commanded_by=["hand"])
    late, early = NOON + SECOND, NOON - 3 * SECOND
    old = "found 'on', sent 1.000 s ago; expected at most max_command_age, 0.5 s"
    assert rules.refusal(order(), late) == Refusal(old, again=True)
    found = rules.refusal(order(), early)
    assert "the clock of experiment is 3.000 s ahead of this computer's" in found.text
    assert not found.again
    assert not rules.refusal(order(), NOON + SECOND // 2)
    for stamp in (late, early):
        assert not rules.refusal(order("off"), stamp)
    assert not rules.refusal(order(source="hand", sent=0), NOON), "by hand, without a stamp"
    assert "sent" in rules.refusal(order(sent=0), NOON).text, "the commander always stamps"
    assert not guard(max_command_age=0).refusal(order(), late)


def test_the_age_of_a_command_from_another_host_is_corrected_by_its_clock_and_doubted_by_what_that_is_not_known():
    rules, ahead = guard(max_command_age=0.5), 600 * SECOND
    for doubt in (0, SECOND // 10):
        assert not rules.refusal(order(), NOON - ahead + SECOND // 10, ahead, doubt)
        assert not rules.refusal(order(), NOON + ahead + SECOND // 10, -ahead, doubt)
    assert "sent 1.000 s ago" in rules.refusal(order(), NOON - ahead + SECOND, ahead).text
    found = rules.refusal(order(), NOON - ahead + SECOND // 10, ahead, SECOND // 2)
    assert "sent 0.100 s ago (the hosts' clocks are compared to within 0.500 s); expected at most" in found.text
    assert not rules.refusal(order("off"), NOON, ahead, SECOND)


def test_a_run_arms_what_it_may_and_its_end_disarms_it():
    rules = guard("run")
    assert "found 'on' for a disarmed output (arming: run)" in rules.refusal(order(), NOON).text
    carried_out(rules, order("off", arm=True))
    assert rules.armed
    carried_out(rules, order())
    assert rules.heard(False, NOON + 1, 100.1) == "the run of /experiment has ended"
    rules.went_off("the run has ended")
    assert not rules.armed
    assert rules.armable


def test_silence_ends_what_a_run_has_armed_also_while_it_is_off():
    rules = guard("run", commander_timeout=0.25)
    carried_out(rules, order("off", arm=True))
    assert not rules.due(101.0)
    assert not rules.armed
    carried_out(rules, order("on", arm=True), 102.0)
    assert rules.armed, "the command that tells it again arms it again"


def test_a_run_that_is_heard_again_after_a_silence_arms_what_it_had_armed():
    rules = guard("run", commander_timeout=0.25)
    carried_out(rules, order("off", arm=True))
    rules.due(101.0)
    assert not rules.heard(True, NOON + SECOND, 101.1)
    assert rules.armed, "a pause of the network leaves no deaf output"
    rules.due(102.0)
    assert not rules.heard(False, NOON + 2 * SECOND, 102.1)
    rules.heard(True, NOON + 3 * SECOND, 102.2)
    assert not rules.armed, "its run has ended; another one arms by its first command"
    carried_out(rules, order("off", arm=True), 103.0)
    rules.due(104.0)
    rules.disarm("by hand")
    rules.heard(True, NOON + 4 * SECOND, 104.1)
    assert not rules.armed


def test_what_no_run_has_armed_no_heartbeat_arms():
    rules = guard("run", commander_timeout=0.25)
    rules.due(101.0)
    rules.heard(True, NOON + SECOND, 101.1)
    assert not rules.armed


def test_disarmed_by_somebody_it_stays_off_until_it_is_armed_by_hand():
    for arming in ("start", "run"):
        rules = guard(arming)
        carried_out(rules, order(arm=True))
        rules.disarm("/pose was killed by SIGKILL")
        assert (rules.on, rules.armed, rules.armable) == (False, False, False)
        refusal = rules.refusal(order(arm=True), NOON)
        assert refusal.text == (
            "found 'on' for a disarmed output (/pose was killed by SIGKILL; arm it with `dlstream output arm` or ~/arm)"
            "; expected only 'off'"
        )
        carried_out(rules, order("off", arm=True))
        assert (rules.armed, rules.reason) == (False, "/pose was killed by SIGKILL")
        rules.arm()
        carried_out(rules, order())


def test_armed_by_hand_it_stays_armed_after_a_run():
    rules = guard("run")
    rules.arm()
    carried_out(rules, order("off", arm=True))
    assert not rules.heard(False, NOON + 1, 100.1)
    assert rules.armed


@pytest.mark.parametrize(("setting", "armed", "armable"), [("start", 1, 0), ("run", 0, 1), ("hand", 0, 0)])
def test_the_rig_may_say_when_it_is_armed(setting, armed, armable):
    for of_type in ("start", "run"):
        rules = guard(of_type, arming=setting)
        assert (rules.armed, rules.armable) == (bool(armed), bool(armable))


def test_a_test_lasts_as_long_as_it_was_to():
    rules = guard()
    carried_out(rules, order(source="test", by_hand=True))
    rules.ends_after(0.2, 100.0)
    assert not rules.finished(100.19)
    assert rules.finished(100.2)
    carried_out(rules, order(source="test", by_hand=True), 100.1)
    assert not rules.finished(100.2), "another command takes its place"


def test_a_sound_file_ends_by_itself_and_the_next_one_is_played(tmp_path):
    with wave.open(str(tmp_path / "call.wav"), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 48000))
    settings = output_settings("sound")(sounds=[f"call={tmp_path}/call.wav"], max_on=5, commander_timeout=0)
    rules = Guard(settings, "start", OUTPUTS["sound"].ends)
    call = order("play", values={"sound": "call"})
    for begin in (100.0, 105.5, 200.0):
        action = settings.read(call.action, call.values)
        assert not rules.exhausted(action, begin)
        rules.carried_out(call, begin, action)
        assert not rules.finished(begin + 0.99)
        assert rules.finished(begin + 1.1)
        assert not rules.due(begin + 1.1)
        rules.went_off(steady=begin + 1.1)


@pytest.mark.parametrize(
    ("action", "latest"),
    [
        (Train(frequency=20, width=5, count=600), 130.2498),  # 29.955 s, and 1 %
        (Train(frequency=20, width=5, count=2), 100.075),  # 0.055 s, and 20 ms
        (On(duration=9), 109.09),
        (On(duration=9.95), 110.0),  # no longer than max_on
        (On(duration=10), 110.02),
        (Pulse(width=9950, delay=1000), 111.0),
    ],
)
def test_a_device_with_a_slow_clock_may_end_what_it_began_as_far_as_max_on_allows(action: Action, latest: float):
    rules = Guard(OutputSettings(max_on=10, commander_timeout=0), "start", lambda _: True, clock_error=0.01)
    rules.carried_out(order(action.name), 100.0, action)
    assert rules.ends_at == pytest.approx(latest, abs=0.006)
    assert not rules.finished(rules.ends_at - 0.001)
    assert rules.finished(rules.ends_at + 0.001)
    exact = Guard(OutputSettings(max_on=10, commander_timeout=0), "start", lambda _: True)
    exact.carried_out(order(action.name), 100.0, action)
    assert action.seconds is not None
    assert exact.ends_at == pytest.approx(100.02 + action.seconds)
