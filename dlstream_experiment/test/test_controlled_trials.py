"""Limits and controls around trials of regions: the trials go on as without them, the outputs don't."""

from __future__ import annotations

from typing import Any

import pytest
from experiment_poses import LEFT, RIGHT, example, neck_at, seconds
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_script import Script, protocol

from dlstream_experiment import Command, Engine, Event
from dlstream_experiment.model.protocols import Note, Off, On, ProtocolSettings

TRIALS = {
    "left": {"trigger": "in_left", "stimulus": {"output": "screen", "action": "show", "values": {"image": "left"}}},
    "right": {"trigger": "in_right", "stimulus": {"output": "laser", "action": "on"}},
}


def trials(**changes: Any) -> ProtocolSettings:
    return protocol({"type": "region_trials", "trials": TRIALS, "lockout": 0, "finish_last_trial": False, **changes})


def test_a_limit_of_a_stimulus_puts_the_output_off_until_the_trial_ends():
    script = Script(trials(limits={"screen": {"stimulus": 2}}))
    script.frame(1, in_left=True)
    for time in (2, 3, 4):
        script.frame(time)
    script.frame(5, in_left=False)
    script.frame(6, in_left=True)
    assert script.said == [
        "1: trial_started left",
        "1: on screen show image=left",
        "3: limit_reached screen",
        "3: off screen",
        "5: trial_ended left",
        "6: trial_started left",
        "6: on screen show image=left",
    ]


PICTURES = {
    name: {"trigger": f"in_{name}", "stimulus": {"output": "screen", "action": "show", "values": {"image": name}}}
    for name in ("left", "right")
}


@pytest.mark.parametrize(
    ("moves", "right"),
    [(5, "5: on screen show image=right"), (3, "4: on screen show image=right")],
)
def test_another_stimulus_that_follows_one_that_was_cut_is_on(moves, right):
    """On the very frame of the cut after a frame of pause: without one it would count on towards the limit."""
    script = Script(trials(trials=PICTURES, limits={"screen": {"stimulus": 2}}))
    for time in range(1, 9):
        script.frame(time, in_left=time < moves or time > 6, in_right=moves <= time <= 6)
    assert [line for line in script.said if "screen" in line][:4] == [
        "1: on screen show image=left",
        "3: limit_reached screen",
        "3: off screen",
        right,
    ]
    assert script.said.count("8: on screen show image=left") + script.said.count("7: on screen show image=left") == 1


def test_a_limit_of_the_session_counts_all_stimuli():
    script = Script(trials(limits={"laser": {"session": 3}}))
    for time, inside in ((1, True), (3, False), (5, True), (6, True), (7, True), (8, False), (9, True)):
        script.frame(time, in_right=inside)
    on = [line for line in script.said if "laser" in line]
    assert on == ["1: on laser on", "3: off laser", "5: on laser on", "6: limit_reached laser", "6: off laser"]
    assert script.protocol.counts["right"] == 3, "the trials go on"


def test_sham_writes_down_what_is_left_out():
    script = Script(trials(control={"type": "sham", "outputs": ["laser"]}))
    script.frame(1, in_right=True)
    script.frame(2, in_right=False)
    script.frame(3, in_left=True)
    assert script.said == [
        "1: trial_started right",
        "1: sham_started laser",
        "2: trial_ended right",
        "2: sham_ended laser",
        "3: trial_started left",
        "3: on screen show image=left",
    ]
    [started] = [step for _, step in script.steps if isinstance(step, Note) and step.kind == "sham_started"]
    assert dict(started.values) == {"action": "on", "trigger": "in_right"}


def test_yoked_does_what_another_animal_got():
    schedule = [{"at": 2.5, "seconds": 2, "stimulus": {"output": "laser", "action": "on", "values": {"power": 3}}}]
    made = trials(control={"type": "yoked", "outputs": ["laser"], "schedule": schedule})
    assert ("laser", "on") in [(stimulus.output, stimulus.action) for _, stimulus in made.stimuli_used()]
    script = Script(made)
    for time in range(1, 7):
        script.frame(time, in_right=time == 1)
    assert [line for line in script.said if "laser" in line] == ["3: on laser on power=3", "5: off laser"]
    assert "1: trial_started right" in script.said


@settings(max_examples=60, deadline=None)
@given(starts=st.lists(st.integers(0, 40), min_size=1, max_size=25, unique=True), period=st.floats(0.01, 0.09))
def test_yoked_gives_each_pulse_also_between_two_frames(starts, period):
    """Pulses of 20 ms, a tenth of a second and more apart; frames come more or less often than they last."""
    schedule = [
        {
            "at": 1 + start / 10,
            "seconds": 0.02,
            "stimulus": {"output": "laser", "action": "pulse", "values": {"width": 20}},
        }
        for start in sorted(starts)
    ]
    script = Script(trials(control={"type": "yoked", "outputs": ["laser"], "schedule": schedule}))
    frames = [number * period for number in range(1, round(6 / period))]
    for time in frames:
        script.frame(time)
    given = [time for time, step in script.steps if isinstance(step, On) and step.stimulus.output == "laser"]
    assert len(given) == len(starts)
    for due, time in zip((item["at"] for item in schedule), given, strict=True):
        assert due - 1e-6 <= time <= due + period + 0.0201, "on the first frame that can"


def test_commands_name_the_trigger_of_their_own_output():
    script = Script(trials(limits={"laser": {"stimulus": 100}}))
    script.frame(1, in_left=True)
    script.frame(2, in_left=False, in_right=True)
    switched = {
        (step.stimulus.output if isinstance(step, On) else step.output): step.trigger
        for time, step in script.steps
        if time == 2 and isinstance(step, On | Off)
    }
    assert switched == {"screen": "in_left", "laser": "in_right"}


moves = st.lists(
    st.tuples(
        st.floats(0.05, 1),
        st.sampled_from([{}, {"in_left": True}, {"in_left": False}, {"in_right": True}, {"in_right": False}]),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(moves)
def test_a_limit_that_is_never_reached_changes_nothing(moves):
    """But for the order of the commands of one moment."""
    plain, limited = Script(trials()), Script(trials(limits={"laser": {"session": 1e5}, "screen": {"stimulus": 1e5}}))
    now = 0.0
    for wait, decided in moves:
        now += wait
        if plain.ended is None:
            assert sorted(plain.frame(now, **decided)) == sorted(limited.frame(now, **decided))
            assert plain.on == limited.on
    assert plain.ended == limited.ended


@pytest.mark.parametrize(
    ("changes", "place", "found"),
    [
        ({"limits": {"lasr": {"session": 3}}}, ("limits", "lasr"), "'lasr'"),
        ({"control": {"type": "sham", "outputs": ["screen", "led"]}}, ("control", "outputs", 1), "'led'"),
    ],
)
def test_outputs_that_get_no_stimulus_are_found(changes, place, found):
    [finding] = trials(**changes).problems()
    assert (finding.place, finding.found) == (place, found)
    assert finding.expected == "an output to which this protocol gives a stimulus"


def test_what_another_animal_got_may_not_be_beyond_the_limit_and_is_told():
    schedule = [{"at": 2, "seconds": 9, "stimulus": {"output": "laser", "action": "on"}}]
    control = {"type": "yoked", "outputs": ["laser"], "schedule": schedule}
    made = trials(control=control, limits={"laser": {"stimulus": 5}})
    [finding] = made.problems()
    assert finding.place == ("control", "schedule")
    assert "at most 5 s at a time" in finding.expected
    assert made.in_words()[-2:] == [
        "The output 'laser' is on for at most 5 s without a pause: then the limit switches it off.",
        "Yoked control: laser on at the times of the file's schedule, whatever this animal does.",
    ]


TRAIN = {"output": "laser", "action": "train", "values": {"frequency": 20, "width": 5, "count": 10}}


@pytest.mark.parametrize(
    ("more", "left_out"),
    [
        ({}, 0),
        ({"limits": {"laser": {"session": 100}}}, 0),
        ({"control": {"type": "sham", "probability": 0.5, "block": 4}}, 2),
    ],
)
def test_each_trial_gets_its_own_train_though_the_one_before_had_the_same(more, left_out):
    """From one region straight into the other: one trial ends and the next begins, some of them on one frame."""
    shared = {name: {"trigger": f"in_{name}", "stimulus": TRAIN} for name in ("right", "left")}
    course = {"type": "region_trials", "trials": shared, "lockout": 0, "finish_last_trial": True, **more}
    engine = Engine(example(protocol=course))
    effects = engine.start(seconds(0))
    for number in range(16):
        effects += engine.poses(neck_at(number + 1, *(RIGHT if number // 4 % 2 == 0 else LEFT), number))
    started = [effect for effect in effects if isinstance(effect, Event) and effect.kind == "trial_started"]
    shams = [effect for effect in effects if isinstance(effect, Event) and effect.kind == "sham_started"]
    trains = [effect for effect in effects if isinstance(effect, Command) and effect.action == "train"]
    assert [event.name for event in started] == ["right", "left", "right", "left"]
    assert len(shams) == left_out
    given = sorted(effect.stamp for effect in [*trains, *shams])
    assert given == [event.stamp for event in started], "each with its trial"
