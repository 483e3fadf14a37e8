"""The posture of an animal: distances and angles between its keypoints."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from dlstream_experiment.model.names import Label, Location
from dlstream_experiment.model.quantities import (
    Angle,
    Condition,
    Distance,
    DistanceRatio,
    Keypoint,
    angle_value,
    degrees_of,
)
from dlstream_experiment.model.triggers._base import Context
from dlstream_experiment.model.triggers._bounded import Angled, Bounded, check_different
from dlstream_experiment.model.triggers._bounds import tests

Pair = tuple[Label, Label]


class DistanceSettings(Bounded):
    """The distance between two keypoints of an individual, px or cm: sqrt(dx² + dy²).

    True when it is >= at_least and <= at_most (the bounds that are given). Not measurable where one of them is not
    seen. DeepLabStream has no such trigger.
    """

    type: Literal["distance"]
    keypoints: Pair
    """The two keypoints."""
    unit: Literal["px", "cm"] = "px"
    """The unit of the bounds; cm needs the camera's calibration."""

    @model_validator(mode="after")
    def _two(self) -> DistanceSettings:
        check_different(self.keypoints)
        return self

    def build(self, context: Context) -> Condition:
        a, b = (Keypoint(self.seen(name, context)) for name in self.keypoints)
        scale = self.scale(context)
        bounds = (self.at_least, self.at_most, self.release)
        plain, release = tests([Distance((a, b))], *(None if bound is None else bound * scale for bound in bounds))
        return Condition(
            plain,
            release=release,
            individual=self.only,
            min_confidence=self.min_confidence,
            shown=lambda value: value / scale,
        )

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return self.places("keypoints")

    def in_words(self) -> str:
        a, b = self.keypoints
        return f"{a} and {b} of {self.individual_name} are {self.bounds} apart{self.shape_in_words()}"


class AngleSettings(Angled):
    """The angle at the second of three keypoints, between the lines to the first and to the third, 0 to 180 degrees.

    180: they are in line. True when it is >= at_least and <= at_most (the bounds that are given). Not measurable
    where one of them is not seen, or where the second coincides with another. DeepLabStream has no such trigger.
    """

    type: Literal["angle"]
    keypoints: tuple[Label, Label, Label]
    """The first, the one at the vertex, and the third."""

    @model_validator(mode="after")
    def _three(self) -> AngleSettings:
        check_different(self.keypoints)
        return self

    def build(self, context: Context) -> Condition:
        a, vertex, b = (Keypoint(name) for name in self.keypoints)
        bounds = (self.at_least, self.at_most, self.release)
        plain, release = tests(
            [Angle((vertex, a), (vertex, b))], *(None if bound is None else angle_value(bound) for bound in bounds)
        )
        return Condition(
            plain, release=release, individual=self.only, min_confidence=self.min_confidence, shown=degrees_of
        )

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return self.places("keypoints")

    def in_words(self) -> str:
        a, vertex, b = self.keypoints
        return f"the angle {a}-{vertex}-{b} of {self.individual_name} is {self.bounds}{self.shape_in_words()}"


class RatioSettings(Bounded):
    """A distance between two keypoints divided by another one of the same individual; no unit.

    True when it is >= at_least (stretched) or <= at_most (drawn together; as seen from above, reared). It depends
    neither on the animal's size in the image nor on its place. Infinite where only the second distance is 0; not
    measurable where both are, or where a keypoint is not seen. DeepLabStream has no such trigger.
    """

    type: Literal["ratio"]
    distance: Pair
    """The two keypoints of the distance that is divided."""
    over: Pair
    """The two keypoints of the distance by which it is divided."""

    @model_validator(mode="after")
    def _twos(self) -> RatioSettings:
        check_different(self.distance, self.over)
        if set(self.distance) == set(self.over):
            raise ValueError("two distances between different keypoints: of the same pair the ratio is always 1")
        return self

    def build(self, context: Context) -> Condition:
        a, b, c, d = (Keypoint(name) for name in (*self.distance, *self.over))
        plain, release = tests([DistanceRatio((a, b), (c, d))], self.at_least, self.at_most, self.release)
        return Condition(plain, release=release, individual=self.only, min_confidence=self.min_confidence)

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return [*self.places("distance"), *self.places("over")]

    def in_words(self) -> str:
        (a, b), (c, d) = self.distance, self.over
        what = f"the distance {a}-{b} of {self.individual_name} is {self.bounds} times the distance {c}-{d}"
        return f"{what}{self.shape_in_words()}"
