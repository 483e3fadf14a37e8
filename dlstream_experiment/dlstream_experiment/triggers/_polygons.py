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
        self._points = np.empty(2 * len(place))
        self._px, self._py = self._points[: len(place)], self._points[len(place) :]
        self._out = out

    def compute(self, points: Floats) -> None:
        """1, 0 or NaN for each."""
        px, py = self._px, self._py
        np.take(points, self._xy, out=self._points, mode="clip")
        side = self._dx * (py - self._ay) - (px - self._ax) * self._dy
        above = self._ay <= py
        crossing = (above != (self._by <= py)) & ((side > 0) == above)
        inside = np.logical_xor.reduceat(crossing, self._firsts)
        if not side.all():
            inside |= np.logical_or.reduceat(self._on_border(side), self._firsts)
        # The point itself, so that NaN stays NaN.
        np.add(0.0 * side[self._firsts], inside, out=self._out)

    def _on_border(self, side: Floats) -> NDArray[np.bool_]:
        px, py = self._px, self._py
        within = (np.minimum(self._ax, self._bx) <= px) & (px <= np.maximum(self._ax, self._bx))
        within &= (np.minimum(self._ay, self._by) <= py) & (py <= np.maximum(self._ay, self._by))
        return np.asarray((side == 0) & within)
