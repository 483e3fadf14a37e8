"""What triggers measure on poses: quantities that are computed for all triggers of a camera together.

Lengths are in pixels, times in nanoseconds. A quantity is NaN where one of its keypoints is not seen. These classes
only describe what is measured; `runtime/triggers/kernel.py` computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from dlstream_experiment.model.angles import angle_degrees, cos_degrees

INFINITY = float("inf")


@dataclass(frozen=True, slots=True)
class Keypoint:
    """A keypoint by its name.

    Attributes:
        animal: 0: of the individual that the condition looks at; 1: of the other one of a pair.
    """

    name: str
    animal: int = 0


@dataclass(frozen=True, slots=True)
class Fixed:
    """A fixed place in the image, pixels."""

    x: float
    y: float


Point = Keypoint | Fixed
Vector = tuple[Point, Point]
"""From the first point to the second."""


@dataclass(frozen=True, slots=True)
class SquaredDistance:
    """dx² + dy², px²."""

    vector: Vector


@dataclass(frozen=True, slots=True)
class Distance:
    """sqrt(dx² + dy²), px."""

    vector: Vector


@dataclass(frozen=True, slots=True)
class SumOfDistances:
    """The sum of two distances, px: constant along an ellipse that has two of the ends as its foci."""

    first: Vector
    second: Vector


@dataclass(frozen=True, slots=True)
class DistanceRatio:
    """The first distance divided by the second; infinite where only the second is 0, NaN where both are."""

    first: Vector
    second: Vector


@dataclass(frozen=True, slots=True)
class Angle:
    """1 - cos of the angle between two vectors, 0 to 2: it grows with the angle.

    With `sided` it has the sign of the rotation from the first to the second as seen in the image: positive is
    clockwise. NaN where one of the vectors has no length.
    """

    first: Vector
    second: Vector
    sided: bool = False


@dataclass(frozen=True, slots=True)
class EdgeDistance:
    """min(x - left, right - x, y - top, bottom - y), px: 0 or more inside a rectangle and on its border."""

    point: Keypoint
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Inside:
    """1 inside a polygon and on its border, 0 outside."""

    point: Keypoint
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Speed:
    """How far a keypoint moved in a window, divided by the time that it took, px/ns; see `kernel.py`."""

    point: Keypoint
    window: int
    path: bool


@dataclass(frozen=True, slots=True)
class Acceleration:
    """(speed in a window - speed in the window before it) / time between the middles of the two, px/ns²."""

    point: Keypoint
    window: int
    path: bool


Quantity = (
    SquaredDistance | Distance | SumOfDistances | DistanceRatio | Angle | EdgeDistance | Inside | Speed | Acceleration
)


def vectors(quantity: Quantity) -> tuple[Vector, ...]:
    """The vectors that a quantity is made of."""
    if isinstance(quantity, SquaredDistance | Distance):
        return (quantity.vector,)
    if isinstance(quantity, SumOfDistances | DistanceRatio | Angle):
        return (quantity.first, quantity.second)
    if isinstance(quantity, EdgeDistance):
        corner, opposite = Fixed(quantity.left, quantity.top), Fixed(quantity.right, quantity.bottom)
        return ((corner, quantity.point), (quantity.point, opposite))
    return ()


def keypoints_of(quantity: Quantity) -> tuple[Keypoint, ...]:
    """The keypoints that a quantity needs."""
    if isinstance(quantity, Inside | Speed | Acceleration):
        return (quantity.point,)
    return tuple(point for vector in vectors(quantity) for point in vector if isinstance(point, Keypoint))


@dataclass(frozen=True, slots=True)
class Test:
    """low <= quantity <= high; unknown where the quantity is NaN."""

    __test__ = False  # not one of pytest's

    quantity: Quantity
    low: float
    high: float


def _unchanged(value: float) -> float:
    return value


@dataclass(frozen=True, slots=True)
class Condition:
    """A trigger's condition on the individuals of a frame.

    For one individual (or a pair) it is true where at least `needed` of the tests pass, false where the remaining tests
    can no longer make it true, and otherwise unknown. For the trigger it is true when it is true for any individual,
    false when it is false for every individual that could be measured (at least one), and otherwise unknown.

    Attributes:
        tests: applied while the condition is not true.
        release: applied in their place while it is true; None: the same tests.
        individual: the id of the only individual that counts, or of the first of a pair; None: any.
        pair: whether it is about pairs of different individuals.
        other: the id of the second of a pair; None: any.
        min_confidence: keypoints with less confidence are not seen.
        shown: converts a quantity to the trigger's unit; None: the trigger measures how many tests pass.
    """

    tests: tuple[Test, ...]
    needed: int = 1
    release: tuple[Test, ...] | None = None
    individual: str | None = None
    pair: bool = False
    other: str | None = None
    min_confidence: float = 0.5
    shown: Callable[[float], float] | None = _unchanged


def angle_value(degrees: float) -> float:
    """What an `Angle` is at -180 to 180 degrees."""
    value = 1 - cos_degrees(degrees)
    return -value if degrees < 0 else value


def degrees_of(value: float) -> float:
    """The degrees of an `Angle`, -180 to 180."""
    cosine = min(1.0, max(-1.0, 1 - abs(value)))
    angle = angle_degrees(cosine, sqrt(max(0.0, (1 - cosine) * (1 + cosine))))
    return -angle if value < 0 else angle
