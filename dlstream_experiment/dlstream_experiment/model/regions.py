"""Regions of a camera's image: a circle, an ellipse, a rectangle or a polygon, its border included.

Pixels of the full image, x right, y down, origin at the centre of the top-left pixel. A point that was not
detected (NaN) lies in no region.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from math import sqrt
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, field_validator, model_validator

from dlstream_common import Settings, misfit
from dlstream_common.settings import Unit
from dlstream_experiment.model._unions import any_of
from dlstream_experiment.model.angles import cos_degrees, sin_degrees
from dlstream_experiment.model.names import Name

Pixel = Annotated[float, Field(ge=-1e6, le=1e6), Unit("pixels")]
Length = Annotated[float, Field(gt=0, le=1e6), Unit("pixels")]
Point = tuple[Pixel, Pixel]
Floats = NDArray[np.float64]

_OUTLINE_POINTS = 72


class Region(Settings):
    """Part of a camera's image."""

    type: str
    camera: Name | None = None
    """The camera in whose image it lies; if omitted: the experiment's."""
    beyond_image: bool = False
    """true: it may reach beyond the image; false: that is refused, as its numbers are then mostly for another image."""

    @abstractmethod
    def contains(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        """Whether each point lies inside or on the border; any shape, x and y alike."""

    @abstractmethod
    def outline(self) -> NDArray[np.float32]:
        """The corners of a polygon to draw, (P, 2); it closes itself."""

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The smallest and largest x and y: (left, top, right, bottom)."""
        corners = self.outline()
        left, top = corners.min(axis=0)
        right, bottom = corners.max(axis=0)
        return float(left), float(top), float(right), float(bottom)


class Circle(Region):
    """All points with (x - center x)^2 + (y - center y)^2 <= radius^2."""

    type: Literal["circle"]
    center: Point
    """x and y."""
    radius: Length

    def contains(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        dx = np.asarray(x, np.float64) - self.center[0]
        dy = np.asarray(y, np.float64) - self.center[1]
        return np.asarray(dx * dx + dy * dy <= self.radius * self.radius)

    def outline(self) -> NDArray[np.float32]:
        angle = np.linspace(0, 2 * np.pi, _OUTLINE_POINTS, endpoint=False)
        circle = np.stack((np.cos(angle), np.sin(angle)), axis=1)
        return (circle * self.radius + self.center).astype(np.float32)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        (x, y), r = self.center, self.radius
        return x - r, y - r, x + r, y + r


class Ellipse(Region):
    """The distances to its two foci add up to at most twice the larger radius.

    The same as ((dx cos r + dy sin r) / a)^2 + ((dy cos r - dx sin r) / b)^2 <= 1 for a point at (dx, dy) from the
    center, radii a and b, rotation r. DeepLabStream has only circles.
    """

    type: Literal["ellipse"]
    center: Point
    """x and y."""
    radii: tuple[Length, Length]
    """From the center to the border, along its two axes; pixels."""
    rotation: Annotated[float, Field(ge=-360, le=360)] = 0.0
    """Degrees from the x axis to the first of its axes, clockwise as seen in the image."""

    @cached_property
    def foci(self) -> tuple[Point, Point]:
        """The two points whose distances add up."""
        a, b = self.radii
        along, across = cos_degrees(self.rotation), sin_degrees(self.rotation)
        if b > a:
            a, b, along, across = b, a, -across, along
        reach = sqrt((a - b) * (a + b))
        (x, y), dx, dy = self.center, reach * along, reach * across
        return (x - dx, y - dy), (x + dx, y + dy)

    @property
    def reach(self) -> float:
        """What the distances to the foci add up to on the border, pixels."""
        return 2 * max(self.radii)

    def contains(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        (x0, y0), (x1, y1) = self.foci
        first = np.sqrt((x - x0) * (x - x0) + (y - y0) * (y - y0))
        second = np.sqrt((x - x1) * (x - x1) + (y - y1) * (y - y1))
        return np.asarray(first + second <= self.reach)

    def outline(self) -> NDArray[np.float32]:
        angle = np.linspace(0, 2 * np.pi, _OUTLINE_POINTS, endpoint=False)
        along, across = self.radii[0] * np.cos(angle), self.radii[1] * np.sin(angle)
        c, s = cos_degrees(self.rotation), sin_degrees(self.rotation)
        ellipse = np.stack((along * c - across * s, along * s + across * c), axis=1)
        return (ellipse + self.center).astype(np.float32)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        (x, y), (a, b) = self.center, self.radii
        c, s = cos_degrees(self.rotation), sin_degrees(self.rotation)
        dx, dy = sqrt((a * c) ** 2 + (b * s) ** 2), sqrt((a * s) ** 2 + (b * c) ** 2)
        return x - dx, y - dy, x + dx, y + dy


class Rectangle(Region):
    """All points with left <= x <= right and top <= y <= bottom."""

    type: Literal["rectangle"]
    left: Pixel
    top: Pixel
    right: Pixel
    bottom: Pixel

    @model_validator(mode="after")
    def _has_area(self) -> Rectangle:
        if not (self.left < self.right and self.top < self.bottom):
            raise misfit("left", "left smaller than right and top smaller than bottom")
        return self

    def contains(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        return np.asarray((self.left <= x) & (x <= self.right) & (self.top <= y) & (y <= self.bottom))

    def outline(self) -> NDArray[np.float32]:
        corners = [(self.left, self.top), (self.right, self.top), (self.right, self.bottom), (self.left, self.bottom)]
        return np.array(corners, np.float32)


class Polygon(Region):
    """Inside by the even-odd rule: a ray from the point crosses the border an odd number of times."""

    type: Literal["polygon"]
    points: Annotated[tuple[Point, ...], Field(min_length=3, max_length=500)]
    """The corners in their order along the border, three or more; the last is joined to the first."""

    @field_validator("points")
    @classmethod
    def _is_simple(cls, points: tuple[Point, ...]) -> tuple[Point, ...]:
        a = np.array(points, np.float64)
        b = np.roll(a, -1, axis=0)
        if np.any(np.all(a == b, axis=1)):
            raise ValueError("corners that differ from the one before (the polygon closes itself)")
        from_first, along = a - a[0], b[0] - a[0]
        if np.all(np.abs(along[0] * from_first[:, 1] - along[1] * from_first[:, 0]) <= 1e-6):
            raise ValueError("corners that are not all on one line")
        if _crosses_itself(a, b):
            raise ValueError("corners in their order along the border: these edges cross each other")
        return points

    @cached_property
    def _edges(self) -> tuple[Floats, Floats, Floats, Floats]:
        a = np.array(self.points, np.float64)
        b = np.roll(a, -1, axis=0)
        return a[:, 0], a[:, 1], b[:, 0], b[:, 1]

    def contains(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        px = np.asarray(x, np.float64)[..., np.newaxis]
        py = np.asarray(y, np.float64)[..., np.newaxis]
        ax, ay, bx, by = self._edges
        side = (bx - ax) * (py - ay) - (px - ax) * (by - ay)  # > 0 on one side of the edge's line, 0 on it
        crossing = ((ay <= py) & (py < by) & (side > 0)) | ((by <= py) & (py < ay) & (side < 0))
        within = (np.minimum(ax, bx) <= px) & (px <= np.maximum(ax, bx))
        within &= (np.minimum(ay, by) <= py) & (py <= np.maximum(ay, by))
        on_border = np.any((side == 0) & within, axis=-1)
        return np.asarray((np.count_nonzero(crossing, axis=-1) % 2 == 1) | on_border)

    def outline(self) -> NDArray[np.float32]:
        return np.array(self.points, np.float32)


def _crosses_itself(a: Floats, b: Floats) -> bool:
    """Whether any two edges a[i]-b[i] that are not neighbours touch, or two neighbours fold back on each other."""

    def side(p: Floats, q: Floats, r: Floats) -> Floats:
        """On which side of the line p-q each r lies, for all pairs: (N, M) of -1, 0 and 1."""
        d = q - p
        return np.asarray(
            np.sign(d[:, None, 0] * (r[None, :, 1] - p[:, None, 1]) - d[:, None, 1] * (r[None, :, 0] - p[:, None, 0]))
        )

    to_a, to_b = side(a, b, a), side(a, b, b)
    low, high = np.minimum(a, b), np.maximum(a, b)
    near = np.all((low[:, None] <= high[None]) & (low[None] <= high[:, None]), axis=2)
    touch = near & (to_a * to_b <= 0) & (to_a.T * to_b.T <= 0)
    n = len(a)
    index = np.arange(n)
    apart = np.abs(index[:, None] - index[None])
    if bool(np.any(touch & (apart > 1) & (apart < n - 1))):
        return True
    following = np.roll(b, -1, axis=0) - b
    own = b - a
    straight = own[:, 0] * following[:, 1] - own[:, 1] * following[:, 0] == 0
    return bool(np.any(straight & (np.sum(own * following, axis=1) < 0)))


REGIONS: dict[str, type[Region]] = {
    "circle": Circle,
    "ellipse": Ellipse,
    "polygon": Polygon,
    "rectangle": Rectangle,
}

if TYPE_CHECKING:
    AnyRegion = Region
else:
    AnyRegion = any_of(REGIONS)
