"""The region trigger: which keypoints of which animal, and what it means that one is not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from experiment_poses import frame, individual

from dlstream_experiment.model.pose_array import PoseArray
from dlstream_experiment.model.regions import Rectangle
from dlstream_experiment.model.triggers import TRIGGERS, Context
from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet

BOX = Rectangle(type="rectangle", left=0, top=0, right=100, bottom=100)
IN, OUT, GONE = (50.0, 50.0), (150.0, 50.0), (np.nan, np.nan)


def trigger(**settings: Any) -> TriggerSet:
    settings = {"type": "region", "region": "box", "keypoints": ["snout", "neck"], **settings}
    made = TriggerSet({"it": TRIGGERS["region"].model_validate(settings)}, Context("top", {"box": BOX}))
    made.bind("top", ["tail", "neck", "snout"])
    return made


def decide(made: TriggerSet, *animals: Any) -> bool | None:
    """Each animal: where its snout and its neck are; its tail is always inside, and never asked for."""
    keypoints = ("tail", "neck", "snout")
    mice = [individual([IN, neck, snout], name=f"mouse{number}") for number, (snout, neck) in enumerate(animals)]
    return made.decide("top", PoseArray.of(frame(0, *mice, keypoints=keypoints))).get("it")


@pytest.mark.parametrize(
    ("snout", "neck", "any_inside", "all_inside", "any_outside", "all_outside"),
    [
        (IN, IN, True, True, False, False),
        (IN, OUT, True, False, True, False),
        (OUT, OUT, False, False, True, True),
        (IN, GONE, True, None, None, False),
        (OUT, GONE, None, False, True, None),
        (GONE, GONE, None, None, None, None),
    ],
)
def test_any_and_all_of_the_keypoints(snout, neck, any_inside, all_inside, any_outside, all_outside):
    animal = (snout, neck)
    assert decide(trigger(match="any"), animal) is any_inside
    assert decide(trigger(match="all"), animal) is all_inside
    assert decide(trigger(match="any", inside=False), animal) is any_outside
    assert decide(trigger(match="all", inside=False), animal) is all_outside
    missing = trigger(match="any", missing="false")
    assert decide(missing, animal) is bool(any_inside)


def test_one_of_several_animals_is_enough():
    inside, outside, gone = (IN, IN), (OUT, OUT), (GONE, GONE)
    assert decide(trigger(), outside, inside) is True
    assert decide(trigger(), outside, outside) is False
    assert decide(trigger(), outside, gone) is False, "an animal of which nothing is seen is not there"
    assert decide(trigger(), gone, gone) is None
    assert decide(trigger(), outside, (OUT, GONE)) is None, "the second animal's neck may be inside"
    assert decide(trigger()) is None


def test_a_named_individual():
    only = trigger(individual="mouse1")
    assert decide(only, (IN, IN), (OUT, OUT)) is False
    assert decide(only, (OUT, OUT), (IN, IN)) is True
    assert decide(only, (IN, IN)) is None


def test_confidence_equal_to_the_minimum_counts_as_seen():
    made = trigger(min_confidence=0.5, keypoints=["neck"])
    for confidence, expected in ((0.5, True), (0.49, None), (np.nan, None)):
        animal = individual([IN, IN, IN], confidence)
        poses = PoseArray.of(frame(0, animal, keypoints=("tail", "neck", "snout")))
        assert made.decide("top", poses).get("it") is expected


def test_keypoints_are_found_by_name_and_not_by_place():
    made = trigger(keypoints=["neck"])
    assert decide(made, (OUT, IN)) is True
    made.bind("top", ["snout", "neck"])
    swapped = frame(0, individual([IN, OUT]), keypoints=("snout", "neck"))
    assert made.decide("top", PoseArray.of(swapped)) == {"it": False}
    with pytest.raises(KeyError, match="neck"):
        made.bind("top", ["snout", "nek"])
