"""Times in a file: fixed, or random."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, model_validator

from dlstream_common import Settings, misfit
from dlstream_experiment.model.names import Seconds

Positive = Annotated[float, Field(gt=0, le=1e6)]
Whole = Annotated[int, Field(ge=0, le=1_000_000)]
_FORMS = ("uniform", "integers", "exponential", "one_of", "in_order")


class Exponential(Settings):
    """Exponentially distributed between min and max, so that the time waited so far predicts nothing."""

    mean: Positive
    """Mean in seconds before the distribution is cut to min and max; the mean after that is shown in words."""
    min: Seconds = 0.0
    """The shortest time, seconds."""
    max: Positive = 1e6
    """The longest time, seconds."""

    @model_validator(mode="after")
    def _has_room(self) -> Exponential:
        if not self.min < self.max:
            raise misfit("min", "min smaller than max")
        if not self.min <= self.mean <= self.max:
            raise misfit("mean", "a mean between min and max")
        return self

    @property
    def average(self) -> float:
        """The mean of what is drawn: of the cut distribution, in seconds."""
        width = self.max - self.min
        return self.min + self.mean - width / math.expm1(min(width / self.mean, 700.0))


class Draw(Settings):
    """A random time, drawn each time that it is needed, in one of these ways."""

    uniform: tuple[Seconds, Seconds] | None = None
    """Any time from the first to the second, in seconds."""
    integers: tuple[Whole, Whole] | None = None
    """A whole number of seconds from the first to the second, both included."""
    exponential: Exponential | None = None
    """Exponentially distributed: {mean: 20, min: 5, max: 60}."""
    one_of: Annotated[tuple[Seconds, ...], Field(min_length=1, max_length=10_000)] | None = None
    """One of these times, in seconds."""
    in_order: Annotated[tuple[Seconds, ...], Field(min_length=1, max_length=10_000)] | None = None
    """These times one after the other, then again from the first, in seconds."""

    @model_validator(mode="after")
    def _one_form(self) -> Draw:
        if sum(getattr(self, form) is not None for form in _FORMS) != 1:
            raise ValueError(f"seconds as a number, or exactly one of {', '.join(_FORMS)}")
        for pair in (self.uniform, self.integers):
            if pair is not None and pair[0] > pair[1]:
                raise ValueError("the smaller time first")
        return self

    @property
    def longest(self) -> float:
        """The longest that can be drawn, in seconds."""
        return self.exponential.max if self.exponential is not None else max(self._values)

    @property
    def _values(self) -> tuple[float, ...]:
        return self.uniform or self.integers or self.one_of or self.in_order or ()

    def __str__(self) -> str:
        if self.exponential is not None:
            e = self.exponential
            drawn = f"drawn, exponential with mean {e.mean:g} before it is cut; {e.average:.4g} s on average"
            return f"{e.min:g} to {e.max:g} s ({drawn})"
        values = [f"{value:g}" for value in self._values]
        if self.uniform is not None:
            return f"{values[0]} to {values[1]} s (drawn)"
        if self.integers is not None:
            return f"{values[0]} to {values[1]} s (a whole number, drawn)"
        joined = ", ".join(values)
        return f"one of {joined} s (drawn)" if self.one_of is not None else f"{joined} s in turn"


def _form(value: Any) -> str:
    return "draw" if isinstance(value, Mapping | Draw) else "seconds"


Duration = Annotated[Annotated[Seconds, Tag("seconds")] | Annotated[Draw, Tag("draw")], Discriminator(_form)]
"""Seconds as a number, or a Draw."""


def longest(duration: float | Draw) -> float:
    """The longest it can be, in seconds."""
    return duration.longest if isinstance(duration, Draw) else duration


def duration_in_words(duration: float | Draw) -> str:
    """The duration with its unit."""
    return str(duration) if isinstance(duration, Draw) else f"{duration:g} s"
