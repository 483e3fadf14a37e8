"""Limits while an output is running: what it has done counts, and it goes off when a limit is reached."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from itertools import chain

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlstream_outputs import VOCABULARY, OutputSettings
from dlstream_outputs.actions import Action, Level, On, Pulse, Train
from dlstream_outputs.guard import Guard, Memory, Order
from dlstream_outputs.guarded_device import GuardedDevice
from dlstream_outputs.memory import MemoryFile
from dlstream_outputs.outputs import Output, OutputError
from dlstream_outputs.outputs._timed_line import pulses_of

POWER = {"power": {0: 0, 1: 10}}


class Laser(OutputSettings):
    """An output that takes the whole vocabulary."""

    actions = VOCABULARY


def guard(ends_actions: bool | None = None, **values) -> Guard:
    made = Guard(Laser(**values), "run", lambda action: ends_actions)
    made.carried_out(Order("experiment", 1, "off", arm=True), 0.0)
    return made


def switch_on(made: Guard, steady: float, action=None) -> None:
    action = action or On()
    made.carried_out(Order("experiment", 2, action.name), steady, action)


def heartbeats(made: Guard, steady: float) -> str:
    """Why it switches off at that time, although its commander is alive."""
    made.heard(True, 0, steady)
    return made.due(steady)


def test_an_output_goes_off_when_it_has_been_on_for_max_on():
    made = guard(max_on=2)
    switch_on(made, 10.0)
    assert heartbeats(made, 11.9) == ""
    assert "max_on (2 s) is reached" in heartbeats(made, 12.0)
    assert not made.finished(12.0), "it is no planned end, but a fault"


def test_what_max_on_has_ended_begins_again_only_after_an_off():
    made = guard(max_on=2)
    switch_on(made, 10.0)
    made.went_off(heartbeats(made, 12.0), 12.0)
    assert made.exhausted(On(), 13.0) == "found 'on', but max_on (2 s) is reached; expected 'off' first"
    assert made.exhausted(On(), 13.0, by_hand=True) == ""
    assert made.exhausted(Pulse(width=5), 13.0) == ""
    switch_on(made, 14.0, Pulse(width=5))
    assert "expected 'off' first" in made.exhausted(Level(level=0.5), 15.0)
    made.carried_out(Order("experiment", 3, "off"), 16.0)
    assert made.exhausted(On(), 17.0) == ""


def test_a_run_that_is_heard_again_after_a_silence_has_spent_what_it_had_spent():
    made = guard(calibration=POWER, max_energy=20, commander_timeout=0.25)
    switch_on(made, 10.0)
    made.heard(True, 0, 11.8)
    made.went_off(made.due(13.0), 11.9)  # 19 of 20 mJ
    made.carried_out(Order("experiment", 3, "on", arm=True), 13.0, On())
    assert made.ends_at == pytest.approx(13.1)


@pytest.mark.parametrize("ends_actions", [False, True, None])
def test_an_action_that_lasts_for_a_time_ends_without_a_fault_and_only_its_device_s_own_end_is_waited_for(ends_actions):
    made = guard(ends_actions, max_on=2)
    switch_on(made, 10.0, On(duration=1))
    assert not made.finished(10.99)
    assert made.finished(11.03)
    assert heartbeats(made, 11.03) == ""
    assert made.ends_at == pytest.approx(11.0 if ends_actions is False else 11.02)


@pytest.mark.parametrize(("ends_actions", "energy"), [(None, 12), (False, 12), (True, 10)])
def test_what_only_its_node_ends_counts_until_it_has_been_switched_off(ends_actions, energy):
    made = guard(ends_actions, calibration=POWER, max_energy=20)
    switch_on(made, 10.0, On(duration=1))
    made.went_off("", 11.2)  # a busy computer
    assert made.budget.energy == pytest.approx(energy)


def test_the_duty_cycle_counts_over_a_minute_and_is_free_again_after_it():
    made = guard(max_duty_cycle=0.1)  # 6 s of any minute
    switch_on(made, 100.0)
    assert heartbeats(made, 105.9) == ""
    assert "max_duty_cycle (0.1 of a minute) is reached" in heartbeats(made, 106.0)
    made.went_off("limit", 106.0)
    assert "is used up" in made.exhausted(On(), 107.0)
    assert made.exhausted(On(), 163.0) == ""
    switch_on(made, 163.0)
    assert heartbeats(made, 165.9) == "", "3 of the 6 seconds are more than a minute ago"
    assert "is reached" in heartbeats(made, 166.1)


def test_the_energy_counts_over_a_run_and_from_0_in_the_next():
    made = guard(calibration=POWER, max_energy=20)
    for begin in (10.0, 20.0):
        switch_on(made, begin, On(level=0.5))  # 5 mW
        made.carried_out(Order("experiment", 3, "off"), begin + 1.5)
    switch_on(made, 30.0, On(level=0.5))
    assert heartbeats(made, 30.9) == ""
    assert "max_energy (20 mJ in a session) is reached" in heartbeats(made, 31.0)
    made.went_off("limit", 31.0)
    assert "max_energy" in made.exhausted(On(level=0.1), 32.0)
    made.heard(False, 10**18, 33.0)  # the run has ended
    made.carried_out(Order("experiment", 4, "off", arm=True), 34.0)
    assert made.exhausted(On(level=0.1), 34.0) == ""


def test_the_energy_counts_over_all_runs_of_one_session():
    made = guard(calibration=POWER, max_energy=20, one_session=True)
    switch_on(made, 10.0, On(level=0.5))  # 5 mW
    made.carried_out(Order("experiment", 3, "off"), 13.0)
    made.heard(False, 10**18, 14.0)  # the run has ended
    made.carried_out(Order("experiment", 4, "off", arm=True), 15.0)
    switch_on(made, 20.0, On(level=0.5))
    assert heartbeats(made, 20.9) == ""
    assert "max_energy (20 mJ in a session) is reached" in heartbeats(made, 21.0)


def test_what_an_output_has_done_counts_after_a_pause_of_its_node():
    made = guard(calibration=POWER, max_energy=20, one_session=True)
    switch_on(made, 10.0, On(level=0.5))  # 5 mW
    made.carried_out(Order("experiment", 3, "off"), 13.0)
    again, _ = next_process(made, 15.0, calibration=POWER, max_energy=20, one_session=True)
    again.carried_out(Order("experiment", 1, "off", arm=True), 15.0)
    switch_on(again, 20.0, On(level=0.5))
    assert heartbeats(again, 20.9) == ""
    assert "max_energy" in heartbeats(again, 21.0)
    again.went_off("limit", 21.0)
    assert again.exhausted(On(level=0.5), 22.0).endswith("is used up; expected another session")


def next_process(before: Guard, steady: float, action: Action | None = None, **values) -> tuple[Guard, str]:
    """The guard of the process after one that was killed, and what it tells; `action`: killed when that began."""
    kept = before.memory(action, steady).model_dump_json()
    made = Guard(Laser(**values), "run")
    return made, made.resume(Memory.model_validate_json(kept), steady)


def test_a_process_that_is_started_again_has_spent_what_the_one_before_had_spent():
    values = {"calibration": POWER, "max_energy": 20, "one_session": True}
    made = guard(**values)
    switch_on(made, 10.0, On(level=0.5))  # 5 mW
    made.carried_out(Order("experiment", 3, "off"), 13.0)
    again, told = next_process(made, 15.0, **values)
    assert told == "15 of 20 mJ are used"
    again.carried_out(Order("experiment", 1, "off", arm=True), 15.0)
    switch_on(again, 20.0, On(level=0.5))
    assert again.ends_at == pytest.approx(21.0)


def test_what_was_on_when_its_process_was_killed_counts_until_the_next_has_switched_it_off():
    values = {"calibration": POWER, "max_energy": 30, "one_session": True}
    made = guard(**values)
    switch_on(made, 10.0)
    again, told = next_process(made, 12.0, **values)
    assert told == "20 of 30 mJ are used; it counts as on until now, as nobody saw it go off"
    switch_on(again, 13.0)
    assert again.ends_at == pytest.approx(14.0)
    made = guard(max_duty_cycle=0.1)  # 6 s of any minute
    switch_on(made, 10.0)
    again, _ = next_process(made, 16.0, max_duty_cycle=0.1)
    assert "max_duty_cycle" in again.exhausted(On(), 17.0)
    assert again.exhausted(On(), 77.0) == ""


def test_a_process_that_dies_while_it_switches_on_has_switched_on():
    values = {"calibration": POWER, "max_energy": 30, "one_session": True}
    dead = guard(ends_actions=True, **values).memory(Pulse(width=500), 10.0)
    assert Guard(Laser(**values), "run").resume(dead, 60.0).startswith("5 of 30 mJ are used")


def test_the_same_run_does_not_begin_anew_with_a_new_process_and_the_next_run_does():
    values = {"calibration": POWER, "max_energy": 20}
    made = guard(**values)
    switch_on(made, 10.0)
    made.carried_out(Order("experiment", 3, "off"), 12.0)  # 20 of 20 mJ
    again, _ = next_process(made, 13.0, **values)
    again.heard(True, 0, 13.1)
    assert not again.armed, "only a command of the run arms it"
    again.carried_out(Order("experiment", 4, "off", arm=True), 13.5)
    assert "max_energy" in again.exhausted(On(), 14.0)
    again.heard(False, 10**18, 15.0)
    again.carried_out(Order("experiment", 5, "off", arm=True), 16.0)
    assert again.exhausted(On(), 17.0) == ""


def a_person_disarms_and_arms(made: Guard) -> None:
    made.disarm("disarmed by hand")
    made.arm()


def a_silence_disarms(made: Guard) -> None:
    made.due(99.0)


@pytest.mark.parametrize("before", [lambda made: None, a_person_disarms_and_arms, a_silence_disarms])
@pytest.mark.parametrize("in_order", [True, False])
def test_the_same_run_goes_on_with_its_energy_however_its_output_s_node_ended(before, in_order):
    values = {"calibration": POWER, "max_energy": 20}
    made = guard(**values)
    switch_on(made, 10.0)
    made.carried_out(Order("experiment", 3, "off"), 12.0)  # 20 of 20 mJ
    before(made)
    if in_order:  # asked to end, stood still, or failed
        made.disarm("its node is ending", lasts=False)
    again, _ = next_process(made, 100.0, **values)
    again.carried_out(Order("experiment", 4, "off", arm=True), 101.0)
    assert again.armed
    assert "max_energy" in again.exhausted(On(), 102.0)


def test_a_run_that_found_the_output_armed_by_hand_goes_on_with_its_energy_in_the_next_process():
    values = {"calibration": POWER, "max_energy": 20}
    made = Guard(Laser(**values), "run")
    made.arm()
    made.carried_out(Order("experiment", 1, "off", arm=True), 0.0)
    switch_on(made, 10.0)
    made.carried_out(Order("experiment", 3, "off"), 12.0)
    again, _ = next_process(made, 13.0, **values)
    again.carried_out(Order("experiment", 4, "off", arm=True), 14.0)
    assert "max_energy" in again.exhausted(On(), 15.0)


def test_what_a_person_has_disarmed_stays_disarmed_in_the_next_process():
    made = guard()
    made.disarm("disarmed by hand")
    made.disarm("its node is ending", lasts=False)
    again, told = next_process(made, 10.0)
    assert told.startswith("it stays disarmed (disarmed by hand; arm it")
    again.carried_out(Order("experiment", 4, "off", arm=True), 13.5)
    assert "disarmed by hand" in again.refusal(Order("experiment", 5, "on"), 0).text
    again.arm()
    assert again.memory() == Memory()


@pytest.mark.parametrize("text", ["", "{}x", '{"energy": "much"}'])
def test_an_output_whose_past_cannot_be_read_waits_for_a_person(tmp_path, text):
    (tmp_path / "laser.json").write_text(text)
    made, told = Guard(Laser(calibration=POWER, max_energy=20), "run"), []
    MemoryFile(tmp_path / "laser.json", told.append).resume(made)
    assert "what this output has done so far is not known" in told[0]
    made.carried_out(Order("experiment", 4, "off", arm=True), 13.5)
    assert "is not known; arm it" in made.refusal(Order("experiment", 5, "on"), 0).text


def test_nothing_is_switched_on_whose_energy_cannot_be_kept(tmp_path):
    made, told = guard(calibration=POWER, max_energy=20), []
    memory = MemoryFile(tmp_path / "missing" / "laser.json", told.append)
    memory.keep(made)
    with pytest.raises(OutputError, match="cannot be written: No such file"):
        memory.expect(made, On())
    assert len(told) == 1, "told once"


def test_a_train_counts_only_while_it_is_on():
    made = guard(calibration=POWER, max_energy=10)
    switch_on(made, 0.0, Train(frequency=10, width=10))  # 10 % of 10 mW: 1 mJ a second
    assert heartbeats(made, 9.9) == ""
    assert "max_energy" in heartbeats(made, 10.1)


def test_the_delay_before_a_pulse_is_no_energy():
    made = guard(ends_actions=True, calibration=POWER, max_energy=1)
    pulse = Pulse(width=10, delay=5000)  # 0.1 mJ
    assert Laser(calibration=POWER, max_energy=1).check_command("pulse", {"width": "10", "delay": "5 s"}) is None
    for number in range(10):
        steady = 10.0 * number
        assert made.exhausted(pulse, steady) == ""
        switch_on(made, steady, pulse)
        assert made.ends_at == pytest.approx(steady + 5.03), "no limit cuts it short"
        made.went_off("", steady + 5.03)
    assert "max_energy" in made.exhausted(pulse, 100.0)


@given(st.lists(st.tuples(st.floats(0.01, 30), st.floats(0.01, 30)), min_size=1, max_size=30), st.floats(0.05, 0.9))
def test_no_pattern_of_commands_passes_the_duty_cycle(pattern, share):
    made = guard(max_duty_cycle=share)
    steady, on = 1000.0, []
    for lasts, pause in pattern:
        if made.exhausted(On(), steady):
            steady += pause
            continue
        switch_on(made, steady)
        end = min(steady + lasts, made.ends_at)
        on.append((steady, end))
        made.carried_out(Order("experiment", 3, "off"), end)
        steady = end + pause
    for _, at in on:
        used = sum(max(0.0, min(end, at) - max(begin, at - 60)) for begin, end in on)
        assert used <= 60 * share + 1e-6


ACTIONS = st.one_of(
    st.builds(On),
    st.builds(On, duration=st.floats(0.01, 2)),
    st.builds(Level, level=st.floats(0.1, 1)),
    st.builds(Pulse, width=st.floats(1, 2000), delay=st.floats(0, 1000)),
    st.builds(Train, frequency=st.just(0.4), width=st.floats(1, 2000), delay=st.floats(0, 1000)),
)


def times_on(action: Action, begin: float, end: float) -> Iterator[tuple[float, float]]:
    """From when to when a device is on that carries out an action at `begin` and the next command at `end`."""
    for start, width in [(0.0, None)] if isinstance(action, Level) else pulses_of(action):
        if begin + start >= end:
            return
        yield begin + start, min(end, math.inf if width is None else begin + start + width)


def played(made: Guard, pattern: list[tuple[Action, float]]) -> list[tuple[Action, float, float]]:
    """What a device does by these commands and times until the next one: each action, its begin and its end."""
    steady, done = 1000.0, []
    for action, lasts in pattern:
        begin, end = steady, steady + lasts
        if not made.exhausted(action, begin):
            switch_on(made, begin, action)
        elif made.on:  # it goes on with what it does
            action, begin, _ = done.pop()
        else:
            action = None
        if action is not None:
            done.append((action, begin, min(end, made.ends_at)))
        steady = end
        if steady >= made.ends_at:
            made.went_off("", made.ends_at)
            steady += 0.001
    return done


@given(st.lists(st.tuples(ACTIONS, st.floats(0.01, 3)), min_size=1, max_size=20))
@example([(On(), 1.5)] * 3)
@example([(On(duration=1.5), 1.4)] * 3)
@example([(On(duration=2), 2.0), (On(), 1.0)])
@example([(Level(level=0.5), 1.5), (Pulse(width=1500), 3.0)])
def test_no_pattern_of_commands_passes_max_on(pattern):
    since = until = 0.0
    for begin, end in chain.from_iterable(times_on(*one) for one in played(guard(max_on=2), pattern)):
        since, until = since if begin <= until + 1e-6 else begin, end
        assert until - since <= 2 + 1e-5


TRAINS = st.one_of(
    ACTIONS,
    st.builds(Train, frequency=st.just(0.01), width=st.floats(100, 20_000), count=st.integers(1, 2)),
    st.builds(
        Train,
        frequency=st.just(10),
        width=st.floats(1, 90),
        burst=st.integers(2, 40),
        burst_frequency=st.floats(0.02, 0.2),
        count=st.one_of(st.none(), st.integers(1, 5)),
    ),
)


@given(st.lists(st.tuples(TRAINS, st.floats(0.01, 25)), min_size=1, max_size=15))
@example([(Train(frequency=0.01, width=12_000, count=1), 11.9)] * 6)
@example([(Train(frequency=10, width=90, burst=40, burst_frequency=0.02), 4.0)] * 8)
def test_no_pattern_of_pulses_that_are_cut_short_passes_the_duty_cycle_or_the_energy(pattern):
    on = list(chain.from_iterable(times_on(*one) for one in played(guard(max_duty_cycle=0.2), pattern)))
    for _, at in on:
        assert sum(max(0.0, min(end, at) - max(begin, at - 60)) for begin, end in on) <= 12 + 1e-4
    energy = played(guard(calibration=POWER, max_energy=200), pattern)  # 10 mW at most
    spent = sum(
        10 * (getattr(one[0], "level", None) or 1) * (end - begin) for one in energy for begin, end in times_on(*one)
    )
    assert spent <= 200 + 1e-3


@pytest.mark.parametrize(("frequency", "width"), [(5, 20), (10, 10)])
def test_a_train_within_the_duty_cycle_goes_on_for_ever(frequency, width):
    made = guard(max_duty_cycle=0.1)
    switch_on(made, 0.0, Train(frequency=frequency, width=width))
    assert made.ends_at == math.inf


class Doubtful(Output[OutputSettings]):
    """Switches on, and does not say so."""

    def open(self) -> None:
        pass

    def apply(self, action: Action) -> int:
        raise OutputError("no answer")

    def off(self) -> int:
        return 1

    def close(self) -> None:
        pass


class Nobody:
    """Listens to a device and does nothing about it."""

    def now(self) -> int:
        return 1

    def get_logger(self) -> logging.Logger:
        return logging.getLogger("nobody")

    def changed(self) -> None:
        pass

    def happened(self, stamp, kind, values) -> None:
        pass


def test_what_failed_counts_until_it_has_been_switched_off():
    settings = Laser(calibration=POWER, max_energy=20, arming="start")
    device = GuardedDevice(settings, Doubtful(settings, print), Guard(settings, "start"), Nobody())
    for number in range(3):
        before = device.guard.budget.energy
        with pytest.raises(OutputError, match="no answer"):
            device.apply(Order("experiment", number, "on"), 0, 0)
        assert device.guard.budget.in_use
        device.off_after_failure()
        assert device.guard.budget.energy > before
        assert not device.guard.budget.in_use
