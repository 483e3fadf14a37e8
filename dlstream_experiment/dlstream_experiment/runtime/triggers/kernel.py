"""What a frame of poses shows of all conditions of a camera, in one compiled call.

Points -> quantities (`model/quantities.py`) -> tests, each for every individual -> conditions. `condition_table.py`
lays out the arrays. A decision depends only on + - * /, square roots and comparisons of doubles, in the order written
here (the compiler may not change it), so that it is the same on every machine.

Of every keypoint whose motion is measured the last sighting is kept: its time, the length of the keypoint's path so
far (the sum of the straight lines from one sighting to the next), and its place. The window of a frame at time t begins
with the newest frame at or before t - window. The motion in the window starts at the keypoint's last sighting up to
that frame and ends at its sighting at t, and is divided by the time between these two sightings. So frames may come at
any rate and some may be lost. Nothing is measured where the keypoint is not seen at t, where no frame is that old, or
where the keypoint had then been out of sight for longer than the window. A frame that is no later than the one
before it is left out: it has no place in time.
"""

from __future__ import annotations

from math import copysign, nan, sqrt
from typing import Any

from dlstream_common.compiled import (
    BYTES,
    FLOAT_BLOCK,
    FLOAT_ROWS,
    FLOATS,
    INT,
    INT_ROWS,
    INTS,
    READ_ONLY_SINGLE_ROWS,
    compiled,
    inner,
)

TRUE, FALSE, UNKNOWN = 3, 1, 0
"""What is known of a condition, or of one individual. 2 is unknown as well: something is seen, but it does not decide.
What is known of a condition is the largest of what is known of its individuals."""

SQUARED_DISTANCE, DISTANCE, SUM_OF_DISTANCES, DISTANCE_RATIO, ANGLE = range(5)
SIDED_ANGLE, EDGE_DISTANCE, INSIDE, SPEED, ACCELERATION = range(5, 10)

TIME, PATH, X, Y = range(4)
"""The rows of a sighting: nanoseconds since the first frame, and three in pixels."""
NEWEST, OLDEST = range(2)
"""The frames whose sightings are kept, by their number; frame i is in row i % len(times)."""
NONE = -1
_STEP = 500_000_000
"""Nanoseconds: a stamp that is earlier by less, or equal, is one of a frame out of order, not of a clock set back."""


@inner
def _distance(points: Any, start: int, end: int) -> float:
    x, y = points[0, end] - points[0, start], points[1, end] - points[1, start]
    return sqrt(x * x + y * y)


@inner
def _angle(points: Any, a: int, b: int, c: int, d: int, sided: bool) -> float:
    ax, ay = points[0, b] - points[0, a], points[1, b] - points[1, a]
    bx, by = points[0, d] - points[0, c], points[1, d] - points[1, c]
    turn = 1.0 - (ax * bx + ay * by) / (sqrt(ax * ax + ay * ay) * sqrt(bx * bx + by * by))
    if sided:
        return copysign(turn, (ax * by - ay * bx) + 0.0)  # -0 does not mean to the left
    return turn


@inner
def _edge_distance(points: Any, corner: int, point: int, opposite: int) -> float:
    x, y = points[0, point], points[1, point]
    if x != x or y != y:
        return nan
    across = min(x - points[0, corner], points[0, opposite] - x)
    return min(across, min(y - points[1, corner], points[1, opposite] - y))


@inner
def _inside(points: Any, point: int, edges: Any, first: int, end: int) -> float:
    """By the rule of `regions.Polygon`."""
    x, y = points[0, point], points[1, point]
    if x != x or y != y:
        return nan
    inside = False
    for edge in range(first, end):
        ax, ay, bx, by = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
        side = (bx - ax) * (y - ay) - (x - ax) * (by - ay)  # > 0 on one side of the edge's line, 0 on it
        if side == 0 and min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
            return 1.0
        if (ay <= y < by and side > 0) or (by <= y < ay and side < 0):
            inside = not inside
    return 1.0 if inside else 0.0


@inner
def _follow(
    points: Any, followed: Any, time: int, last: Any, sights: Any, times: Any, windows: Any, frames: Any, kept: Any
) -> bool:
    """Stores where the keypoints are now, and finds the frame with which each window begins.

    Returns whether anything can be measured: not on a frame that is no later than the one before.
    """
    size = len(times)
    if kept[NEWEST] >= 0 and time <= times[kept[NEWEST] % size]:
        if times[kept[NEWEST] % size] - time < _STEP:
            return False
        last[:] = nan  # the clock was set back: what was before has no place in time
        last[PATH] = 0.0
        frames[:] = NONE
        kept[NEWEST], kept[OLDEST] = -1, 0
    kept[NEWEST] += 1
    newest, oldest = kept[NEWEST], kept[OLDEST]
    times[newest % size] = time
    row = newest % size
    for column in range(len(followed)):
        x, y = points[0, followed[column]], points[1, followed[column]]
        if x == x and y == y:
            along, across = x - last[X, column], y - last[Y, column]
            moved = sqrt(along * along + across * across)
            if moved > 0:  # and not where it is seen for the first time
                last[PATH, column] += moved
            last[TIME, column], last[X, column], last[Y, column] = time, x, y
        for part in range(4):
            sights[row, part, column] = last[part, column]
    first = newest
    for number in range(len(windows)):
        window, after = windows[number, 0], windows[number, 1]
        end = newest if after == NONE else frames[after]
        frame = frames[number]
        following = max(frame + 1, oldest)
        while following <= end and times[following % size] <= times[end % size] - window:
            frame = following
            following += 1
        frames[number] = frame
        first = min(first, frame)
    kept[OLDEST] = max(oldest, first)
    return True


@inner
def _stretch(
    sights: Any, times: Any, column: int, newer: int, newer_window: int, older: int, older_window: int, path: bool
) -> tuple[float, float]:
    """How far a keypoint moved between its last sightings up to two frames, and in what time; NaN where there are none.

    The windows (ns) limit how long before each of the frames the keypoint may have been seen last.
    """
    if newer == NONE or older == NONE:
        return nan, nan
    end, start = newer % len(times), older % len(times)
    if not (
        sights[end, TIME, column] >= times[end] - newer_window
        and sights[start, TIME, column] >= times[start] - older_window
    ):
        return nan, nan
    time = sights[end, TIME, column] - sights[start, TIME, column]
    if path:
        return sights[end, PATH, column] - sights[start, PATH, column], time
    x, y = (
        sights[end, X, column] - sights[start, X, column],
        sights[end, Y, column] - sights[start, Y, column],
    )
    return sqrt(x * x + y * y), time


@inner
def _speed(
    sights: Any, times: Any, windows: Any, frames: Any, newest: int, column: int, window: int, path: bool
) -> float:
    moved, time = _stretch(sights, times, column, newest, 0, frames[window], windows[window, 0], path)
    return moved / time


@inner
def _acceleration(
    sights: Any,
    times: Any,
    windows: Any,
    frames: Any,
    newest: int,
    column: int,
    window: int,
    before: int,
    path: bool,
) -> float:
    length = windows[window, 0]
    moved, time = _stretch(sights, times, column, newest, 0, frames[window], length, path)
    moved_before, time_before = _stretch(sights, times, column, frames[window], length, frames[before], length, path)
    return (moved / time - moved_before / time_before) / ((time + time_before) * 0.5)


@inner
def _select_seen(block: Any, needed: Any, points: Any) -> None:
    """Copies the keypoints once for each confidence level: NaN where their confidence is lower."""
    count = block.shape[1]
    for level in range(len(needed)):
        for column in range(count):
            place = level * count + column
            if block[2, column] >= needed[level]:
                points[0, place], points[1, place] = block[0, column], block[1, column]
            else:
                points[0, place], points[1, place] = nan, nan


@inner
def _knowledge(values: Any, tests: Any, bounds: Any, first: int, end: int, needed: int) -> int:
    """What is known of one individual."""
    seen = passed = 0
    for test in range(first, end):
        value = values[tests[test]]
        if value == value:
            seen += 1
            if bounds[test, 0] <= value <= bounds[test, 1]:
                passed += 1
    if passed >= needed:
        return TRUE
    if seen - passed > end - first - needed:
        return FALSE
    return 2 if seen else UNKNOWN


@inner
def _measure(
    quantities: Any,
    number: int,
    points: Any,
    edges: Any,
    sights: Any,
    times: Any,
    windows: Any,
    frames: Any,
    newest: int,
) -> float:
    kind, path = quantities[number, 0], quantities[number, 5] == 1
    a, b, c, d = quantities[number, 1], quantities[number, 2], quantities[number, 3], quantities[number, 4]
    if kind == SQUARED_DISTANCE:
        x, y = points[0, b] - points[0, a], points[1, b] - points[1, a]
        return x * x + y * y
    if kind == DISTANCE:
        return _distance(points, a, b)
    if kind == SUM_OF_DISTANCES:
        return _distance(points, a, b) + _distance(points, c, d)
    if kind == DISTANCE_RATIO:
        return _distance(points, a, b) / _distance(points, c, d)
    if kind in (ANGLE, SIDED_ANGLE):
        return _angle(points, a, b, c, d, kind == SIDED_ANGLE)
    if kind == EDGE_DISTANCE:
        return _edge_distance(points, a, b, d)
    if kind == INSIDE:
        return _inside(points, a, edges, b, c)
    if kind == SPEED:
        return _speed(sights, times, windows, frames, newest, a, b, path)
    return _acceleration(sights, times, windows, frames, newest, a, b, c, path)


@compiled(
    *(READ_ONLY_SINGLE_ROWS, INT, FLOATS, FLOAT_ROWS, INT_ROWS, FLOAT_ROWS, FLOATS),
    *(INTS, FLOAT_ROWS, FLOAT_BLOCK, INTS, INT_ROWS, INTS, INTS),
    *(INTS, FLOAT_ROWS, INT_ROWS, INTS, INTS, BYTES),
)
def evaluate(
    block: Any,
    time: int,
    needed: Any,
    points: Any,
    quantities: Any,
    edges: Any,
    values: Any,
    followed: Any,
    last: Any,
    sights: Any,
    times: Any,
    windows: Any,
    frames: Any,
    kept: Any,
    tests: Any,
    bounds: Any,
    groups: Any,
    rows: Any,
    row_of: Any,
    known: Any,
) -> None:
    """Computes the quantities of one frame, and what is known of each condition.

    Args:
        block: (3, S * K): x, y and confidence of each slot's keypoints.
        time: of the frame, ns since the first one.
        needed: the C levels of confidence.
        points: (2, C * S * K + F): room for the keypoints at each confidence level, then fixed places.
        quantities: (Q, 6): the kind, and the points of its vectors, two for each (for other kinds see `_measure`).
        edges: (E, 4): the edges of polygons, ax ay bx by.
        values: (Q,): filled with the values of the quantities.
        followed: (M,): the points whose motion is measured.
        last: (4, M): their last sightings.
        sights: (T, 4, M): those of each frame that is kept.
        times: (T,): of these frames, ns.
        windows: (W, 2): the length in ns, and the window that it precedes, or NONE.
        frames: (W,): the frame with which each window begins, or NONE.
        kept: (2,): the newest and the oldest frame that is kept; there must be room for one more.
        tests: the quantity of each test.
        bounds: (tests, 2): lowest and highest value.
        groups: (individuals or pairs + 1, 2): the first test, and how many must pass.
        rows: the first group of each row of tests, and one more.
        row_of: the row of tests of each condition that applies now.
        known: filled with what is known of each condition.
    """
    _select_seen(block, needed, points)
    newest = NONE
    if len(followed) and _follow(points, followed, time, last, sights, times, windows, frames, kept):
        newest = kept[NEWEST]
    for number in range(len(quantities)):
        values[number] = _measure(quantities, number, points, edges, sights, times, windows, frames, newest)
    for condition in range(len(row_of)):
        most = UNKNOWN
        for group in range(rows[row_of[condition]], rows[row_of[condition] + 1]):
            most = max(
                most, _knowledge(values, tests, bounds, groups[group, 0], groups[group + 1, 0], groups[group, 1])
            )
        known[condition] = most
