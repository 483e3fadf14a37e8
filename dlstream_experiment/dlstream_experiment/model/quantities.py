"""What triggers measure on poses: numbers that can be computed for all triggers together.

Lengths are pixels, times nanoseconds; NaN where something was not seen. See `_table.py` for how they are computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from dlstream_experiment.model.angles import angle_degrees, cos_degrees

INFINITY = float("inf")

TRUE, FALSE, UNKNOWN = 3, 1, 0
"""What is known of a condition, and of one individual; 2 is not told either: something is seen, and yet tells
nothing. Of a condition it is the most that is known of any individual."""


@dataclass(frozen=True, slots=True)
class Part:
    """A keypoint of the individual (`who` 0), or of the other one of a pair (1)."""

    keypoint: str
    who: int = 0


@dataclass(frozen=True, slots=True)
class Fixed:
    """A place in the image, pixels."""

    x: float
    y: float


Point = Part | Fixed
Vector = tuple[Point, Point]
"""From the first to the second."""


@dataclass(frozen=True, slots=True)
class Square:
    """dx² + dy², px²."""

    vector: Vector


@dataclass(frozen=True, slots=True)
class Length:
    """sqrt(dx² + dy²), px."""

    vector: Vector


@dataclass(frozen=True, slots=True)
class Lengths:
    """The sum of two lengths, px: constant along an ellipse whose foci are two of the ends."""

    first: Vector
    second: Vector


@dataclass(frozen=True, slots=True)
class Quotient:
    """The first length divided by the second; infinite where only the second is 0, NaN where both are."""

    first: Vector
    second: Vector


@dataclass(frozen=True, slots=True)
class Turn:
    """1 - cos of the angle between two vectors, 0 to 2: it grows with the angle.

    With `sided` it has the sign of the turn from the first to the second as one sees it in the image: positive is
    clockwise. NaN where one of them has no length.
    """

    first: Vector
    second: Vector
    sided: bool = False


@dataclass(frozen=True, slots=True)
class Depth:
    """min(x - left, right - x, y - top, bottom - y), px: at least 0 inside of a rectangle and on its border."""

    point: Part
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Inside:
    """1 inside of a polygon and on its border, 0 outside."""

    point: Part
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """The way of a keypoint over a window, divided by the time that it took, px/ns; see `_motion.py`."""

    point: Part
    window: int
    path: bool


@dataclass(frozen=True, slots=True)
class Gain:
    """The pace over a window minus that over the window before, divided by the time between their middles, px/ns²."""

    point: Part
    window: int
    path: bool


Quantity = Square | Length | Lengths | Quotient | Turn | Depth | Inside | Pace | Gain


def vectors(quantity: Quantity) -> tuple[Vector, ...]:
    """The vectors that a quantity is made of."""
    if isinstance(quantity, Square | Length):
        return (quantity.vector,)
    if isinstance(quantity, Lengths | Quotient | Turn):
        return (quantity.first, quantity.second)
    if isinstance(quantity, Depth):
        corner, opposite = Fixed(quantity.left, quantity.top), Fixed(quantity.right, quantity.bottom)
        return ((corner, quantity.point), (quantity.point, opposite))
    return ()


def points(quantity: Quantity) -> tuple[Part, ...]:
    """The keypoints that a quantity needs."""
    if isinstance(quantity, Inside | Pace | Gain):
        return (quantity.point,)
    return tuple(point for vector in vectors(quantity) for point in vector if isinstance(point, Part))


@dataclass(frozen=True, slots=True)
class Test:
    """low <= quantity <= high; not told where the quantity is NaN."""

    __test__ = False  # not one of pytest's

    quantity: Quantity
    low: float
    high: float


def _as_is(value: float) -> float:
    return value


@dataclass(frozen=True, slots=True)
class Condition:
    """A trigger's condition on the individuals of a frame.

    For one individual (or a pair): true where at least `needed` of the tests are; false where the others can't
    reach that any more; else not told. The trigger: true when it is for any individual; false when it is for all of
    those of which anything was measured (one at least); else not told.

    Attributes:
        tests: looked at while the condition is not true.
        release: looked at in their place while it is true; None: the same.
        individual: the id of the only one that counts; None: each. The first of a pair.
        pair: whether it is about pairs of different individuals.
        other: the second of a pair, as `individual`.
        min_confidence: keypoints with less are not seen.
        shown: a quantity in the trigger's own unit; None: the number of tests that hold is what it measures.
    """

    tests: tuple[Test, ...]
    needed: int = 1
    release: tuple[Test, ...] | None = None
    individual: str | None = None
    pair: bool = False
    other: str | None = None
    min_confidence: float = 0.5
    shown: Callable[[float], float] | None = _as_is


def turn_of(degrees: float) -> float:
    """What a `Turn` is at an angle of -180 to 180 degrees."""
    turn = 1 - cos_degrees(degrees)
    return -turn if degrees < 0 else turn


def degrees_of(turn: float) -> float:
    """The angle of a `Turn`, -180 to 180 degrees."""
    cosine = min(1.0, max(-1.0, 1 - abs(turn)))
    angle = angle_degrees(cosine, sqrt(max(0.0, (1 - cosine) * (1 + cosine))))
    return -angle if turn < 0 else angle
