"""What triggers with a lower or an upper bound share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dlstream_common import Problem, misfit
from dlstream_common.settings import Unit
from dlstream_experiment.model.triggers._base import Context, PoseSettings
from dlstream_experiment.model.triggers._bounds import Degrees, NotNegative, Threshold, bounds_in_words, check_bounds

Match = Literal["any", "all"] | Annotated[int, Field(ge=1, le=1000)]
Window = Annotated[float, Field(gt=0, le=60), Unit("seconds")]


def check_different(*groups: tuple[str, ...]) -> None:
    """Refuses a keypoint that is named twice, which would count twice.

    Raises:
        ValueError: one is.
    """
    for group in groups:
        if len(set(group)) < len(group):
            raise ValueError("different keypoints")


def how_many(match: str | int, count: int) -> int:
    """The number of keypoints that `match` asks for."""
    return {"any": 1, "all": count}[match] if isinstance(match, str) else match


def check_match(match: str | int, count: int) -> None:
    """Refuses more keypoints than there are.

    Raises:
        ValueError: it asks for more.
    """
    if isinstance(match, int) and match > count:
        raise misfit("match", f"match not larger than the number of keypoints, {count}")


def listed(names: tuple[str, ...], match: str | int) -> str:
    """Keypoints in words: "the neck", "any of snout and neck", "all of snout and neck", "2 of snout, neck and ear"."""
    if len(names) == 1:
        return f"the {names[0]}"
    return f"{'at least ' if isinstance(match, int) else ''}{match} of {', '.join(names[:-1])} and {names[-1]}"


class Bounded(PoseSettings):
    """True when what it measures is >= at_least and <= at_most (the bounds that are given)."""

    at_least: NotNegative | None = None
    """True at this value and above (>=), in the unit."""
    at_most: NotNegative | None = None
    """True at this value and below (<=), in the unit."""
    release: NotNegative | None = None
    """Hysteresis: while the condition is true, this bound is used instead, in the unit."""

    @model_validator(mode="after")
    def _bounds_fit(self) -> Bounded:
        check_bounds(self.at_least, self.at_most, self.release)
        return self

    @property
    def unit_in_words(self) -> str:
        """The unit of the bounds."""
        return str(getattr(self, "unit", ""))

    def shown_bounds(self) -> Threshold:
        return Threshold(self.at_least, self.at_most, self.release, self.unit_in_words)

    @property
    def bounds(self) -> str:
        """The bounds in words."""
        return bounds_in_words(self.at_least, self.at_most, self.unit_in_words, self.release)

    def problems(self, context: Context) -> Iterator[Problem]:
        yield from super().problems(context)
        yield from self.uncalibrated(context)


class Angled(Bounded):
    """True when an angle is >= at_least and <= at_most (the bounds that are given), in degrees."""

    at_least: Degrees | None = None
    """True at this angle and above (>=)."""
    at_most: Degrees | None = None
    """True at this angle and below (<=)."""
    release: Degrees | None = None
    """Hysteresis: while the condition is true, this bound is used instead."""
    unit: Literal["degrees"] = "degrees"
    """The unit of the bounds."""
