"""The state machine: ways, timers, counters, trials, limits, controls."""

from __future__ import annotations

import csv
import math
import random
from collections import Counter
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_script import Script, protocol

from dlstream_experiment.protocols import Note, Off, On, ProtocolSettings

LASER = {"output": "laser", "action": "on"}


def machine(states: dict[str, Any], **more: Any) -> ProtocolSettings:
    """A state machine; each state is the list of its transitions, or a whole one."""
    full = {name: state if isinstance(state, dict) else {"transitions": state} for name, state in states.items()}
    return protocol({"type": "states", "states": full, **more})


def visited(script: Script) -> list[str]:
    return [
        f"{time:g} {step.name}"
        for time, step in script.steps
        if isinstance(step, Note) and step.kind == "state_entered"
    ]


# Ways.


def test_the_first_transition_that_holds_is_taken():
    script = Script(machine({"a": [{"when": "x", "go": "b"}, {"when": "y", "go": "c"}], "b": [], "c": []}))
    script.frame(1, x=False, y=False)
    script.frame(2, y=True, x=True)
    assert visited(script) == ["0 a", "2 b"]


def test_a_trigger_counts_only_on_frames_on_which_it_decides():
    script = Script(machine({"a": [{"after": 2, "go": "b"}], "b": [{"when": "x", "go": "c"}], "c": []}))
    script.frame(1, x=True)
    script.frame(2)
    script.frame(3)
    assert script.protocol.state == "b", "it was true once, and is not seen now"
    script.frame(4, x=True)
    assert script.protocol.state == "c"


def test_states_are_gone_through_on_one_frame_as_long_as_ways_hold():
    script = Script(
        machine({"a": [{"after": 1, "go": "b"}], "b": [{"when": "x", "go": "c"}], "c": [{"go": "d"}], "d": []})
    )
    script.frame(1, x=True)
    assert visited(script) == ["0 a", "1 b", "1 c", "1 d"]


def test_no_state_is_entered_twice_on_a_frame():
    script = Script(machine({"a": [{"when": "x", "go": "b"}], "b": [{"when": "x", "go": "a"}]}))
    script.frame(1, x=True)
    assert visited(script) == ["0 a", "1 b", "1 a"]
    script.frame(2, x=True)
    assert visited(script)[3:] == ["2 b", "2 a"]


def test_one_step_into_a_region_is_one_step():
    twice = machine(
        {
            "none": [{"when": "x", "is": "rose", "go": "once"}],
            "once": [{"when": "x", "is": "rose", "go": "twice"}],
            "twice": [],
        }
    )
    script = Script(twice)
    for time, value in enumerate([False, True, True, False, True], start=1):
        script.frame(time, x=value)
    assert visited(script) == ["0 none", "2 once", "5 twice"]


def test_fell_needs_a_trigger_that_was_true():
    script = Script(machine({"a": [{"when": "x", "is": "fell", "go": "b"}], "b": []}))
    script.frame(1, x=False)
    script.frame(2, x=True)
    script.frame(3)
    assert script.protocol.state == "a"
    script.frame(4, x=False)
    assert script.protocol.state == "b"


def test_after_is_from_then_on_and_longer_than_is_beyond():
    script = Script(machine({"a": [{"after": 2, "go": "b"}], "b": [{"longer_than": 2, "go": "c"}], "c": []}))
    for time in (1.999999999, 2, 4, 4.000000001):
        script.frame(time)
    assert [time for time, _ in script.steps] == [0, 2, 4.000000001]


def test_a_trigger_and_a_time_must_both_hold():
    script = Script(machine({"a": [{"when": "x", "after": 3, "go": "b"}], "b": []}))
    script.frame(2, x=True)
    script.frame(3, x=False)
    assert script.protocol.state == "a"
    script.frame(4, x=True)
    assert script.protocol.state == "b"


def test_times_count_from_marks_and_not_before_they_are_set():
    states = {
        "a": {
            "transitions": [
                {"when": "x", "do": [{"mark": "seen"}], "go": "b"},
                {"since": "seen", "after": 1, "go": "late"},
            ]
        },
        "b": [{"when": "x", "is": False, "go": "a"}],
        "late": [],
    }
    script = Script(machine(states))
    script.frame(5, x=False)
    assert script.protocol.state == "a"
    script.frame(6, x=True)
    script.frame(6.5, x=False)
    assert script.protocol.state == "a"
    script.frame(7)
    assert script.protocol.state == "late"


def test_actions_on_the_way_leave_then_do_then_enter():
    states = {
        "a": {
            "enter": [{"note": "in a"}],
            "leave": [{"note": "out of a"}],
            "transitions": [{"after": 1, "do": [{"note": "way"}], "go": "b"}],
        },
        "b": {"enter": [{"note": "in b"}]},
    }
    script = Script(machine(states), states=True)
    script.frame(1)
    assert script.said == [
        "0: state_entered a",
        "0: note in a",
        "1: note out of a",
        "1: note way",
        "1: state_entered b",
        "1: note in b",
    ]


def test_counters_count_compare_and_go_back():
    states = {
        "a": {
            "enter": [{"count": "rounds"}, {"count": "points", "by": 3}],
            "transitions": [{"if": ["rounds >= 3", "points == 9"], "go": "b"}, {"after": 1, "go": "a"}],
        },
        "b": {"enter": [{"reset": "rounds"}], "transitions": [{"if": "rounds < points", "go": "c"}]},
        "c": [],
    }
    script = Script(machine(states))
    for time in range(1, 5):
        script.frame(time)
    assert visited(script) == ["0 a", "1 a", "2 a", "2 b", "2 c"]
    assert script.protocol.counts == {"rounds": 0, "points": 9}


def test_shares_are_drawn_as_often_as_they_say():
    script = Script(
        machine(
            {
                "a": [{"after": 1, "go": {"b": 3, "c": 1}}],
                "b": [{"after": 1, "go": "a"}],
                "c": [{"after": 1, "go": "a"}],
            }
        )
    )
    for time in range(1, 4001):
        script.frame(time)
    found = Counter(word.split()[1] for word in visited(script))
    assert 0.70 < found["b"] / (found["b"] + found["c"]) < 0.80


def test_events_tell_where_from_why_and_what_was_drawn():
    script = Script(
        machine({"a": [{"when": "x", "after": 1, "go": "b"}], "b": [{"after": {"uniform": [1, 2]}, "go": "a"}]})
    )
    script.frame(1, x=True)
    entered = script.steps[-1][1]
    assert isinstance(entered, Note)
    drawn = entered.values["drawn.0"]
    assert entered.values == {"from": "a", "why": "x is true and after 1 s", "trigger": "x", "drawn.0": drawn}
    assert 1 <= float(drawn) <= 2


# Time.


def test_the_clock_counts_only_where_no_frame_came_for_more_than_a_second():
    script = Script(machine({"a": [{"after": 2, "go": "b"}], "b": []}))
    script.frame(1.5)
    script.tick(2.4)
    assert script.protocol.state == "a"
    script.tick(2.51)
    assert script.protocol.state == "b"


@given(
    st.lists(st.floats(0.01, 0.99), min_size=30, max_size=60),
    st.lists(st.floats(0, 1), max_size=40),
    st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_the_clock_changes_nothing_while_frames_come(gaps, ticks, seed):
    states = {
        "a": {"stimuli": [LASER], "transitions": [{"after": {"uniform": [0, 2]}, "go": "b"}, {"when": "x", "go": "b"}]},
        "b": [{"after": 0.7, "go": "a"}],
    }
    live, offline = (
        Script(machine(states, stop=[{"after": 9}]), seed),
        Script(machine(states, stop=[{"after": 9}]), seed),
    )
    chance, time = random.Random(seed), 0.0
    for gap in gaps:
        for share in ticks[:5]:
            if live.ended is None:
                live.tick(time + share * gap)
        time += gap
        value = {"x": True} if chance.random() < 0.3 else {}
        if live.ended is None:
            assert live.frame(time, **value) == offline.frame(time, **value)
    assert live.said == offline.said


def test_an_older_frame_of_another_camera_does_not_turn_time_back():
    script = Script(machine({"a": [{"when": "x", "go": "b"}], "b": [{"after": 1, "go": "c"}], "c": []}))
    script.frame(1.2)
    script.frame(1.1, x=True)
    script.frame(2.15)
    assert script.protocol.state == "b"
    script.frame(2.2)
    assert script.protocol.state == "c"


def test_every_run_is_a_new_one_and_the_seed_decides_what_is_drawn():
    states = {
        "a": {"stimuli": [LASER], "transitions": [{"after": {"uniform": [0.5, 3]}, "go": {"a": 1, "b": 1}}]},
        "b": [{"after": {"one_of": [1, 2]}, "go": "a"}],
    }
    made = machine(states)

    def said(seed: int) -> list[str]:
        script = Script(made, seed, states=True)
        for number in range(1, 300):
            script.frame(number / 10)
        return script.said

    assert said(1) == said(1)
    assert said(1) != said(2)


# Durations.


def waits(duration: Any, count: int = 400) -> list[float]:
    script = Script(machine({"a": [{"after": duration, "go": "b"}], "b": [{"go": "a"}]}))
    time = 0.0
    while len(visited(script)) < 2 * count:
        time += 1000
        script.frame(time)
    return [
        float(step.values["drawn.0"]) for _, step in script.steps if isinstance(step, Note) and "drawn.0" in step.values
    ]


def test_durations_are_drawn_as_told():
    uniform = waits({"uniform": [2, 6]})
    assert 2 <= min(uniform) < 2.2
    assert 5.8 < max(uniform) <= 6
    assert Counter(waits({"integers": [0, 2]})).keys() == {0, 1, 2}
    assert Counter(waits({"one_of": [1, 5]})).keys() == {1, 5}
    assert waits({"in_order": [1, 2, 3]}, 4)[:4] == [1, 2, 3, 1]
    exponential = waits({"exponential": {"mean": 10, "min": 5, "max": 60}}, 2000)
    assert 5 <= min(exponential) < 5.1
    assert max(exponential) <= 60
    a, b, m = 5.0, 60.0, 10.0  # the mean of an exponential distribution cut at both ends
    ea, eb = math.exp(-a / m), math.exp(-b / m)
    assert sum(exponential) / len(exponential) == pytest.approx(((a + m) * ea - (b + m) * eb) / (ea - eb), rel=0.06)


def test_an_edit_in_one_state_leaves_the_draws_of_the_others():
    draw = {"after": {"uniform": [1, 2]}, "go": "a"}
    plain, edited = Script(machine({"a": [draw]})), Script(machine({"z": [draw], "a": [draw]}, start="a"))
    for time in range(1, 50):
        plain.frame(time)
        edited.frame(time)
    assert [step for _, step in plain.steps] == [step for _, step in edited.steps]


# Trials.


def order(trials: dict[str, Any], seed: int = 0) -> list[str]:
    states = {"ready": [{"after": 1, "go": "trial"}], "one": [{"after": 1, "go": "ready"}]}
    conditions = {name: {"state": "one", **more} for name, more in trials.pop("conditions").items()}
    script = Script(machine(states, trials={"conditions": conditions, **trials}), seed)
    time = 0
    while script.ended is None:
        time += 1
        script.frame(time)
    assert script.ended == f"all {script.protocol.counts['trials']} trials are done"
    return [step.name for _, step in script.steps if isinstance(step, Note) and step.kind == "trial_started"]


def test_trial_lists():
    abc = {"a": {}, "b": {"times": 2}, "c": {}}
    assert order({"conditions": abc, "order": "fixed", "repeat": 2}) == list("abbcabbc")
    assert order({"conditions": abc, "order": "fixed", "sequence": ["c", "a", "c"]}) == list("cac")
    shuffled = order({"conditions": abc, "order": "shuffled", "repeat": 10})
    assert Counter(shuffled) == {"a": 10, "b": 20, "c": 10}
    assert shuffled != order({"conditions": abc, "order": "shuffled", "repeat": 10}, seed=1)
    blocked = order({"conditions": abc, "order": "blocked", "repeat": 10})
    blocks = ["".join(blocked[i : i + 4]) for i in range(0, 40, 4)]
    assert all(sorted(block) == list("abbc") for block in blocks)
    assert len(set(blocks)) > 3
    drawn = order({"conditions": abc, "order": "random", "length": 1000})
    assert len(drawn) == 1000
    assert 440 < drawn.count("b") < 560


@given(st.integers(0, 10**6), st.integers(1, 3), st.sampled_from(["shuffled", "blocked", "random"]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_no_more_in_a_row_than_allowed(seed, limit, kind, uneven):
    conditions: dict[str, Any] = {"a": {"times": 2 if uneven and limit > 1 else 1}, "b": {}, "c": {}}
    how = {"length": 60} if kind == "random" else {"repeat": 15}
    trials = order({"conditions": conditions, "order": kind, "max_in_a_row": limit, **how}, seed)
    assert max(len(list(group)) for _, group in groupby(trials)) <= limit
    if kind != "random":
        assert Counter(trials) == {name: 15 * item.get("times", 1) for name, item in conditions.items()}


def test_a_trial_ends_with_its_result_or_with_the_next_one_or_with_the_run():
    states = {
        "ready": [{"when": "x", "go": "trial"}],
        "one": [{"when": "y", "do": [{"result": "success"}], "go": "ready"}, {"when": "x", "is": False, "go": "ready"}],
    }
    script = Script(
        machine(states, trials={"conditions": {"only": {"state": "one"}}, "repeat": 3}, stop=[{"after": 10}])
    )
    script.frame(1, x=True)
    script.frame(3, y=True)
    script.frame(4, x=True)
    script.frame(5, x=False)
    script.frame(6, x=True)
    script.frame(10)
    trials = [
        (time, step.kind, dict(step.values))
        for time, step in script.steps
        if isinstance(step, Note) and step.name == "only"
    ]
    assert trials == [
        (1, "trial_started", {"trial": "1"}),
        (3, "trial_ended", {"trial": "1", "result": "success", "duration": "2.000000"}),
        (4, "trial_started", {"trial": "2"}),
        (6, "trial_ended", {"trial": "2", "result": "", "duration": "2.000000"}),
        (6, "trial_started", {"trial": "3"}),
        (10, "trial_ended", {"trial": "3", "result": "", "duration": "4.000000"}),
    ]
    assert script.protocol.counts == {"success": 1, "trials": 3, "trials_left": 0}


# What outputs do.


def test_a_stimulus_of_two_states_goes_on_without_a_gap():
    states = {
        "a": {"stimuli": [LASER], "transitions": [{"when": "x", "go": "b"}]},
        "b": {"stimuli": [LASER], "transitions": [{"when": "y", "go": "c"}]},
        "c": [],
    }
    script = Script(machine(states))
    script.frame(1, x=True)
    script.frame(2, y=True)
    assert script.said == ["0: on laser on", "2: off laser"]


def test_steps_carry_the_trigger_that_caused_them():
    states = {
        "a": [{"when": "x", "go": "b"}],
        "b": {"stimuli": [LASER], "transitions": [{"when": "y", "go": "c"}, {"after": 5, "go": "c"}]},
        "c": [{"when": "x", "go": "b"}],
    }
    script = Script(machine(states))
    script.frame(1, x=True)
    script.frame(2, y=True, x=False)
    script.frame(3, x=True)
    script.frame(9, x=False)
    switched = [(type(step), step.trigger) for _, step in script.steps if isinstance(step, On | Off)]
    assert switched == [(On, "x"), (Off, "y"), (On, "x"), (Off, "")]


def test_the_end_of_a_given_time_is_caused_by_no_trigger():
    states = {"a": {"enter": [{"give": LASER, "seconds": 2}], "transitions": [{"when": "x", "go": "b"}]}, "b": []}
    script = Script(machine(states))
    script.frame(3, x=True)
    switched = [(type(step), step.trigger) for _, step in script.steps if isinstance(step, On | Off)]
    assert switched == [(On, ""), (Off, "")]


def test_what_is_given_outlasts_its_state_goes_before_its_stimulus_and_can_be_withdrawn():
    tone = {"output": "sound", "action": "play", "values": {"tone": "low"}}
    states = {
        "a": {"stimuli": [tone], "transitions": [{"when": "x", "go": "b"}]},
        "b": {
            "enter": [{"give": {**tone, "values": {"tone": "high"}}, "seconds": 2}, {"give": LASER}],
            "stimuli": [tone],
            "transitions": [{"when": "y", "do": [{"withdraw": "laser"}], "go": "c"}],
        },
        "c": [],
    }
    script = Script(machine(states))
    script.frame(1, x=True)
    script.frame(2.9)
    script.frame(3)
    script.frame(50, y=True)
    assert script.said == [
        "0: on sound play tone=low",
        "1: on sound play tone=high",
        "1: on laser on",
        "3: on sound play tone=low",
        "50: off sound",
        "50: off laser",
    ]


def test_a_stimulus_beyond_its_limit_goes_off_until_it_would_have_ended():
    states = {
        "off": [{"when": "x", "go": "on"}],
        "on": {"stimuli": [LASER], "transitions": [{"when": "x", "is": False, "go": "off"}]},
    }
    script = Script(machine(states, limits={"laser": {"stimulus": 3, "session": 5}}))
    for time, value in [
        (1, True),
        (3.9, True),
        (4, True),
        (9, True),
        (10, False),
        (11, True),
        (12.9, True),
        (13, True),
        (14, False),
        (15, True),
    ]:
        script.frame(time, x=value)
    assert script.said == [
        "1: on laser on",
        "4: limit_reached laser",
        "4: off laser",
        "11: on laser on",
        "13: limit_reached laser",
        "13: off laser",
    ]
    limits = [dict(step.values) for _, step in script.steps if isinstance(step, Note) and step.kind == "limit_reached"]
    assert limits == [{"limit": "stimulus", "seconds": "3"}, {"limit": "session", "seconds": "5"}]


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_no_output_is_ever_on_for_longer_than_its_limits_and_a_frame(seed):
    chance = random.Random(seed)
    states = {
        "off": [{"when": "x", "go": "on"}],
        "on": {
            "stimuli": [LASER],
            "enter": [{"give": LASER, "seconds": {"uniform": [0.5, 3]}}],
            "transitions": [{"when": "x", "is": False, "go": "off"}],
        },
    }
    script = Script(machine(states, limits={"laser": {"stimulus": 4, "session": 20}}), seed)
    on_since, total = None, 0
    for number in range(1, 400):
        value = chance.random() < 0.9 if number % 7 else not chance.random() < 0.7
        script.frame(number / 2, x=value)
        if on_since is not None:
            total += 1
        if "laser" not in script.on:
            on_since = None
        elif on_since is None:
            on_since = number
        assert on_since is None or number - on_since < 8
        assert total <= 40


def test_stop_conditions_end_at_once_with_their_reason():
    states = {
        "off": [{"when": "x", "go": "on"}],
        "on": {"enter": [{"count": "n"}], "stimuli": [LASER], "transitions": [{"when": "x", "is": False, "go": "off"}]},
    }
    by_total = Script(machine(states, stop=[{"stimulated": "laser", "reaches": 3, "reason": "enough light"}]))
    for time, value in [(1, True), (3, False), (5, True), (5.9, True)]:
        by_total.frame(time, x=value)
    assert by_total.ended is None
    by_total.frame(6, x=True)
    assert (by_total.ended, by_total.on) == ("enough light", {})

    both = Script(machine(states, stop=[{"if": "n >= 2", "after": 10}]))
    both.frame(11, x=True)
    assert both.ended is None
    both.frame(12, x=False)
    both.frame(13, x=True)
    assert both.ended is None
    both.frame(14, x=True)
    assert both.ended == "10 s since start and n >= 2"


def test_going_to_the_end_tells_why():
    script = Script(machine({"a": [{"when": "x", "go": "end"}, {"when": "y", "go": "end", "reason": "enough"}]}))
    script.frame(1, x=True)
    assert script.ended == "a: x is true"
    script = Script(machine({"a": [{"when": "x", "go": "end"}, {"when": "y", "go": "end", "reason": "enough"}]}))
    script.frame(1, y=True)
    assert script.ended == "enough"


# Controls.

SWITCH = {
    "off": [{"when": "x", "go": "on"}],
    "on": {
        "enter": [{"count": "n"}],
        "stimuli": [LASER, {"output": "screen", "action": "show", "values": {"image": "a"}}],
        "transitions": [{"when": "x", "is": False, "go": "off"}],
    },
}


def run_switch(made: ProtocolSettings, seed: int = 0, rounds: int = 3) -> Script:
    script = Script(made, seed)
    for number in range(rounds):
        for time, value in [(4 * number + 1, True), (4 * number + 3, False)]:
            if script.ended is None:
                script.frame(time, x=value)
    return script


def test_sham_is_the_same_course_with_notes_in_the_place_of_stimuli():
    stop = [{"stimulated": "laser", "reaches": 5}]
    real = run_switch(machine(SWITCH, stop=stop))
    sham = run_switch(machine(SWITCH, stop=stop, control={"type": "sham", "outputs": ["laser"]}))
    assert sham.said == [
        word.replace("on laser on", "sham_started laser").replace("off laser", "sham_ended laser") for word in real.said
    ]
    assert sham.protocol.counts == real.protocol.counts
    everything = run_switch(machine(SWITCH, control={"type": "sham"}))
    assert not any(isinstance(step, On | Off) for _, step in everything.steps)


def test_a_share_of_stimuli_can_be_sham():
    script = run_switch(
        machine(SWITCH, control={"type": "sham", "outputs": ["laser"], "probability": 0.3}), rounds=1000
    )
    kinds = Counter(step.kind for _, step in script.steps if isinstance(step, Note))
    assert 240 < kinds["sham_started"] < 360
    assert kinds["sham_started"] == kinds["sham_ended"]
    assert (
        sum(isinstance(step, On) and step.stimulus.output == "laser" for _, step in script.steps)
        == 1000 - kinds["sham_started"]
    )


def test_yoked_to_a_schedule_the_animal_does_not_matter():
    plan = [
        {"at": 2, "seconds": 1.5, "stimulus": LASER},
        {"at": 10, "seconds": 1, "stimulus": {"output": "laser", "action": "pulse"}},
    ]
    made = machine(SWITCH, control={"type": "yoked", "outputs": ["laser"], "schedule": plan})
    script = Script(made)
    for number in range(1, 26):
        script.frame(number / 2, x=number % 4 == 0)
    laser = [word for word in script.said if "laser" in word]
    assert laser == ["2: on laser on", "3.5: off laser", "10: on laser pulse", "11: off laser"]
    assert any("screen" in word for word in script.said), "the other output follows this animal"
    assert script.protocol.counts == {"n": 6}


COLUMNS = ("kind", "name", "frame_stamp_ns", "stamp_ns", "decided_ns", "action", "values")


def recording(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return path


def test_yoked_to_a_recording_gets_what_the_other_animal_got(tmp_path):
    start = 5_000_000_000
    rows = [
        ("command", "laser", 0, start - 5, start - 5, "off", "{}"),
        ("experiment_started", "other", 0, start, 0, "", "{}"),
        ("command", "laser", start + 2_000_000_000, 9, start + 2_100_000_000, "on", '{"power": "3"}'),
        ("command", "screen", start + 2_000_000_000, 9, start + 2_100_000_000, "show", '{"image": "a"}'),
        ("command", "laser", 0, 9, start + 4_000_000_000, "off", "{}"),
        ("experiment_ended", "other", 0, start + 8_000_000_000, 0, "", "{}"),
        ("command", "laser", 0, 9, start + 9_000_000_000, "on", "{}"),
    ]
    recording(tmp_path / "events.csv", rows)
    for path in (tmp_path, tmp_path / "events.csv"):
        made = machine(SWITCH, control={"type": "yoked", "outputs": ["laser"], "recording": str(path)})
        script = Script(made)
        for time in range(1, 13):
            script.frame(time, x=False)
        assert script.said == ["2: on laser on power=3", "4: off laser"]
        assert made.control.recording == tmp_path / "events.csv"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (None, "can't be read"),
        ([], "has no experiment_started"),
        ([("experiment_started", "other", 0, 5, 0, "", "{}")], "has none"),
        ([("experiment_started", "other", 0, "soon", 0, "", "{}")], "can't be understood"),
    ],
)
def test_a_recording_that_is_none_is_refused(tmp_path, rows, message):
    path = tmp_path / "events.csv"
    if rows is not None:
        recording(path, rows)
    with pytest.raises(ValueError, match=message):
        machine(SWITCH, control={"type": "yoked", "outputs": ["laser"], "recording": str(path)})
