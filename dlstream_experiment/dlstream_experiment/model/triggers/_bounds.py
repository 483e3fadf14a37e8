"""Lower and upper bounds of what a trigger measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from dlstream_common.settings import Unit, misfit
from dlstream_experiment.model.quantities import INFINITY, Quantity, Test

Number = Annotated[float, Field(ge=-1e12, le=1e12)]
Degrees = Annotated[float, Field(ge=0, le=180), Unit("degrees")]
NotNegative = Annotated[float, Field(ge=0, le=1e9)]


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where a trigger's measured value makes it true, for people who watch: None is no such bound.

    Attributes:
        release: takes the place of the one bound while the trigger is true.
        unit: of the measured value and the bounds.
    """

    at_least: float | None = None
    at_most: float | None = None
    release: float | None = None
    unit: str = ""


def check_bounds(
    at_least: float | None, at_most: float | None, release: float | None, keys: str = "at_least or at_most"
) -> None:
    """Refuses bounds that contradict each other.

    Raises:
        ValueError: none is given, none lies between them, or a release that is on the wrong side or one of two.
    """
    if at_least is None and at_most is None:
        raise ValueError(f"a bound: {keys}")
    if at_least is not None and at_most is not None:
        if at_least > at_most:
            raise misfit("at_least", "at_least not larger than at_most")
        if release is not None:
            raise misfit("release", "a release with one bound only, not with both at_least and at_most")
    elif release is not None:
        if at_least is not None and release > at_least:
            raise misfit("release", "a release not larger than at_least, since it is used while the trigger is true")
        if at_most is not None and release < at_most:
            raise misfit("release", "a release not smaller than at_most, since it is used while the trigger is true")


def bounds_in_words(at_least: float | None, at_most: float | None, unit: str, release: float | None = None) -> str:
    """Such as "at least 5 px (once true, down to 4 px)" or "between 5 and 10 px"."""
    unit = f" {unit}" if unit else ""
    way = "down to" if at_least is not None else "up to"
    then = "" if release is None else f" (once true, {way} {release:.9g}{unit})"
    if at_least is None:
        return f"at most {at_most:.9g}{unit}{then}"
    if at_most is None:
        return f"at least {at_least:.9g}{unit}{then}"
    return f"between {at_least:.9g} and {at_most:.9g}{unit}"


def tests(
    quantities: Sequence[Quantity], at_least: float | None, at_most: float | None, release: float | None
) -> tuple[tuple[Test, ...], tuple[Test, ...] | None]:
    """Tests of quantities with bounds in the quantities' own unit; and those while the condition is true."""
    low = -INFINITY if at_least is None else at_least
    high = INFINITY if at_most is None else at_most
    plain = tuple(Test(quantity, low, high) for quantity in quantities)
    if release is None:
        return plain, None
    low, high = (release, high) if at_least is not None else (low, release)
    return plain, tuple(Test(quantity, low, high) for quantity in quantities)
