"""All conditions of a camera as tables of indices, so that a frame takes a fixed number of NumPy calls.

Points -> vectors between them -> quantities (`_quantity.py`) -> tests, each for every individual -> how many tests an
individual (or a pair) fulfils -> what that says of each condition. Only + - * /, square roots and comparisons of
doubles touch a decision, in an order that is the same on every machine; sums are of integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_experiment.triggers._motion import Key, Motion
from dlstream_experiment.triggers._polygons import Polygons
from dlstream_experiment.triggers._quantity import (
    INFINITY,
    Condition,
    Depth,
    Fixed,
    Gain,
    Inside,
    Length,
    Lengths,
    Pace,
    Part,
    Point,
    Quantity,
    Quotient,
    Square,
    Test,
    Turn,
    points,
    vectors,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Group = tuple[int, int]
"""The slots of an individual and of the other one of a pair (or of itself)."""
Item = tuple[Quantity, int, Group]
"""A quantity of some individuals; the number tells which confidence their keypoints need."""

TRUE, FALSE, UNKNOWN = 3, 1, 0
"""What is known of a condition; 2 is not told either: one individual is seen, and yet tells nothing."""

_MANY = 1 << 20
_LEVELS = np.array([1, _MANY, _MANY * _MANY])
_LAST = Fixed(float("nan"), float("nan"))
_ORDER: tuple[type, ...] = (Square, Length, Lengths, Quotient, Turn, Depth, Inside, Pace, Gain)


class Table:
    """Conditions of S slots, each of which holds an individual or is empty (NaN)."""

    def __init__(
        self, conditions: Sequence[Condition], keypoints: Sequence[str], slots: int, named: Mapping[str, int]
    ) -> None:
        self._conditions = conditions
        self._keypoints = {name: index for index, name in enumerate(keypoints)}
        self.slots, self._named = slots, named
        self._confidences = sorted({condition.min_confidence for condition in conditions})
        self._fixed: dict[Fixed, int] = {_LAST: 0}
        self._items: dict[Item, int] = {}
        self._program: list[Callable[[], Any]] = []
        self.motion: Motion | None = None
        self.raw: NDArray[np.int64] = np.zeros(len(conditions), np.int64)
        self._tests()
        self._quantities()

    # What is tested.

    def groups(self, condition: Condition) -> list[Group]:
        """The individuals or pairs that a condition is about."""
        first, second = self._which(condition.individual), self._which(condition.other)
        if not condition.pair:
            return [(slot, slot) for slot in first]
        return [(a, b) for a, b in permutations(range(self.slots), 2) if a in first and b in second]

    def _which(self, name: str | None) -> Iterable[int]:
        return range(self.slots) if name is None else (self._named[name],)

    def _tests(self) -> None:
        """Rows of tests: one a condition, and one more for each that has others while it is true."""
        items: list[Item | None] = []
        lows: list[float] = []
        highs: list[float] = []
        weights: list[int] = []
        firsts: list[int] = []
        offsets: list[int] = []
        rows: list[int] = []
        says, offset_of = [0], dict[tuple[int, int], int]()
        self._places: list[list[list[int]]] = []  # of the tests of each group of each row
        self._row_of = np.arange(len(self._conditions))
        self._release_row: dict[int, int] = {}
        todo = [(condition, condition.tests) for condition in self._conditions]
        for number, condition in enumerate(self._conditions):
            if condition.release is not None:
                self._release_row[number] = len(todo)
                todo.append((condition, condition.release))
        for condition, tests in todo:
            rows.append(len(firsts))
            self._places.append([])
            confidence = self._confidences.index(condition.min_confidence)
            # A condition about pairs, where there are none, is about one of which nothing is seen.
            pairs: list[Group | None] = [*self.groups(condition)]
            for group in pairs or [None]:
                size = (len(tests), condition.needed)
                if size not in offset_of:
                    offset_of[size] = len(says)
                    says += _said(*size)
                firsts.append(len(items))
                offsets.append(offset_of[size])
                self._places[-1].append(list(range(len(items), len(items) + len(tests))))
                for test in tests:
                    items.append(self._item(test, confidence, group))
                    lows.append(test.low)
                    highs.append(test.high)
                    weights.append(len(tests) + 1)
        self._of_row = todo
        self._wanted = items
        self._low, self._high = np.array(lows), np.array(highs)
        self._weight = np.array(weights, np.int64)
        self._simple = all(weight == 2 for weight in weights)
        self._firsts, self._rows = np.array(firsts, np.intp), np.array(rows, np.intp)
        self._offset, self._says = np.array(offsets, np.int64), np.array(says, np.int64)
        n = len(items)
        self._value, self._seen, self._yes, self._under = (
            np.empty(n),
            np.empty(n, bool),
            np.empty(n, bool),
            np.empty(n, bool),
        )
        self._code, self._count = np.empty(n, np.int64), np.empty(len(firsts), np.int64)
        self._said, self._sums = np.empty(len(firsts), np.int64), np.empty(len(rows), np.int64)

    def _item(self, test: Test, confidence: int, group: Group | None) -> Item | None:
        if group is None:
            return None
        pair = {part.who for part in points(test.quantity)}
        first, second = group
        item = (test.quantity, confidence, (first if 0 in pair else second, second if 1 in pair else first))
        self._items.setdefault(item, len(self._items))
        return item

    # What is measured.

    def _quantities(self) -> None:
        kinds: dict[type, list[Item]] = {
            kind: [item for item in self._items if isinstance(item[0], kind)] for kind in _ORDER
        }
        kinds[Turn].sort(key=lambda item: item[0].sided)  # type: ignore[union-attr]
        two = (Lengths, Quotient, Turn)
        columns = [self._vector(item, 0) for kind in (Square, Length) for item in kinds[kind]]
        places: dict[type, tuple[slice, slice]] = {}
        for kind in (*two, Depth):
            start, n = len(columns), len(kinds[kind])
            columns += [self._vector(item, number) for number in (0, 1) for item in kinds[kind]]
            places[kind] = (slice(start, start + n), slice(start + n, start + 2 * n))
        squares, _lengths = len(kinds[Square]), len(kinds[Length])
        with_length = len(columns) - 2 * len(kinds[Depth])
        results = with_length
        begins: dict[type, int] = {Square: 0, Length: squares}
        for following in _ORDER[2:]:
            begins[following] = results
            results += len(kinds[following])
        place_of = {item: begins[kind] + number for kind in _ORDER for number, item in enumerate(kinds[kind])}
        self._source = np.array([results if item is None else place_of[item] for item in self._wanted], np.intp)
        self._results = np.full(results + 1, np.nan)
        out = {kind: self._results[begins[kind] : begins[kind] + len(kinds[kind])] for kind in _ORDER}
        self._gather(columns)
        d, r, do = self._vectors, self._results, self._program
        if with_length:
            squared = np.empty((2, with_length))
            do.append(partial(np.multiply, d[:, :with_length], d[:, :with_length], out=squared))
            do.append(partial(np.add, squared[0], squared[1], out=r[:with_length]))
            do.append(partial(np.sqrt, r[squares:with_length], out=r[squares:with_length]))
        if kinds[Lengths]:
            one, other = places[Lengths]
            do.append(partial(np.add, r[one], r[other], out=out[Lengths]))
        if kinds[Quotient]:
            one, other = places[Quotient]
            do.append(partial(np.divide, r[one], r[other], out=out[Quotient]))
        if kinds[Turn]:
            sided = [item[0].sided for item in kinds[Turn]]  # type: ignore[union-attr]
            self._turns(*places[Turn], sided.index(True) if True in sided else len(sided), out[Turn])
        if kinds[Depth]:
            one, other = places[Depth]
            nearer = np.empty((2, len(kinds[Depth])))
            do.append(partial(np.minimum, d[:, one], d[:, other], out=nearer))
            do.append(partial(np.minimum, nearer[0], nearer[1], out=out[Depth]))
        if kinds[Inside]:
            inside = [(item[0], self._place(points(item[0])[0], item)) for item in kinds[Inside]]
            polygons = Polygons(inside, self._points.shape[1], out[Inside])  # type: ignore[arg-type]
            do.append(partial(polygons.compute, self._flat_points))
        if kinds[Pace] or kinds[Gain]:
            moving = [(item[0], self._key(item)) for item in kinds[Pace] + kinds[Gain]]
            self.motion = Motion(moving, self._results[begins[Pace] : results])  # type: ignore[arg-type]
            self._tracked = np.array([self._place_of(*key) for key in self.motion.history.keys], np.intp)
            self._tracked = np.concatenate((self._tracked, self._tracked + self._points.shape[1]))
            self._tracked = self._tracked.reshape(2, -1)

    def _turns(self, one: slice, other: slice, first_sided: int, out: Floats) -> None:
        d, r, do, n = self._vectors, self._results, self._program, len(out)
        product, dot, lengths = np.empty((2, n)), np.empty(n), np.empty(n)
        do.append(partial(np.multiply, d[:, one], d[:, other], out=product))
        do.append(partial(np.add, product[0], product[1], out=dot))
        do.append(partial(np.multiply, r[one], r[other], out=lengths))
        do.append(partial(np.divide, dot, lengths, out=dot))
        do.append(partial(np.subtract, 1.0, dot, out=out))
        if first_sided < n:
            a, b = (d[:, part.start + first_sided : part.stop] for part in (one, other))
            crossed = np.empty((2, n - first_sided))
            across = crossed[0]
            do.append(partial(np.multiply, a, b[::-1], out=crossed))
            do.append(partial(np.subtract, crossed[0], crossed[1], out=across))
            do.append(partial(np.add, across, 0.0, out=across))  # -0 is no turn to the left
            do.append(partial(np.copysign, out[first_sided:], across, out=out[first_sided:]))

    def _vector(self, item: Item, number: int) -> tuple[int | Fixed, int | Fixed]:
        start, end = vectors(item[0])[number]
        return self._end(start, item), self._end(end, item)

    def _end(self, point: Point, item: Item) -> int | Fixed:
        if isinstance(point, Fixed):
            self._fixed.setdefault(point, len(self._fixed))
            return point
        return self._place(point, item)

    def _place(self, part: Part, item: Item) -> int:
        return self._place_of(part.keypoint, item[1], item[2][part.who])

    def _place_of(self, keypoint: str, confidence: int, slot: int) -> int:
        return (confidence * self.slots + slot) * len(self._keypoints) + self._keypoints[keypoint]

    def _key(self, item: Item) -> Key:
        part = points(item[0])[0]
        return part.keypoint, item[1], item[2][part.who]

    def _gather(self, columns: list[tuple[int | Fixed, int | Fixed]]) -> None:
        """Points: the keypoints once for each confidence, then fixed places."""
        size = self.slots * len(self._keypoints)
        seen = len(self._confidences) * size
        width = seen + len(self._fixed)
        self._points = np.full((2, width), np.nan)
        self._points[:, seen:] = np.array([(point.x, point.y) for point in self._fixed]).T
        self._flat_points = self._points.reshape(-1)
        self._keypoint_points = self._points[:, :seen].reshape(2, len(self._confidences), size)
        self._needed = np.array(self._confidences)[:, None]
        self._sure = np.empty((len(self._confidences), size), bool)
        starts, ends = (
            [seen + self._fixed[end] if isinstance(end, Fixed) else end for end in side]
            for side in (zip(*columns, strict=True) if columns else ((), ()))
        )
        index = np.array(ends + starts, np.intp)
        self._index = np.stack((index, index + width)).reshape(2, 2, len(columns)).swapaxes(0, 1).copy()
        self._ends = np.empty((2, 2, len(columns)))
        self._vectors = np.empty((2, len(columns)))

    # A frame.

    def evaluate(self, block: NDArray[np.floating[Any]], stamp: int) -> NDArray[np.int64]:
        """What is known of each condition.

        Args:
            block: (3, S * K): x, y and confidence of each slot's keypoints.
        """
        with np.errstate(all="ignore"):  # NaN is what is not known
            keypoints = self._keypoint_points
            keypoints.fill(np.nan)
            np.greater_equal(block[2], self._needed, out=self._sure)
            np.copyto(keypoints, block[:2, None], where=self._sure)
            return self._evaluate(stamp)

    def _evaluate(self, stamp: int) -> NDArray[np.int64]:
        self._flat_points.take(self._index, out=self._ends, mode="clip")
        np.subtract(self._ends[0], self._ends[1], out=self._vectors)
        for step in self._program:
            step()
        if self.motion is not None:
            self._flat_points.take(self._tracked, out=self.motion.history.position, mode="clip")
            self.motion.compute(stamp)
        value, yes, seen, code = self._value, self._yes, self._seen, self._code
        self._results.take(self._source, out=value, mode="clip")
        np.greater_equal(value, self._low, out=yes)
        np.less_equal(value, self._high, out=self._under)
        np.logical_and(yes, self._under, out=yes)
        np.equal(value, value, out=seen)
        np.multiply(seen, self._weight, out=code)
        np.add(code, yes, out=code)
        if not self._simple:
            code = np.add.reduceat(code, self._firsts, out=self._count)
        np.add(code, self._offset, out=self._count)
        self._says.take(self._count, out=self._said, mode="clip")
        np.add.reduceat(self._said, self._rows, out=self._sums)
        rows = _LEVELS.searchsorted(self._sums, side="right")
        return rows.take(self._row_of, out=self.raw, mode="clip")

    def release(self, number: int, held: bool) -> None:
        """Which tests of a condition are looked at from the next frame on."""
        if number in self._release_row:
            self._row_of[number] = self._release_row[number] if held else number

    def forget(self, slots: Sequence[int]) -> None:
        """These slots hold another individual from now on."""
        if self.motion is not None and slots:
            keys = self.motion.history.keys
            self.motion.history.forget([column for column, key in enumerate(keys) if key[2] in slots])

    def adopt(self, other: Table) -> None:
        """Takes over what another table of the same conditions knows of the past."""
        if self.motion is not None and other.motion is not None:
            self.motion.history.adopt(other.motion.history)

    # What was measured, asked for seldom.

    def measured(self, number: int) -> tuple[float, Group | None]:
        """What a condition measured in the last frame where it was most nearly true, and of whom; NaN, None."""
        condition = self._conditions[number]
        row = self._row_of[number]
        best, best_rank, whom = float("nan"), -INFINITY, None
        for places, group in zip(self._places[row], self.groups(condition), strict=False):
            if condition.shown is None:
                if any(self._seen[place] for place in places):
                    found = [(sum(float(self._yes[place]) for place in places),) * 2]
                else:
                    found = []
            else:
                found = []
                for place in places:
                    value = float(self._value[place])
                    rank = min(value - float(self._low[place]), float(self._high[place]) - value)
                    found.append((rank, value))
            for rank, value in found:
                if rank > best_rank:
                    best_rank, best, whom = rank, value, group
        return (best if condition.shown is None else condition.shown(best)) if whom else best, whom


def _said(tests: int, needed: int) -> list[int]:
    """What an individual says of a condition, by (tests seen) * (tests + 1) + (tests that hold)."""
    says = []
    for seen in range(tests + 1):
        for hold in range(tests + 1):
            if hold >= needed:
                says.append(_MANY * _MANY)
            elif seen - hold > tests - needed:
                says.append(1)
            else:
                says.append(_MANY if seen else 0)
    return says
