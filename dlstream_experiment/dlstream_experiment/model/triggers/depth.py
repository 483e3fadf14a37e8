"""How far a keypoint is from the camera, or how high above the floor, by a depth camera."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dlstream_experiment.model.depth import depth_of
from dlstream_experiment.model.names import Label, Location
from dlstream_experiment.model.quantities import Condition, Test
from dlstream_experiment.model.triggers._base import Context
from dlstream_experiment.model.triggers._bounded import (
    Bounded,
    Match,
    check_different,
    check_match,
    how_many,
    listed,
)
from dlstream_experiment.model.triggers._bounds import tests


class DepthSettings(Bounded):
    """The depth of a keypoint: its distance from the camera along the optical axis, mm; with `floor` its height.

    True when it is >= at_least and <= at_most (the bounds that are given) for as many keypoints as `match` says. With
    `floor` it measures floor - depth: rearing, seen from above, is `floor: 800` with `at_least: 90`. Not measurable
    where the keypoint is not seen, or where the depth camera measured nothing at it. The pose node adds the depth to
    each pose, see `pose.depth` in the rig file. DeepLabStream has no such trigger.
    """

    type: Literal["depth"]
    keypoints: Annotated[tuple[Label, ...], Field(min_length=1, max_length=100)]
    """One or more of the network's keypoints."""
    match: Match = "any"
    """How many of the keypoints must meet the condition: any, all, or a number."""
    floor: Annotated[float, Field(gt=0, le=65535)] | None = None
    """Depth of the floor, mm: the bounds are heights above it. Left out: they are distances from the camera."""
    unit: Literal["mm"] = "mm"
    """The unit of the bounds."""

    @model_validator(mode="after")
    def _enough(self) -> DepthSettings:
        check_different(self.keypoints)
        check_match(self.match, len(self.keypoints))
        return self

    @property
    def needs_depth(self) -> bool:
        return True

    def build(self, context: Context) -> Condition:
        plain, release = tests([depth_of(name) for name in self.keypoints], self.at_least, self.at_most, self.release)
        if self.floor is not None:
            plain = _below(self.floor, plain)
            release = None if release is None else _below(self.floor, release)
        return Condition(
            plain,
            needed=how_many(self.match, len(self.keypoints)),
            release=release,
            individual=self.only,
            min_confidence=self.min_confidence,
            shown=self._shown,
        )

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return self.places("keypoints")

    def in_words(self) -> str:
        who = f"{listed(self.keypoints, 'each' if self.match == 'all' else self.match)} of {self.individual_name}"
        where = "from the camera" if self.floor is None else f"above the floor, which is {self.floor:.9g} mm away"
        return f"{who} is {self.bounds} {where}{self.shape_in_words()}"

    def _shown(self, depth: float) -> float:
        return depth if self.floor is None else self.floor - depth


def _below(floor: float, heights: tuple[Test, ...]) -> tuple[Test, ...]:
    """Tests of heights above the floor as tests of depths."""
    return tuple(Test(test.quantity, floor - test.high, floor - test.low) for test in heights)
