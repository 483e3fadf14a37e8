"""Triggers made of others, and what all have in common: dwell, refractory time, probability, what missing means."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from experiment_poses import seconds
from hypothesis import given, settings
from hypothesis import strategies as st
from trigger_tools import GONE, PARTS, context, decisions, of, scene

from dlstream_experiment.model.regions import Rectangle
from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet

PLACES = {True: (50.0, 50.0), False: (500.0, 50.0), None: GONE}
Word = dict[str, Any]


def inside(part: str, **more: Any) -> Word:
    return {"type": "region", "region": "box", "keypoints": [part], **more}


def made(words: dict[str, Word], **changes: Any) -> TriggerSet:
    triggers = TriggerSet(of(words), context(**changes))
    triggers.bind("top", PARTS)
    return triggers


def show(triggers: TriggerSet, time: float, *values: bool | None) -> dict[str, bool]:
    """One frame in which the nose, the neck and the tailroot are inside, outside or not seen."""
    places = {part: PLACES[value] for part, value in zip(PARTS, values, strict=False)}
    return dict(triggers.decide("top", scene(time, places)))


THREE = (True, False, None)
TWO = {"a": inside("nose"), "b": inside("neck")}


@pytest.mark.parametrize(("a", "b"), list(product(THREE, THREE)))
def test_truth_tables(a, b):
    words = {
        **TWO,
        "both": {"type": "and", "triggers": ["a", "b"]},
        "one": {"type": "or", "triggers": ["a", "b"]},
        "no": {"type": "not", "trigger": "a"},
    }
    decided = show(made(words), 0, a, b)
    assert decided.get("both") is (False if False in (a, b) else None if None in (a, b) else True)
    assert decided.get("one") is (True if True in (a, b) else None if None in (a, b) else False)
    assert decided.get("no") is (None if a is None else not a)


@pytest.mark.parametrize(("missing", "after"), [("hold", True), ("false", False), ("veto", False)])
def test_what_missing_means(missing, after):
    words = {
        "a": inside("nose", missing=missing),
        "b": inside("neck"),
        "one": {"type": "or", "triggers": ["a", "b"]},
        "no": {"type": "not", "trigger": "a"},
        "yes": {"type": "not", "trigger": "no"},
    }
    triggers = made(words)
    assert show(triggers, 0, True, True) == {"a": True, "b": True, "one": True, "no": False, "yes": True}
    decided = show(triggers, 1, None, True)
    assert triggers.held["a"] is after
    assert decided.get("a") is (None if missing == "hold" else False)
    assert decided["one"] is (missing != "veto"), "the other one is true, but a veto is a veto"
    assert triggers.held["no"] is (missing == "false")
    assert triggers.held["yes"] is (missing == "hold")
    assert show(triggers, 2, True, True) == {"a": True, "b": True, "one": True, "no": False, "yes": True}


def test_a_veto_holds_before_anything_was_measured():
    words = {"a": inside("nose", missing="veto"), "b": inside("neck"), "one": {"type": "or", "triggers": ["a", "b"]}}
    triggers = made(words)
    assert show(triggers, 0, None, True) == {"a": False, "b": True, "one": False}
    assert show(triggers, 1, False, True)["one"] is True


def test_dwell_counts_from_the_first_frame_and_ends_at_once():
    triggers = made({"it": inside("nose", dwell=0.5)})
    values = [(0, True), (0.4, True), (0.5, True), (0.6, False), (0.7, True), (1.1, True), (1.3, True)]
    assert [show(triggers, time, value)["it"] for time, value in values] == [
        *(False, False, True, False, False, False, True)
    ]


def test_dwell_goes_on_while_it_can_not_be_measured_and_ends_when_it_can():
    triggers = made({"it": inside("nose", dwell=0.5)})
    decided = [
        show(triggers, time, value).get("it") for time, value in [(0, True), (0.3, None), (0.6, None), (0.7, True)]
    ]
    assert decided == [False, None, None, True]
    strict = made({"it": inside("nose", dwell=0.5, missing="false")})
    decided = [
        show(strict, time, value).get("it") for time, value in [(0, True), (0.3, None), (0.6, True), (1.1, True)]
    ]
    assert decided == [False, False, False, True]


def test_refractory_time_counts_from_the_end():
    triggers = made({"it": inside("nose", refractory=1.0)})
    values = [(0, True), (5, True), (6, False), (6.5, True), (6.9, True), (7, True), (7.1, False), (8.2, True)]
    assert [show(triggers, time, value)["it"] for time, value in values] == [
        *(True, True, False, False, False, True, False, True)
    ]


def test_probability_is_drawn_once_a_rise_and_from_the_seed():
    words = {"it": inside("nose", probability=0.3)}
    runs = []
    for seed in (1, 1, 2):
        triggers, rises = made(words, seed=seed), []
        for number in range(300):
            first = show(triggers, number * 10, True)["it"]
            assert show(triggers, number * 10 + 1, True)["it"] is first, "no second draw while it holds"
            assert show(triggers, number * 10 + 2, False)["it"] is False
            rises.append(first)
        runs.append(rises)
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert 60 < sum(runs[0]) < 120
    alone = made({"another": inside("neck", probability=0.5), **words}, seed=1)
    assert [show(alone, n, n % 2 == 0)["it"] for n in range(0, 600, 1)][::2] == runs[0], "each draws for itself"
    rare = made({"it": inside("nose", probability=1e-9)})
    assert not any(show(rare, n, n % 2 == 0)["it"] for n in range(6))


def sequence(within: float = 5) -> dict[str, Word]:
    order = {"type": "sequence", "triggers": ["a", "b", "c"], "within": within}
    return {"a": inside("nose"), "b": inside("neck"), "c": inside("tailroot"), "order": order}


@pytest.mark.parametrize(
    ("rises", "expected"),
    [
        ([("a", 0), ("b", 1), ("c", 2)], True),
        ([("a", 0), ("b", 1), ("c", 5)], True),
        ([("a", 0), ("b", 1), ("c", 5.01)], False),
        ([("b", 0), ("a", 1), ("c", 2)], False),
        ([("a", 0), ("c", 1), ("b", 2)], False),
        ([("ab", 0), ("c", 1)], False),  # not one after the other
        ([("a", 0), ("a", 3), ("b", 6), ("c", 7)], True),  # the second a begins again
        ([("a", 0), ("b", 3), ("a", 4), ("b", 6), ("c", 8)], True),
        ([("a", 0), ("b", 4), ("a", 4.5), ("c", 4.9)], False),  # from a at 4.5, there is no b
    ],
)
def test_sequences(rises, expected):
    triggers, time = made(sequence()), -1.0
    show(triggers, time, False, False, False)
    for names, time in rises:
        decided = show(triggers, time, *("abc"[place] in names for place in range(3)))
        if (names, time) != rises[-1]:
            assert decided["order"] is False
            show(triggers, time + 0.001, False, False, False)
    assert decided["order"] is expected
    assert show(triggers, time + 100, "a" in names, "b" in names, "c" in names)["order"] is expected, "while c is true"
    assert show(triggers, time + 101, True, True, False)["order"] is False


def test_a_first_trigger_that_is_a_later_one_too_goes_on_and_begins_again():
    order = {"type": "sequence", "triggers": ["a", "b", "a", "c"], "within": 5}
    for rises, expected in (("abac", True), ("abaac", False), ("abaabac", True)):
        triggers = made(sequence() | {"order": order})
        for number, name in enumerate(rises):
            decided = show(triggers, number * 0.5, *(place == name for place in "abc"))
            show(triggers, number * 0.5 + 0.1, False, False, False)
        assert decided["order"] is expected, rises


def test_counts_come_and_go_with_time():
    words = {"a": inside("nose"), "often": {"type": "count", "trigger": "a", "times": 3, "within": 10}}
    triggers = made(words)
    values = [
        (0, True),
        (1, False),
        (4, True),
        (5, False),
        (9, True),
        (9.5, True),
        (10, True),
        (10.1, True),
        (11, False),
    ]
    decided = [show(triggers, time, value)["often"] for time, value in values]
    assert decided == [False, False, False, False, True, True, True, False, False]
    assert show(triggers, 14, True)["often"] is True, "4, 9 and 14"


def test_a_timer_makes_a_decision_on_a_frame_that_tells_nothing():
    words = {"a": inside("nose"), "often": {"type": "count", "trigger": "a", "times": 1, "within": 2}}
    triggers = made(words)
    assert show(triggers, 0, True)["often"] is True
    assert show(triggers, 1, None) == {}
    assert show(triggers, 3, None) == {"often": False}
    assert triggers.changed == {"often": False}
    assert show(triggers, 4, None) == {}


def test_any_depth():
    words: dict[str, Word] = {"t0": inside("nose")}
    for number in range(1, 60):
        words[f"t{number}"] = {"type": "not", "trigger": f"t{number - 1}"}
    triggers = made(dict(reversed(words.items())))
    for time, value in enumerate((True, False, True)):
        decided = show(triggers, time, value)
        assert [decided[f"t{number}"] for number in range(60)] == [value, not value] * 30
        assert list(triggers.changed) == [name for name in reversed(words) if triggers.changed.get(name) is not None]


def test_across_cameras():
    box = {"box": Rectangle(type="rectangle", left=0, top=0, right=100, bottom=100)}
    words = {
        "a": inside("nose"),
        "b": {"type": "distance", "keypoints": ["nose", "neck"], "at_least": 30, "camera": "side"},
        "both": {"type": "and", "triggers": ["a", "b"]},
    }
    triggers = TriggerSet(of(words), context(regions=box))
    for camera in ("top", "side"):
        triggers.bind(camera, PARTS)
    assert triggers.decide("top", scene(0, {"nose": (50, 50)})) == {"a": True}
    far = scene(0.01, {"nose": (0, 0), "neck": (90, 0)})
    assert triggers.decide("side", far) == {"b": True, "both": True}
    assert triggers.decide("top", scene(1, {"nose": (500, 50)})) == {"a": False, "both": False}
    assert triggers.decide("elsewhere", far) == {}
    assert triggers.held == {"a": False, "b": True, "both": False}


TOPIC = {"type": "topic", "topic": "/scale/weight", "message": "std_msgs/msg/Float64"}


def test_values_of_topics():
    words = {
        "heavy": {**TOPIC, "at_least": 20, "release": 15},
        "exact": {**TOPIC, "equals": 20},
        "a": inside("nose"),
        "both": {"type": "and", "triggers": ["a", "heavy"]},
    }
    triggers = made(words)
    [source] = triggers.external_sources
    assert (source.topic, source.message, source.field) == ("/scale/weight", "std_msgs/msg/Float64", "data")
    assert show(triggers, 0, True) == {"a": True}
    assert triggers.handle_value(source.source, 20, seconds(1)) == {"heavy": True, "exact": True, "both": True}
    assert triggers.changed == {"heavy": True, "exact": True, "both": True}
    assert triggers.handle_value(source.source, 15, seconds(2)) == {"heavy": True, "exact": False, "both": True}
    assert triggers.handle_value(source.source, 14.9, seconds(3)) == {"heavy": False, "exact": False, "both": False}
    assert triggers.measured["heavy"] == 14.9
    assert triggers.handle_value(source.source, float("nan"), seconds(4)) == {}
    assert triggers.handle_value("elsewhere", 1.0, seconds(5)) == {}


@pytest.mark.parametrize(
    ("equals", "yes", "no"), [(True, 1.0, 0.0), (False, 0.0, 1.0), ("lick", "lick", "idle"), (3, 3, 4)]
)
def test_truths_numbers_and_texts_of_topics(equals, yes, no):
    triggers = made({"it": {**TOPIC, "equals": equals}})
    source = triggers.external_sources[0].source
    assert triggers.handle_value(source, yes, 1)["it"] is True
    assert triggers.handle_value(source, no, 2)["it"] is False


@pytest.mark.parametrize(("missing", "after"), [("hold", True), ("false", False), ("veto", False)])
def test_a_topic_that_fell_silent(missing, after):
    words = {"it": {**TOPIC, "at_least": 1, "timeout": 2, "missing": missing}, "no": {"type": "not", "trigger": "it"}}
    triggers = made({**words, "a": inside("nose")})
    source = triggers.external_sources[0].source
    triggers.handle_value(source, 5, seconds(0))
    show(triggers, 1, True)
    show(triggers, 2, True)
    assert triggers.held["it"] is True
    show(triggers, 2.1, True)
    assert triggers.held["it"] is after
    assert triggers.held["no"] is (missing == "false")
    triggers.handle_value(source, 5, seconds(3))
    assert triggers.held["it"] is True


def test_a_topics_dwell_ends_with_a_frame():
    triggers = made({"it": {**TOPIC, "at_least": 1, "dwell": 1}, "a": inside("nose")})
    source = triggers.external_sources[0].source
    assert triggers.handle_value(source, 5, seconds(0)) == {"it": False}
    assert show(triggers, 0.9, True) == {"a": True}
    assert show(triggers, 1.0, True) == {"a": True, "it": True}
    assert show(triggers, 1.1, True) == {"a": True}


@given(st.lists(st.tuples(st.sampled_from(THREE), st.sampled_from(THREE), st.floats(0.01, 2)), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_compositions_follow_their_inputs_at_every_frame(frames):
    """Composed decisions are those of formulas over the inputs' decisions so far, however these come."""
    words = {
        "both": {"type": "and", "triggers": ["a", "b"]},
        "either": {"type": "or", "triggers": ["no", "both"]},
        "no": {"type": "not", "trigger": "b"},
        **TWO,
    }
    triggers, time = made(words), 0.0
    held: dict[str, bool | None] = {"a": None, "b": None}
    composed: dict[str, bool | None] = {"both": None, "either": None}  # keep their decision where they are not told
    for a, b, wait in frames:
        time += wait
        decided = show(triggers, time, a, b)
        told = {"a": a, "b": b}
        held |= {name: value for name, value in told.items() if value is not None}
        x, y = held["a"], held["b"]
        both = False if False in (x, y) else None if None in (x, y) else True
        no = None if y is None else not y
        composed["both"] = composed["both"] if both is None else both
        either = True if True in (no, composed["both"]) else None if None in (no, composed["both"]) else False
        composed["either"] = composed["either"] if either is None else either
        expected = {**composed, "no": no, "a": x, "b": y}
        assert triggers.held == {name: value for name, value in expected.items() if value is not None}
        decides = {"a": a is not None, "b": b is not None, "no": b is not None}
        decides["both"] = decides["either"] = a is not None or b is not None
        assert decided == {name: value for name, value in expected.items() if decides[name] and value is not None}


def test_a_frame_on_which_nothing_changes_changes_nothing():
    triggers = made({**TWO, "both": {"type": "and", "triggers": ["a", "b"]}})
    first = show(triggers, 0, True, False)
    assert triggers.changed == {"a": True}
    for number in range(1, 5):
        assert show(triggers, number, True, False) == first
        assert triggers.changed == {}
    first["a"] = False
    assert show(triggers, 9, True, False)["a"] is True, "what was given out is not what is kept"


def test_it_is_ready_for_keypoints_in_another_order():
    triggers = made(TWO)
    assert show(triggers, 0, True, False) == {"a": True, "b": False}
    triggers.bind("top", PARTS[::-1])
    places = {"nose": PLACES[True], "neck": PLACES[False]}
    assert decisions(triggers, [scene(1, places, parts=PARTS[::-1])], "a") == [True]
    with pytest.raises(KeyError, match="neck"):
        triggers.bind("top", ["nose", "tail"])
