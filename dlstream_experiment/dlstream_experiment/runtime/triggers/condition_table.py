"""The conditions of a camera as the arrays that `kernel.evaluate` works on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from dlstream_experiment.model.quantities import (
    INFINITY,
    Acceleration,
    Angle,
    Condition,
    Distance,
    DistanceRatio,
    EdgeDistance,
    Fixed,
    Inside,
    Keypoint,
    Point,
    Quantity,
    Speed,
    SquaredDistance,
    SumOfDistances,
    Test,
    keypoints_of,
    vectors,
)
from dlstream_experiment.runtime.triggers import kernel
from dlstream_experiment.runtime.triggers.history import History, Key

Group = tuple[int, int]
"""The slots of an individual and of the other one of a pair (or twice the same slot)."""
Item = tuple[Quantity, int, Group]
"""A quantity, the confidence level of its keypoints (as an index), and its individuals."""

_KINDS: dict[type, int] = {
    SquaredDistance: kernel.SQUARED_DISTANCE,
    Distance: kernel.DISTANCE,
    SumOfDistances: kernel.SUM_OF_DISTANCES,
    DistanceRatio: kernel.DISTANCE_RATIO,
    EdgeDistance: kernel.EDGE_DISTANCE,
}


class ConditionTable:
    """Conditions on S slots, each of which holds an individual or is empty (NaN)."""

    def __init__(
        self, conditions: Sequence[Condition], keypoints: Sequence[str], slots: int, named: Mapping[str, int]
    ) -> None:
        self._conditions = conditions
        self._keypoints = {name: index for index, name in enumerate(keypoints)}
        self.slots, self._named = slots, named
        self._confidences = sorted({condition.min_confidence for condition in conditions})
        self._needed = np.array(self._confidences)
        self._items: dict[Item, int] = {}
        self._fixed: dict[Fixed, int] = {}
        self._edges: list[tuple[float, float, float, float]] = []
        self._lay_out_tests()
        self.history = self._history()
        self._quantities = np.array([self._laid_out(item) for item in self._items], np.int64).reshape(-1, 6)
        self._lay_out_points()
        self._values = np.empty(len(self._items))
        self._known = np.zeros(len(conditions), np.uint8)

    # What is tested.

    def _groups_of(self, condition: Condition) -> list[Group]:
        """The individuals or pairs that a condition is about."""
        first, second = self._slots_of(condition.individual), self._slots_of(condition.other)
        if not condition.pair:
            return [(slot, slot) for slot in first]
        return [(a, b) for a, b in permutations(range(self.slots), 2) if a in first and b in second]

    def _slots_of(self, name: str | None) -> Iterable[int]:
        return range(self.slots) if name is None else (self._named[name],)

    def _lay_out_tests(self) -> None:
        """Makes the rows of tests: one for each condition, and one more for each condition with a release."""
        todo = [(condition, condition.tests) for condition in self._conditions]
        self._release_row: dict[int, int] = {}
        for number, condition in enumerate(self._conditions):
            if condition.release is not None:
                self._release_row[number] = len(todo)
                todo.append((condition, condition.release))
        self._row_of = np.arange(len(self._conditions), dtype=np.int64)
        tests: list[int] = []
        bounds: list[tuple[float, float]] = []
        groups: list[tuple[int, int]] = []
        rows: list[int] = []
        for condition, applied in todo:
            rows.append(len(groups))
            confidence = self._confidences.index(condition.min_confidence)
            for group in self._groups_of(condition):
                groups.append((len(tests), condition.needed))
                tests += [self._number(test, confidence, group) for test in applied]
                bounds += [(test.low, test.high) for test in applied]
        self._tests, self._bounds = np.array(tests, np.int64), np.array(bounds, np.float64).reshape(-1, 2)
        self._groups = np.array([*groups, (len(tests), 0)], np.int64)
        self._rows = np.array([*rows, len(groups)], np.int64)

    def _number(self, test: Test, confidence: int, group: Group) -> int:
        animals = {point.animal for point in keypoints_of(test.quantity)}
        first, second = group
        item = (test.quantity, confidence, (first if 0 in animals else second, second if 1 in animals else first))
        return self._items.setdefault(item, len(self._items))

    # What is measured.

    def _history(self) -> History:
        moving = [(item[0], self._key(item)) for item in self._items if isinstance(item[0], Speed | Acceleration)]
        windows = sorted({quantity.window for quantity, _ in moving})
        double = sorted({quantity.window for quantity, _ in moving if isinstance(quantity, Acceleration)})
        self._window_of = {window: number for number, window in enumerate(windows)}
        self._before_of = {window: len(windows) + number for number, window in enumerate(double)}
        keys = sorted({key for _, key in moving})
        self._column_of = {key: column for column, key in enumerate(keys)}
        self._followed = np.array([self._place(*key) for key in keys], np.int64)
        return History(keys, windows, double)

    def _key(self, item: Item) -> Key:
        point = keypoints_of(item[0])[0]
        return point.name, item[1], item[2][point.animal]

    def _laid_out(self, item: Item) -> tuple[int, int, int, int, int, int]:
        """A quantity's row of numbers: see `kernel._measure`."""
        quantity = item[0]
        if isinstance(quantity, Speed):
            column, window = self._column_of[self._key(item)], self._window_of[quantity.window]
            return kernel.SPEED, column, window, 0, 0, quantity.path
        if isinstance(quantity, Acceleration):
            column, window = self._column_of[self._key(item)], self._window_of[quantity.window]
            return kernel.ACCELERATION, column, window, self._before_of[quantity.window], 0, quantity.path
        if isinstance(quantity, Inside):
            first = len(self._edges)
            corners = quantity.corners
            self._edges += [(*a, *b) for a, b in zip(corners, (*corners[1:], corners[0]), strict=True)]
            return kernel.INSIDE, self._place(*self._key(item)), first, len(self._edges), 0, 0
        if isinstance(quantity, Angle):
            kind = kernel.SIDED_ANGLE if quantity.sided else kernel.ANGLE
        else:
            kind = _KINDS[type(quantity)]
        ends = [self._end(point, item) for vector in vectors(quantity) for point in vector]
        a, b, c, d = ends if len(ends) == 4 else (*ends, 0, 0)
        return kind, a, b, c, d, 0

    def _end(self, point: Point, item: Item) -> int:
        if isinstance(point, Keypoint):
            return self._place(point.name, item[1], item[2][point.animal])
        return self._place_of_fixed + self._fixed.setdefault(point, len(self._fixed))

    def _place(self, keypoint: str, confidence: int, slot: int) -> int:
        return (confidence * self.slots + slot) * len(self._keypoints) + self._keypoints[keypoint]

    @property
    def _place_of_fixed(self) -> int:
        return len(self._confidences) * self.slots * len(self._keypoints)

    def _lay_out_points(self) -> None:
        seen = self._place_of_fixed
        self._points = np.full((2, seen + len(self._fixed)), np.nan)
        for number, point in enumerate(self._fixed):
            self._points[:, seen + number] = point.x, point.y
        self._edges_of_polygons = np.array(self._edges, np.float64).reshape(-1, 4)

    # A frame.

    def evaluate(self, block: NDArray[np.float32], stamp: int) -> NDArray[np.uint8]:
        """What is known of each condition on a frame: kernel.TRUE, kernel.FALSE, or neither.

        Args:
            block: (3, S * K): x, y and confidence of each slot's keypoints.
        """
        history = self.history
        if history.first is None:
            history.first = stamp
        if history.kept[kernel.NEWEST] - history.kept[kernel.OLDEST] + 1 == len(history.times):
            history.grow()
        kernel.evaluate(
            block,
            stamp - history.first,
            self._needed,
            self._points,
            self._quantities,
            self._edges_of_polygons,
            self._values,
            self._followed,
            history.last,
            history.sights,
            history.times,
            history.windows,
            history.frames,
            history.kept,
            self._tests,
            self._bounds,
            self._groups,
            self._rows,
            self._row_of,
            self._known,
        )
        return self._known

    def release(self, number: int, held: bool) -> None:
        """Applies the release of a condition from now on, or (where it is not true) its tests."""
        if number in self._release_row:
            self._row_of[number] = self._release_row[number] if held else number

    def forget(self, slots: Sequence[int]) -> None:
        """Forgets the past of these slots: each holds another individual from now on."""
        if slots:
            self.history.forget([column for column, key in enumerate(self.history.keys) if key[2] in slots])

    def adopt(self, other: ConditionTable) -> None:
        """Copies the past from another table of the same conditions."""
        self.history.adopt(other.history)

    # What was measured; asked for only where something changed.

    def measured(self, number: int) -> tuple[float, Group | None]:
        """What a condition measured on the last frame, of the individuals for which it came closest to being true.

        Returns:
            The value in the trigger's unit, and the slots of these individuals; NaN and None where nothing was seen.
        """
        condition = self._conditions[number]
        row = self._row_of[number]
        best, best_rank, whom = float("nan"), -INFINITY, None
        for place, group in zip(range(*self._rows[row : row + 2]), self._groups_of(condition), strict=True):
            tests = range(*self._groups[place : place + 2, 0])
            values = [float(self._values[self._tests[test]]) for test in tests]
            bounds = [self._bounds[test].tolist() for test in tests]  # floats: NumPy's warn of infinity - infinity
            slack = [min(v - low, high - v) for (low, high), v in zip(bounds, values, strict=True)]
            found = list(zip(slack, values, strict=True))
            if condition.shown is None:
                seen = any(value == value for value in values)
                found = [(float(sum(room >= 0 for room in slack)),) * 2] if seen else []
            for rank, value in found:
                if rank > best_rank:
                    best_rank, best, whom = rank, value, group
        return (best if condition.shown is None else condition.shown(best)) if whom else best, whom
