"""Points in polygons, for all triggers together, by the rule of `regions.Polygon`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlstream_experiment.triggers._quantity import Inside

Floats = NDArray[np.float64]


class Polygons:
    """All pairs of a point and an edge, one polygon after the other."""

    def __init__(self, polygons: Sequence[tuple[Inside, int]], width: int, out: Floats) -> None:
        """`polygons` with the place of each one's point among the columns of a (2, width) array."""
        corners = [np.array(quantity.corners, np.float64) for quantity, _ in polygons]
        a = np.concatenate(corners).T
        b = np.concatenate([np.roll(array, -1, axis=0) for array in corners]).T
        sizes = [len(array) for array in corners]
        place = np.repeat(np.array([place for _, place in polygons], np.intp), sizes)
        n = len(place)
        # Rows of y and of x, as y comes first in what tells on which side of an edge a point lies.
        self._a, self._along = np.stack((a[1], a[0])), np.stack((b[0] - a[0], b[1] - a[1]))
        self._ends = np.stack((a[1], b[1]))
        self._low, self._high = np.minimum(a, b)[::-1].copy(), np.maximum(a, b)[::-1].copy()
        self._places = np.stack((place + width, place))
        self._firsts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        self._points, self._parts, self._side = np.empty((2, n)), np.empty((2, n)), np.empty(n)
        self._above, self._crossing = np.empty((2, n), bool), np.empty(n, bool)
        self._inside, self._out = np.empty(len(sizes), bool), out

    def compute(self, points: Floats) -> None:
        """1, 0 or NaN for each; `points` flat."""
        at, parts, side, above, crossing = self._points, self._parts, self._side, self._above, self._crossing
        points.take(self._places, out=at, mode="clip")
        np.subtract(at, self._a, out=parts)
        np.multiply(parts, self._along, out=parts)
        np.subtract(parts[0], parts[1], out=side)
        np.less_equal(self._ends, at[0], out=above)
        np.greater(side, 0.0, out=crossing)
        np.equal(crossing, above[0], out=crossing)
        np.not_equal(above[0], above[1], out=above[0])
        np.logical_and(crossing, above[0], out=crossing)
        np.logical_xor.reduceat(crossing, self._firsts, out=self._inside)
        if np.count_nonzero(side) < len(side):
            self._inside |= np.logical_or.reduceat(self._on_border(), self._firsts)
        side.take(self._firsts, out=self._out, mode="clip")
        np.multiply(self._out, 0.0, out=self._out)  # NaN stays NaN
        np.add(self._out, self._inside, out=self._out)

    def _on_border(self) -> NDArray[np.bool_]:
        within = ((self._low <= self._points) & (self._points <= self._high)).all(axis=0)
        return np.asarray((self._side == 0) & within)
