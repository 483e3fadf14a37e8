"""The state machine: what outputs do, limits and stop conditions."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_script import LASER, Script, machine

from dlstream_experiment.model.protocols import Note, Off, On

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


PULSE = {"output": "laser", "action": "pulse", "values": {"width": 5}}


def test_a_pulse_is_given_each_time_and_what_lasts_goes_on():
    for gift, begins in ((PULSE, "on laser pulse width=5"), (LASER, "on laser on")):
        states = {
            "a": [{"when": "x", "go": "b"}],
            "b": {"enter": [{"give": gift}], "transitions": [{"when": "x", "is": False, "go": "a"}]},
        }
        script = Script(machine(states))
        for time in range(1, 7):
            script.frame(time, x=time % 2 == 1)
        said = [f"{time}: {begins}" for time in (1, 3, 5)]
        assert script.said == (said if gift is PULSE else said[:1])


def test_each_pulse_that_is_given_is_drawn_to_be_sham_or_not():
    states = {
        "a": [{"when": "x", "go": "b"}],
        "b": {"enter": [{"give": PULSE}], "transitions": [{"when": "x", "is": False, "go": "a"}]},
    }
    script = Script(machine(states, control={"type": "sham", "probability": 0.5, "block": 2}), seed=1)
    for time in range(1, 17):
        script.frame(time, x=time % 2 == 1)
    kinds = [word.partition(": ")[2] for word in script.said]
    assert kinds.count("on laser pulse width=5") == kinds.count("sham_started laser") == 4
    assert kinds.count("sham_ended laser") >= 3
    real = False
    for kind in kinds:
        assert kind != "sham_started laser" or not real, "a real one is ended before a sham one begins"
        real = kind.startswith("on ") or (real and not kind.startswith("off "))


def test_a_yoked_animal_gets_each_pulse_of_the_other_one_and_none_of_its_own():
    states = {
        "a": [{"when": "x", "go": "b"}],
        "b": {"enter": [{"give": PULSE}], "transitions": [{"when": "x", "is": False, "go": "a"}]},
    }
    schedule = [{"at": at, "seconds": 2, "stimulus": PULSE} for at in (2, 4)]
    script = Script(machine(states, control={"type": "yoked", "outputs": ["laser"], "schedule": schedule}))
    for time in range(1, 9):
        script.frame(time, x=time % 2 == 1)
    assert [line for line in script.said if "pulse" in line] == [f"{time}: on laser pulse width=5" for time in (2, 4)]


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


def test_a_state_with_another_stimulus_gives_it_after_the_limit_has_cut_the_one_before():
    brighter = {**LASER, "values": {"power": 2}}
    states = {
        "a": {"stimuli": [LASER], "transitions": [{"after": 5, "go": "same"}]},
        "same": {"stimuli": [LASER], "transitions": [{"after": 2, "go": "b"}]},
        "b": {"stimuli": [brighter], "transitions": [{"after": 9, "go": "end"}]},
    }
    script = Script(machine(states, limits={"laser": {"stimulus": 3}}))
    script.each_second(1, 12)
    assert script.said == [
        "0: on laser on",
        "3: limit_reached laser",
        "3: off laser",
        "7: on laser on power=2",
        "10: limit_reached laser",
        "10: off laser",
    ]


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


def each_ten_seconds(gift: dict, count: int, **limit: float) -> tuple[Script, list[float]]:
    """A run in which something is given every 10 s, and when it was."""
    states = {"a": {"enter": [{"give": gift}], "transitions": [{"after": 10, "go": "a"}]}}
    script = Script(machine(states, stop=[{"after": 10 * count}], limits={"laser": limit}))
    script.each_second(1, 10 * count)
    return script, [time for time, step in script.steps if isinstance(step, On)]


@pytest.mark.parametrize(
    ("action", "values", "length"),
    [
        ("pulse", {"width": "20 ms"}, 0.02),
        ("pulse", {"width": 500, "delay": "0.5 s"}, 1.0),
        ("on", {"duration": 2}, 2.0),
        ("on", {"duration": "0.05 min"}, 3.0),
        ("train", {"frequency": 20, "width": 5, "duration": "1500 ms", "delay": 100}, 1.6),
        ("train", {"frequency": "0.02 kHz", "width": "5 ms", "count": 11}, 0.505),
        ("train", {"frequency": 20, "width": 5, "count": 3, "burst": 2, "burst_frequency": 4}, 0.555),
        ("play", {"tone": 5000, "duration": 0.2}, 0.2),
    ],
)
def test_what_ends_by_itself_counts_towards_the_limits_for_its_length_alone(action, values, length):
    gift = {"output": "laser", "action": action, "values": values}
    times = [10.0 * number for number in range(12)]
    script, given_at = each_ten_seconds(gift, 12, session=length * 13, stimulus=5)
    assert given_at == times
    assert "limit_reached laser" not in " ".join(script.said)
    script, given_at = each_ten_seconds(gift, 12, session=length * 7)
    assert given_at == times[:7], "the session's limit holds"
    assert script.said[7].endswith(": limit_reached laser")


@pytest.mark.parametrize("values", [{"volume": 3}, {"width": "12 s"}])
def test_what_a_limit_has_cut_is_given_again(values):
    gift = {"output": "laser", "action": "pulse", "values": values}
    script, given_at = each_ten_seconds(gift, 5, stimulus=4)
    assert given_at == [0, 10, 20, 30, 40]
    assert [line for line in script.said if "off" in line] == [f"{time}: off laser" for time in (4, 14, 24, 34, 44)]


def test_an_experiment_ends_by_what_its_pulses_amount_to():
    gift = {"output": "laser", "action": "pulse", "values": {"width": "500 ms"}}
    states = {"a": {"enter": [{"give": gift}], "transitions": [{"after": 10, "go": "a"}]}}
    script = Script(machine(states, stop=[{"stimulated": "laser", "reaches": 2}]))
    script.each_second(1, 100)
    assert script.said[-1].startswith("31: end")


def test_a_pulse_in_the_place_of_a_stimulus_counts_on_and_what_follows_it_begins_anew():
    gift = {"output": "laser", "action": "pulse", "values": {"width": "1 s"}}
    states = {
        "a": {"stimuli": [LASER], "transitions": [{"after": 3, "go": "b"}]},
        "b": {"enter": [{"give": gift, "seconds": 4}], "stimuli": [LASER], "transitions": [{"when": "x", "go": "end"}]},
    }
    script = Script(machine(states, limits={"laser": {"stimulus": 4.5, "session": 60}}))
    script.each_second(1, 20)
    assert script.said == [
        "0: on laser on",
        "3: on laser pulse width=1 s",
        "7: on laser on",
        "12: limit_reached laser",
        "12: off laser",
    ]


@pytest.mark.parametrize("beneath", [[], [LASER]])
def test_a_limit_holds_for_what_is_given_again_before_it_has_ended(beneath):
    """`beneath`: what the state has on, over which it is given."""
    gift = {"output": "laser", "action": "on", "values": {"duration": "1 s"}}
    states = {
        "a": {"stimuli": beneath, "transitions": [{"after": 0.5, "go": "b"}]},
        "b": {"enter": [{"give": gift}], "stimuli": beneath, "transitions": [{"after": 0.5, "go": "b"}]},
    }
    script = Script(machine(states, stop=[{"after": 8}], limits={"laser": {"stimulus": 2}}))
    for number in range(1, 80):
        script.frame(number / 10)
    cut = 2.0 if beneath else 2.5
    assert [line for line in script.said if "limit" in line or "off" in line][:2] == [
        f"{cut:g}: limit_reached laser",
        f"{cut:g}: off laser",
    ]
    script = Script(machine(states, stop=[{"stimulated": "laser", "reaches": 3}]))
    for number in range(1, 80):
        if script.ended is None:
            script.frame(number / 10)
    assert script.said[-1].startswith(f"{cut + 1:g}: end"), "each part of it counts once"


def cue_and_light(gift: dict, **more: object) -> dict[str, object]:
    """A cue from the laser at 1 s, and its light from 2 s to 4 s."""
    return {
        "wait": [{"after": 1, "go": "cue"}],
        "cue": {"enter": [{"give": gift, **more}], "transitions": [{"after": 1, "go": "light"}]},
        "light": {"stimuli": [LASER], "transitions": [{"after": 2, "go": "end"}]},
    }


@pytest.mark.parametrize(
    ("width", "limits", "lit"),
    [("20 ms", {}, 2), ("1500 ms", {}, 2.5), ("1200 ms", {"laser": {"stimulus": 1.1}}, 2.2)],
)
def test_a_pulse_that_is_over_leaves_its_output_to_the_states(width, limits, lit):
    """Also one that a limit has cut: until it would have ended."""
    gift = {"output": "laser", "action": "pulse", "values": {"width": width}}
    script = Script(machine(cue_and_light(gift), limits=limits))
    for number in range(1, 41):
        script.frame(number / 10)
    assert [line for line in script.said if "on" in line.split()] == [
        f"1: on laser pulse width={width}",
        f"{lit:g}: on laser on",
    ]


def test_a_pulse_goes_over_the_stimulus_of_its_own_state_and_ends():
    gift = {"output": "laser", "action": "pulse", "values": {"width": "20 ms"}}
    states = {
        "a": [{"after": 1, "go": "b"}],
        "b": {"enter": [{"give": gift}], "stimuli": [LASER], "transitions": [{"after": 2, "go": "end"}]},
    }
    script = Script(machine(states))
    for time in (1, 1.01, 1.03, 2, 3):
        script.frame(time)
    assert script.said[:2] == ["1: on laser pulse width=20 ms", "1.03: on laser on"]


def pulse(width: str) -> dict[str, object]:
    return {"output": "laser", "action": "pulse", "values": {"width": width}}


def pulses(script: Script) -> list[str]:
    for number in range(1, 36):
        script.frame(number / 10)
    return [line for line in script.said if "pulse" in line]


def test_a_state_s_own_pulse_that_is_over_comes_no_second_time_after_a_given_one():
    states = {
        "a": {"stimuli": [pulse("50 ms")], "transitions": [{"after": 2, "do": [{"give": pulse("20 ms")}], "go": "a"}]}
    }
    assert pulses(Script(machine(states))) == [
        "0: on laser pulse width=50 ms",
        "2: on laser pulse width=20 ms",
    ]


def test_a_state_s_own_pulse_comes_also_where_an_equal_one_was_given_before():
    states = {
        "cue": {"enter": [{"give": pulse("10 ms")}], "transitions": [{"after": 2, "go": "reward"}]},
        "reward": {"stimuli": [pulse("10 ms")], "transitions": [{"after": 2, "go": "end"}]},
    }
    assert pulses(Script(machine(states))) == ["0: on laser pulse width=10 ms", "2: on laser pulse width=10 ms"]


def test_a_limit_does_not_count_a_sham_stimulus_before_a_real_one():
    gift = {"output": "laser", "action": "on", "values": {"duration": "1 s"}}
    states = {"a": {"enter": [{"give": gift}], "transitions": [{"after": 0.9, "go": "a"}]}}
    control = {"type": "sham", "probability": 0.5, "block": 2}
    script = Script(
        machine(states, stop=[{"after": 1.7}], control=control, limits={"laser": {"stimulus": 1.5}}), seed=1
    )
    for number in range(1, 17):
        script.frame(number / 10)
    kinds = [line.partition(": ")[2] for line in script.said]
    assert sorted(kind for kind in kinds if "started" in kind or kind.startswith("on ")) == [
        "on laser on duration=1 s",
        "sham_started laser",
    ]
    assert "limit_reached laser" not in kinds
