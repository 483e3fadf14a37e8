"""A trigger in words is what people proof-read: every key that changes a decision changes the words."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import ValidationError

from dlstream_common.plugins import own_parts_only
from dlstream_experiment.describe.words import region_in_words, trigger_in_words, usual_in_words
from dlstream_experiment.model.regions import REGIONS
from dlstream_experiment.model.triggers import TRIGGERS

PARTS = ("nose", "neck", "tailroot")
BASES: dict[str, list[dict[str, Any]]] = {
    "region": [{"region": "left", "keypoints": PARTS}],
    "direction": [
        {"start": "neck", "end": "nose", "edge": "north", "at_most": 30},
        {"start": "neck", "end": "nose", "point": (5.0, 6.0), "at_least": 30},
    ],
    "head_direction": [{"point": (5.0, 6.0), "at_most": 30}, {"point": (5.0, 6.0), "at_least": 30}],
    "ego_head_direction": [{"at_most": 30}, {"at_least": 30}],
    "head_direction_region": [{"point": (5.0, 6.0), "at_most": 30, "region": "left"}],
    "speed": [{"keypoints": PARTS, "at_most": 30}, {"keypoints": PARTS, "at_least": 30}],
    "freeze": [{"keypoints": PARTS, "at_most": 30}],
    "acceleration": [{"keypoints": PARTS, "at_most": 30}, {"keypoints": PARTS, "at_least": 30}],
    "depth": [{"keypoints": PARTS, "at_most": 30}, {"keypoints": PARTS, "at_least": 30, "floor": 800.0}],
    "distance": [{"keypoints": ("nose", "neck"), "at_most": 30}],
    "angle": [{"keypoints": PARTS, "at_most": 30}],
    "ratio": [{"distance": ("nose", "neck"), "over": ("neck", "tailroot"), "at_most": 30}],
    "social": [{"active": PARTS, "passive": PARTS, "at_most": 30}],
    "topic": [
        {"topic": "/a", "message": "std_msgs/msg/Float64", "at_least": 30},
        {"topic": "/a", "message": "std_msgs/msg/Float64", "equals": "no"},
    ],
    "input": [{"input": "lever"}],
    "and": [{"triggers": ("a", "b")}],
    "or": [{"triggers": ("a", "b")}],
    "not": [{"trigger": "a"}],
    "sequence": [{"triggers": ("a", "b"), "within": 5}],
    "count": [{"trigger": "a", "times": 5, "within": 5}],
    "classifier": [
        {"keypoints": PARTS, "reference": "neck", "window": 1, "samples": 4, "behaviour": 5, "at_least": 0.5}
    ],
}
OTHERS: list[Any] = [True, False, 0.125, 0.25, 1, 2, 3, 29.0000001, 31, 45.5, (1.0, 2.0), (640, 480)]
OTHERS += ["other", "/b", "std_msgs/msg/Bool", ("nose", "ear"), ("nose", "ear", "tail"), ("c", "b")]
EXEMPT = {"python": {"class_", "options"}}
"""A trigger of the user's own says itself."""
with own_parts_only():  # whoever runs the tests may have installed others
    KINDS = [name for name in TRIGGERS if name not in EXEMPT]


def choices(annotation: Any) -> list[Any]:
    """Every value of the Literals in an annotation."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [value for part in get_args(annotation) for value in choices(part)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_changes_the_words(tmp_path, kind):
    model = TRIGGERS[kind]
    files = [tmp_path / name for name in ("net.onnx", "other.onnx")]
    for file in files:
        file.touch()

    def made(words: dict[str, Any]) -> Any:
        if kind == "classifier":
            words = {"network": files[0], **words}
        return model.model_validate({"type": kind, **words}, strict=True)

    untold, changed = [], set()
    for base in BASES[kind]:
        plain = made(base)
        for name, field in model.model_fields.items():
            for value in [*choices(field.annotation), *OTHERS, files[1]]:
                try:
                    other = made({**base, field.alias or name: value})
                except ValidationError:
                    continue
                if getattr(other, name) != getattr(plain, name):
                    changed.add(name)
                    if trigger_in_words(other) == trigger_in_words(plain):
                        untold.append(f"{name}: {value}")
    fixed = {name for name, field in model.model_fields.items() if len(choices(field.annotation)) == 1}
    assert untold == []
    assert changed == set(model.model_fields) - fixed, "every key was changed at least once"


def test_what_is_not_said_of_each_trigger_is_said_of_all():
    told = usual_in_words([TRIGGERS["and"].model_validate({"type": "and", "triggers": ("a", "b")})])
    assert told == ""
    told = usual_in_words([TRIGGERS["speed"].model_validate({"type": "speed", **BASES["speed"][0]})])
    assert "confidence of 0.5" in told
    assert "stays as it was" in told


def test_a_region_says_its_measures_first():
    words = {"type": "circle", "center": (1, 2), "radius": 1234567.5 / 10, "beyond_image": True, "camera": "side"}
    assert region_in_words(REGIONS["circle"].model_validate(words), "top") == (
        "circle: center (1, 2), radius 123456.75; camera 'side'; it may reach beyond the image"
    )
