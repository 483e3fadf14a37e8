"""How fast an animal moves, and how its speed changes, over a window of time (never of frames)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dlstream_experiment.model.names import SECOND, Label, Location, nanoseconds
from dlstream_experiment.model.quantities import Acceleration, Condition, Keypoint, Speed
from dlstream_experiment.model.triggers._base import Context
from dlstream_experiment.model.triggers._bounded import (
    Bounded,
    Match,
    Window,
    check_different,
    check_match,
    how_many,
    listed,
)
from dlstream_experiment.model.triggers._bounds import Number, tests

_Kind = type[Speed] | type[Acceleration]


class _Moving(Bounded):
    keypoints: Annotated[tuple[Label, ...], Field(min_length=1, max_length=100)]
    """One or more of the network's keypoints."""
    match: Match = "any"
    """How many of the keypoints must meet the condition: any, all, or a number."""
    window: Window = 0.1
    """Seconds over which it is measured, at least: back to the newest frame that is that old."""
    way: Literal["path", "displacement"] = "path"
    """path: the sum of the distances from frame to frame; displacement: the straight line from the start to the end of
    the window, which the jitter of a resting keypoint does not lengthen."""

    @model_validator(mode="after")
    def _enough(self) -> _Moving:
        check_different(self.keypoints)
        check_match(self.match, len(self.keypoints))
        return self

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return self.places("keypoints")

    def _condition(self, kind: _Kind, unit: float, context: Context) -> Condition:
        """`unit`: what a value of 1 of the file's unit is divided by to be in nanoseconds and what `seen` is in."""
        parts = [Keypoint(self.seen(name, context)) for name in self.keypoints]
        quantities = [kind(part, nanoseconds(self.window), self.way == "path") for part in parts]
        bounds = (self.at_least, self.at_most, self.release)
        plain, release = tests(quantities, *(None if bound is None else bound / unit for bound in bounds))
        return Condition(
            plain,
            needed=how_many(self.match, len(self.keypoints)),
            release=release,
            individual=self.only,
            min_confidence=self.min_confidence,
            shown=lambda value: value * unit,
        )

    def _who(self) -> str:
        match = "each" if self.match == "all" else self.match
        return f"{listed(self.keypoints, match)} of {self.individual_name}"

    def _over(self) -> str:
        line = " in a straight line from its start to its end" if self.way == "displacement" else ""
        return f"over {self.window:.9g} s{line}{self.shape_in_words()}"


class _Speed(_Moving):
    unit: Literal["px/s", "cm/s"] = "px/s"
    """The unit of the bounds; cm/s needs the camera's calibration."""

    def build(self, context: Context) -> Condition:
        return self._condition(Speed, SECOND / self.scale(context), context)

    def in_words(self) -> str:
        return f"the speed of {self._who()} is {self.bounds} {self._over()}"


class SpeedSettings(_Speed):
    """How far a keypoint moved in the window, divided by the time that it took, px/s or cm/s.

    True when it is >= at_least and <= at_most (the bounds that are given) for as many keypoints as `match` says. The
    window of a frame begins with the newest frame that is at least `window` older, and the motion with the keypoint's
    last sighting up to then. Not measurable where the keypoint is not seen now, where the poses are not yet as old as
    the window, or where the keypoint had been out of sight for longer than the window as it began. DeepLabStream's
    SpeedTrigger compares the path itself over a number of frames: path p over n frames at f frames a second is
    `at_least: p * f / n` with `window: n / f`; until its window is full it is false, and its FreezeTrigger true.
    """

    type: Literal["speed"]


class FreezeSettings(_Speed):
    """As speed, for an animal that keeps still: all keypoints unless `match` says otherwise, and mostly `at_most`.

    True when the speed is <= at_most (and >= at_least, where given), px/s or cm/s. Add `dwell` for a minimum
    duration. DeepLabStream's FreezeTrigger: path p over n frames at f frames a second is `at_most: p * f / n` with
    `window: n / f`.
    """

    type: Literal["freeze"]
    match: Match = "all"
    """How many of the keypoints must meet the condition: any, all, or a number."""


class AccelerationSettings(_Moving):
    """(speed over the window - speed over the window before it) / time between their middles, px/s² or cm/s².

    True when it is >= at_least and <= at_most (the bounds that are given): positive as the animal becomes faster,
    negative as it becomes slower. Measurable where both speeds are; see speed. DeepLabStream has no such trigger.
    """

    type: Literal["acceleration"]
    at_least: Number | None = None
    """True at this value and above (>=), in the unit."""
    at_most: Number | None = None
    """True at this value and below (<=), in the unit."""
    release: Number | None = None
    """Hysteresis: while the condition is true, this bound is used instead, in the unit."""
    unit: Literal["px/s2", "cm/s2"] = "px/s2"
    """The unit of the bounds; cm/s2 needs the camera's calibration."""

    def build(self, context: Context) -> Condition:
        return self._condition(Acceleration, SECOND * SECOND / self.scale(context), context)

    def in_words(self) -> str:
        return f"the acceleration of {self._who()} is {self.bounds} {self._over()}"
