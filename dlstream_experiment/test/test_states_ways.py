"""The state machine: ways, timers, counters and what is drawn."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_script import LASER, Script, machine, visited

from dlstream_experiment.model.protocols import Note
from dlstream_experiment.model.protocols._duration import Draw

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


def test_leave_is_done_on_the_way_to_the_end_and_not_where_a_stop_condition_ends_the_experiment():
    def counted(way: dict[str, Any], **more: Any) -> tuple[str | None, int]:
        script = Script(machine({"a": {"leave": [{"count": "left"}], "transitions": [way]}}, **more))
        script.each_second(1, 3)
        return script.ended, script.protocol.counts["left"]

    assert counted({"after": 2, "go": "end", "reason": "done"}) == ("done", 1)
    trials = {"conditions": {"only": {"state": "a"}}}
    assert counted({"after": 1, "go": "trial"}, trials=trials) == ("all 1 trials are done", 2)
    assert counted({"after": 9, "go": "end"}, stop=[{"after": 2, "reason": "over"}]) == ("over", 0)


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
    average = ((a + m) * ea - (b + m) * eb) / (ea - eb)
    assert sum(exponential) / len(exponential) == pytest.approx(average, rel=0.06)
    told = " ".join(machine({"a": [{"after": {"exponential": {"mean": m, "min": a, "max": b}}, "go": "a"}]}).in_words())
    assert f"mean 10 before it is cut; {average:.4g} s on average" in told
    narrow = Draw.model_validate({"exponential": {"mean": 10, "min": 9.999999, "max": 10.000001}}).exponential
    assert narrow is not None
    assert narrow.average == pytest.approx(10)


def test_an_edit_in_one_state_leaves_the_draws_of_the_others():
    draw = {"after": {"uniform": [1, 2]}, "go": "a"}
    plain, edited = Script(machine({"a": [draw]})), Script(machine({"z": [draw], "a": [draw]}, start="a"))
    for time in range(1, 50):
        plain.frame(time)
        edited.frame(time)
    assert [step for _, step in plain.steps] == [step for _, step in edited.steps]


def test_draws_among_next_states_share_one_stream():
    """As the reference says: one more of them, somewhere else, shifts those that follow."""

    def drawn(first: Any) -> list[str]:
        states = {
            "first": [{"go": first}],
            "a": [{"after": 1, "go": {"b": 1, "c": 1}}],
            "b": [{"after": 1, "go": "a"}],
            "c": [{"after": 1, "go": "a"}],
        }
        script = Script(machine(states, stop=[{"after": 99}]))
        script.each_second(1, 90)
        return [name for _, name in map(str.split, visited(script)) if name in "bc"]

    plain, shifted = drawn("a"), drawn({"a": 1})
    assert plain == shifted, "a single target is not drawn"
    shifted = drawn({"a": 1, "first": 1e-9})
    assert plain != shifted
    assert plain[1 : len(shifted)] == shifted[: len(plain) - 1]


def test_sham_of_two_outputs_shares_one_stream():
    def left_out(outputs: list[str]) -> list[bool]:
        states = {
            "on": {"stimuli": [{"output": name, "action": "on"} for name in outputs]}
            | {"transitions": [{"after": 1, "go": "off"}]},
            "off": [{"after": 1, "go": "on"}],
        }
        control = {"type": "sham", "probability": 0.5}
        script = Script(machine(states, stop=[{"after": 99}], control=control))
        script.each_second(1, 90)
        begun = [line.split(": ")[1] for line in script.said if "sham_started" in line or ": on " in line]
        return ["sham" in line for line in begun]

    alone, both = left_out(["laser"]), left_out(["laser", "led"])
    assert len(both) == 2 * len(alone)
    assert both[: len(alone)] == alone, "in the order in which they begin, whatever their output"
