"""All triggers together decide what each does by itself, and what its definition says."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trigger_tools import PARTS, Reference, context, of, scene

from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet

CALIBRATION = 8.0
KINDS = (
    *("region", "direction", "head_direction", "ego_head_direction", "head_direction_region", "speed", "freeze"),
    *("acceleration", "distance", "angle", "ratio", "social"),
)


def any_trigger(chance: random.Random) -> dict[str, Any]:
    """The words of one trigger on poses, at random."""
    kind = chance.choice(KINDS)
    words: dict[str, Any] = {"type": kind, "individual": chance.choice(["any", "any", "a", "c"])}
    words["min_confidence"] = chance.choice([0.0, 0.5, 0.9])
    some = tuple(chance.sample(PARTS, chance.randint(1, 3)))
    match = chance.choice(["any", "all", len(some)])
    space = ["round", "box", "long", "notch"]
    point = (chance.randint(0, 12) * 10.0, chance.randint(0, 12) * 10.0)
    most = {"speed": 300.0, "freeze": 300.0, "acceleration": 900.0, "distance": 120.0, "social": 120.0, "ratio": 3.0}
    bound = chance.uniform(0, most.get(kind, 180.0))
    if kind == "acceleration":
        bound -= 450.0
    if kind == "region":
        release = chance.choice([None, "wide"])
        inside = chance.random() < 0.7
        return {**words, "region": chance.choice(space), "keypoints": some, "match": match, "inside": inside} | (
            {"release": release} if inside else {}
        )
    if chance.random() < 0.5:
        words["at_least"] = bound
        words["release"] = chance.choice([None, bound * 0.8 if bound > 0 else bound - 50])
    else:
        words["at_most"] = bound
        words["release"] = chance.choice([None, min(bound + 20, 180.0) if kind not in most else bound + 20])
    if kind == "direction":
        words |= {"start": "neck", "end": "nose"}
        target = chance.randrange(3)
        words |= {"point": point} if target == 0 else {"edge": chance.choice(["north", "south", "east", "west"])}
        words |= {"frame": (120, 100)} if target == 1 else {}
    elif kind in ("head_direction", "head_direction_region"):
        words |= {"point": point}
        if kind == "head_direction_region":
            words |= {"region": chance.choice(space), "inside": chance.random() < 0.5}
    elif kind == "ego_head_direction":
        words |= {"side": chance.choice(["left", "right", "both"])}
    elif kind in ("speed", "freeze", "acceleration"):
        words |= {"keypoints": some, "match": match, "window": chance.choice([0.04, 0.1, 0.25])}
        words |= {"way": chance.choice(["path", "displacement"])}
    elif kind == "distance":
        words |= {"keypoints": tuple(chance.sample(PARTS, 2))}
    elif kind == "angle":
        words |= {"keypoints": tuple(chance.sample(PARTS, 3))}
    elif kind == "ratio":
        pairs = [("nose", "neck"), ("neck", "tailroot"), ("tailroot", "nose")]
        words |= dict(zip(("distance", "over"), chance.sample(pairs, 2), strict=True))
    else:
        other = chance.choice([name for name in ("any", "b", "c") if name == "any" or name != words["individual"]])
        words |= {"active": some, "passive": ("nose", "neck"), "other": other}
        words |= {"match": chance.choice(["any", "all", 2])}
    if kind in ("distance", "social") and chance.random() < 0.5:
        words |= {"unit": "cm"} | {
            key: words[key] / CALIBRATION for key in ("at_least", "at_most", "release") if words.get(key) is not None
        }
    return words


def walk(chance: random.Random, count: int) -> list[Any]:
    """Frames of animals that come, go, swap rows and lose keypoints; often keypoints coincide, or lie on a border.

    Now and then no frame comes for more than a second.
    """
    time, frames = 0.0, []
    places = {name: {part: [50.0, 50.0] for part in PARTS} for name in "abcd"}
    present = ["a", "b", "c"]
    for _ in range(count):
        time += 1.2 if chance.random() < 0.05 else chance.choice([0.02, 0.033, 0.02, 0.1])
        if chance.random() < 0.2:
            present = chance.sample("abcd", chance.randint(0, 4))
        elif chance.random() < 0.2:
            chance.shuffle(present)
        animals = []
        for name in present:
            for place in places[name].values():
                for axis in (0, 1):
                    place[axis] = max(-20.0, min(150.0, place[axis] + chance.choice([0, 0, 5, -5, 10, -10])))
            animals.append(
                {
                    part: (math.nan, 5.0) if chance.random() < 0.05 else tuple(place)
                    for part, place in places[name].items()
                }
            )
        made = scene(time, *animals, ids=present)
        for row in range(len(present)):
            for column in range(len(PARTS)):
                made.block[2, row, column] = chance.choice([1.0, 1.0, 1.0, 0.7, 0.3, math.nan])
        frames.append(made)
    return frames


@given(st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_together_as_one_by_one_and_as_defined(seed):
    chance = random.Random(seed)
    triggers = of({f"t{number}": any_trigger(chance) for number in range(25)})
    around = context(calibration={"top": CALIBRATION})
    together = TriggerSet(triggers, around)
    alone = {name: TriggerSet({name: item}, around) for name, item in triggers.items()}
    reference = Reference(triggers, PARTS, CALIBRATION)
    for made in (together, *alone.values()):
        made.bind("top", PARTS)
    unclear: set[str] = set()
    for number, frame in enumerate(walk(chance, 25)):
        decided = together.decide("top", frame)
        for name, item in triggers.items():
            assert alone[name].decide("top", frame).get(name) is decided.get(name), (number, item)
        expected = reference.decide(frame)
        unclear |= reference.near  # with hysteresis, one doubtful decision makes the next ones doubtful
        for name in triggers.keys() - unclear:
            assert decided.get(name) is expected[name], (number, triggers[name])
    assert len(unclear) < len(triggers) / 2


@given(st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_the_same_inputs_give_the_same_to_the_last_bit(seed):
    triggers = of({f"t{number}": any_trigger(random.Random(seed + number)) for number in range(20)})
    runs = []
    for _ in range(2):
        made = TriggerSet(triggers, context(calibration={"top": CALIBRATION}))
        made.bind("top", PARTS)
        runs.append(
            [(dict(made.decide("top", frame)), repr(dict(made.measured))) for frame in walk(random.Random(seed), 20)]
        )
    assert runs[0] == runs[1]


@given(st.integers(0, 2**32), st.permutations(range(len(PARTS))))
@settings(max_examples=10, deadline=None)
def test_the_order_of_keypoints_and_of_individuals_does_not_matter(seed, order):
    chance = random.Random(seed)
    triggers = of({f"t{number}": any_trigger(chance) for number in range(30)})
    plain, mixed = (TriggerSet(triggers, context(calibration={"top": CALIBRATION})) for _ in range(2))
    plain.bind("top", PARTS)
    mixed.bind("top", [PARTS[place] for place in order])
    for frame in walk(chance, 20):
        rows = chance.sample(range(len(frame.ids)), len(frame.ids))
        block = frame.block[:, rows][:, :, list(order)]
        other = type(frame)(tuple(frame.ids[row] for row in rows), block, frame.stamp)
        assert plain.decide("top", frame) == mixed.decide("top", other)


def test_more_animals_than_ever_before_do_not_interrupt_those_that_are_there():
    triggers = of({"fast": {"type": "speed", "keypoints": ["neck"], "window": 0.1, "at_least": 90, "individual": "a"}})
    made = TriggerSet(triggers, context())
    made.bind("top", PARTS)
    for number in range(40):
        here = [{"neck": (number * 2.0, 10.0)}] + [{"neck": (0.0, 0.0)}] * (number // 8)
        names = ["a", *(f"new{number}_{extra}" for extra in range(len(here) - 1))]
        decided = made.decide("top", scene(number * 0.02, *reversed(here), ids=list(reversed(names))))
        assert decided.get("fast") is (True if number >= 5 else None)


def test_a_slot_that_goes_to_another_animal_brings_no_way_along():
    triggers = of({"fast": {"type": "speed", "keypoints": ["neck"], "window": 0.1, "at_least": 1}})
    made = TriggerSet(triggers, context())
    made.bind("top", PARTS)
    for number in range(10):
        assert not made.decide("top", scene(number * 0.05, {"neck": (0.0, 0.0)}, ids=["one"])).get("fast")
    for number in range(10, 20):
        decided = made.decide("top", scene(number * 0.05, {"neck": (500.0, 0.0)}, ids=["two"]))
        assert not decided.get("fast"), "the two never moved"


def test_one_that_is_only_where_the_release_is_keeps_it_true():
    """A release belongs to the trigger, not to each animal."""
    triggers = of({"home": {"type": "region", "region": "box", "release": "wide", "keypoints": ["neck"]}})
    made = TriggerSet(triggers, context())
    made.bind("top", PARTS)
    inside, near, gone = ({"neck": (x, 50.0)} for x in (50.0, 110.0, 500.0))
    scenes = [(gone, near), (inside, near), (gone, near), (gone, gone), (gone, near)]
    told = [made.decide("top", scene(number, *animals))["home"] for number, animals in enumerate(scenes)]
    assert told == [False, True, True, False, False]


def test_a_clock_that_is_set_back_by_little_makes_a_dwell_longer_by_as_much():
    triggers = of({"near": {"type": "distance", "keypoints": ["nose", "neck"], "at_most": 5, "dwell": 0.4}})
    made = TriggerSet(triggers, context())
    made.bind("top", PARTS)
    times = [0.0, 0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.4]
    told = [made.decide("top", scene(time, {"nose": (0.0, 0.0), "neck": (1.0, 0.0)}))["near"] for time in times]
    assert told == [False] * 7 + [True]


@pytest.mark.parametrize("kind", ["speed", "acceleration"])
def test_a_clock_that_is_set_back_begins_anew(kind):
    triggers = of({"it": {"type": kind, "keypoints": ["neck"], "window": 0.1, "at_least": 0}})
    made = TriggerSet(triggers, context())
    made.bind("top", PARTS)
    times = [0.0, 0.1, 0.2, 0.3, -5.0, -4.9, -4.8]
    told = [made.decide("top", scene(time, {"neck": (0.0, 0.0)})).get("it") for time in times]
    assert told[3] is True
    assert told[4] is None
    assert told[6] is True
