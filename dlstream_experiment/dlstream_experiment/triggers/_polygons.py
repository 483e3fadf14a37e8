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
        self._ax, self._ay, self._bx, self._by = (np.ascontiguousarray(part) for part in (a[0], a[1], b[0], b[1]))
        self._dx, self._dy = self._bx - self._ax, self._by - self._ay
        self._xy = np.concatenate((place, place + width))
        self._firsts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        n = len(place)
        self._points = np.empty(2 * n)
        self._px, self._py = self._points[:n], self._points[n:]
        self._side, self._other = np.empty(n), np.empty(n)
        self._above, self._below, self._crossing = np.empty(n, bool), np.empty(n, bool), np.empty(n, bool)
        self._inside, self._out = np.empty(len(sizes), bool), out

    def compute(self, points: Floats) -> None:
        """1, 0 or NaN for each; `points` flat."""
        px, py, side, other = self._px, self._py, self._side, self._other
        above, below, crossing, inside = self._above, self._below, self._crossing, self._inside
        points.take(self._xy, out=self._points, mode="clip")
        np.subtract(py, self._ay, out=side)
        np.multiply(side, self._dx, out=side)
        np.subtract(px, self._ax, out=other)
        np.multiply(other, self._dy, out=other)
        np.subtract(side, other, out=side)
        np.less_equal(self._ay, py, out=above)
        np.less_equal(self._by, py, out=below)
        np.greater(side, 0.0, out=crossing)
        np.equal(crossing, above, out=crossing)
        np.not_equal(above, below, out=above)
        np.logical_and(crossing, above, out=crossing)
        np.logical_xor.reduceat(crossing, self._firsts, out=inside)
        if np.count_nonzero(side) < len(side):
            inside |= np.logical_or.reduceat(self._on_border(), self._firsts)
        side.take(self._firsts, out=self._out, mode="clip")
        np.multiply(self._out, 0.0, out=self._out)  # NaN stays NaN
        np.add(self._out, inside, out=self._out)

    def _on_border(self) -> NDArray[np.bool_]:
        px, py = self._px, self._py
        within = (np.minimum(self._ax, self._bx) <= px) & (px <= np.maximum(self._ax, self._bx))
        within &= (np.minimum(self._ay, self._by) <= py) & (py <= np.maximum(self._ay, self._by))
        return np.asarray((self._side == 0) & within)
