"""What a frame of poses says of all conditions of a camera, in one compiled call.

Points -> quantities (`_quantity.py`) -> tests, each for every individual -> conditions. `_table.py` lays out the
arrays. Only + - * /, square roots and comparisons of doubles touch a decision, in the order that
stands here (the compiler may not change it), so that it is the same on every machine.

Of every keypoint that moves the last sight is kept: when, the length of its path so far (the sum of the straight lines
between one sight and the next), and where. The window of a frame at time t begins with the newest frame at or before
t - window; the keypoint's last sight up to then is where its way over the window starts, and its sight at t is where
it ends. So the way always takes at least the window, and its own time is what it is divided by: frames may come at
any rate and be lost. Nothing is measured where the keypoint is not seen at t, where there is no frame that old, or
where the keypoint had then been out of sight for longer than the window.
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
from dlstream_experiment.model.quantities import FALSE, TRUE, UNKNOWN

SQUARE, LENGTH, LENGTHS, QUOTIENT, TURN, SIDED_TURN, DEPTH, INSIDE, PACE, GAIN = range(10)

TIME, PATH, X, Y = range(4)
"""The rows of a sight: ns since the first frame, and three in pixels."""
NEWEST, OLDEST = range(2)
"""The frames whose sights are kept, counted on and on; frame i is in row i % len(times)."""
NONE = -1


@inner
def _length(points: Any, start: int, end: int) -> float:
    x, y = points[0, end] - points[0, start], points[1, end] - points[1, start]
    return sqrt(x * x + y * y)


@inner
def _turn(points: Any, a: int, b: int, c: int, d: int, sided: bool) -> float:
    ax, ay = points[0, b] - points[0, a], points[1, b] - points[1, a]
    bx, by = points[0, d] - points[0, c], points[1, d] - points[1, c]
    turn = 1.0 - (ax * bx + ay * by) / (sqrt(ax * ax + ay * ay) * sqrt(bx * bx + by * by))
    if sided:
        return copysign(turn, (ax * by - ay * bx) + 0.0)  # -0 is no turn to the left
    return turn


@inner
def _depth(points: Any, corner: int, point: int, opposite: int) -> float:
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
) -> None:
    """Takes up where keypoints are now, and where each window begins."""
    size = len(times)
    if kept[NEWEST] >= 0 and time <= times[kept[NEWEST] % size]:
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
            way = sqrt(along * along + across * across)
            if way > 0:  # and not where it is seen for the first time
                last[PATH, column] += way
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


@inner
def _stretch(
    sights: Any, times: Any, column: int, newer: int, newer_window: int, older: int, older_window: int, path: bool
) -> tuple[float, float]:
    """A keypoint's way between its last sights up to two frames, and the time it took; NaN where there are none.

    The windows (ns) say for how long the keypoint may have been out of sight in each of the frames.
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
    x, y = sights[end, X, column] - sights[start, X, column], sights[end, Y, column] - sights[start, Y, column]
    return sqrt(x * x + y * y), time


@inner
def _pace(
    sights: Any, times: Any, windows: Any, frames: Any, newest: int, column: int, window: int, path: bool
) -> float:
    way, time = _stretch(sights, times, column, newest, 0, frames[window], windows[window, 0], path)
    return way / time


@inner
def _gain(
    sights: Any, times: Any, windows: Any, frames: Any, newest: int, column: int, window: int, before: int, path: bool
) -> float:
    length = windows[window, 0]
    way, time = _stretch(sights, times, column, newest, 0, frames[window], length, path)
    way_before, time_before = _stretch(sights, times, column, frames[window], length, frames[before], length, path)
    return (way / time - way_before / time_before) / ((time + time_before) * 0.5)


@inner
def _take_up(block: Any, needed: Any, points: Any) -> None:
    """The keypoints once for each confidence: NaN where they have less."""
    count = block.shape[1]
    for level in range(len(needed)):
        for column in range(count):
            place = level * count + column
            if block[2, column] >= needed[level]:
                points[0, place], points[1, place] = block[0, column], block[1, column]
            else:
                points[0, place], points[1, place] = nan, nan


@inner
def _known(values: Any, tests: Any, bounds: Any, first: int, end: int, needed: int) -> int:
    """What is known of an individual."""
    seen = hold = 0
    for test in range(first, end):
        value = values[tests[test]]
        if value == value:
            seen += 1
            if bounds[test, 0] <= value <= bounds[test, 1]:
                hold += 1
    if hold >= needed:
        return TRUE
    if seen - hold > end - first - needed:
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
    if kind == SQUARE:
        x, y = points[0, b] - points[0, a], points[1, b] - points[1, a]
        return x * x + y * y
    if kind == LENGTH:
        return _length(points, a, b)
    if kind == LENGTHS:
        return _length(points, a, b) + _length(points, c, d)
    if kind == QUOTIENT:
        return _length(points, a, b) / _length(points, c, d)
    if kind in (TURN, SIDED_TURN):
        return _turn(points, a, b, c, d, kind == SIDED_TURN)
    if kind == DEPTH:
        return _depth(points, a, b, d)
    if kind == INSIDE:
        return _inside(points, a, edges, b, c)
    if kind == PACE:
        return _pace(sights, times, windows, frames, newest, a, b, path)
    return _gain(sights, times, windows, frames, newest, a, b, c, path)


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
    """One frame: what its quantities are, and what is known of each condition.

    Args:
        block: (3, S * K): x, y and confidence of each slot's keypoints.
        time: of the frame, ns since the first one.
        needed: the C confidences that keypoints are looked at with.
        points: (2, C * S * K + F): room for the keypoints at each confidence; then fixed places.
        quantities: (Q, 6): kind; places of points, two a vector (the others: see `_measure`).
        edges: (E, 4): of polygons, ax ay bx by.
        values: (Q,) of the quantities.
        followed: (M,): the points whose motion is followed.
        last: (4, M): their last sights.
        sights: (T, 4, M): those of each frame that is kept.
        times: (T,): of these frames.
        windows: (W, 2): length (ns), and the window before which it lies, or NONE.
        frames: (W,): with which each begins, or NONE.
        kept: (2,): the newest and the oldest of the frames that are kept; there must be room for one more.
        tests: their quantities.
        bounds: (tests, 2): lowest and highest value.
        groups: (individuals or pairs + 1, 2): the first test, and how many must hold.
        rows: the first group of each row of tests, and one more.
        row_of: the row that counts now, of each condition.
        known: of each condition, filled in.
    """
    _take_up(block, needed, points)
    if len(followed):
        _follow(points, followed, time, last, sights, times, windows, frames, kept)
    for number in range(len(quantities)):
        values[number] = _measure(quantities, number, points, edges, sights, times, windows, frames, kept[NEWEST])
    for condition in range(len(row_of)):
        most = UNKNOWN
        for group in range(rows[row_of[condition]], rows[row_of[condition] + 1]):
            most = max(most, _known(values, tests, bounds, groups[group, 0], groups[group + 1, 0], groups[group, 1]))
        known[condition] = most
