"""How far keypoints went over windows of time, for all triggers together.

Of every keypoint the last sight is kept: where, when, and the length of its path so far (the sum of the straight lines
between one sight and the next). The window of a frame at time t begins with the newest frame at or before t - window;
the keypoint's last sight up to then is where its way over the window starts, and its sight at t is where it ends. So
the way always takes at least the window, and its own time is what it is divided by: frames may come at any rate and
be lost. Nothing is measured where the keypoint is not seen at t, where there is no frame that old, or where the
keypoint had then been out of sight for longer than the window.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlstream_experiment.triggers._quantity import Gain, Pace

Floats = NDArray[np.float64]
Key = tuple[str, int, int]
"""A keypoint, the confidence that it needs (as an index) and a slot."""

_TIME, _PATH = 0, 1  # rows of what is kept of a sight; x and y follow where straight lines are measured


class History:
    """The last sights of some keypoints, frame by frame, as far back as the windows reach.

    Attributes:
        sights: (rows, 2 or 4, n): time (ns since the first frame), path, and x and y if `straight`; a row a frame,
            used in turn, and one more that is NaN.
        rows: of the newest frame, of those that begin each window, and of those that begin the window before each of
            the `double` ones; as the places of their first numbers.
        latest: the times that sights in these rows must have at least to be used.
        position: (2, n), to be filled in before `take`.
    """

    def __init__(self, keys: Sequence[Key], windows: Sequence[int], double: Sequence[int], straight: bool) -> None:
        self.keys = list(keys)
        self._ends = [(window, -1) for window in windows] + [(window, windows.index(window)) for window in double]
        self._zero: int | None = None
        self._times = [0] * 64
        n = len(self.keys)
        self._last, self._path = np.full((3, n), np.nan), np.zeros(n)  # x, y and time of the last sights
        self._now = np.full((3, n), np.nan)
        self.position, self._time = self._now[:2], self._now[2]
        self._step, self._way, self._seen = np.empty((2, n)), np.empty(n), np.empty(n, bool)
        self._depth = 4 if straight else 2
        self.sights = np.full((65, self._depth, n), np.nan)
        self.rows = np.zeros(1 + len(self._ends), np.intp)
        self.latest = np.zeros(len(self.rows))
        self._begin()

    def _begin(self) -> None:
        self._newest, self._oldest = -1, 0  # frames, counted on and on; frame i is in row i % len(self._times)
        self._frames = [-1] * len(self._ends)  # -1: none is so old

    def adopt(self, other: History) -> None:
        """Takes over what another one with the same windows knows of the same keypoints."""
        shared = [(i, other.keys.index(key)) for i, key in enumerate(self.keys) if key in other.keys]
        mine, theirs = [i for i, _ in shared], [j for _, j in shared]
        self._zero, self._newest, self._oldest = other._zero, other._newest, other._oldest
        self._times, self._frames = other._times, other._frames
        self.sights = np.full((len(self._times) + 1, self._depth, len(self.keys)), np.nan)
        self.sights[:, :, mine] = other.sights[:, :, theirs]
        self._last[:, mine], self._path[mine] = other._last[:, theirs], other._path[theirs]

    def forget(self, columns: Sequence[int]) -> None:
        """These keypoints are of another animal from now on."""
        self._last[:, columns], self._path[columns] = np.nan, 0.0
        self.sights[:, :, columns] = np.nan

    def take(self, stamp: int) -> None:
        """Takes up the positions in a frame."""
        if self._zero is None:
            self._zero = stamp
        time = stamp - self._zero
        if self._newest >= 0 and time <= self._times[self._newest % len(self._times)]:
            self.forget(range(len(self.keys)))  # the clock was set back: what was before has no place in time
            self._begin()
        step, way, seen = self._step, self._way, self._seen
        self._time.fill(time)
        np.subtract(self.position, self._last[:2], out=step)
        np.multiply(step, step, out=step)
        np.add(step[0], step[1], out=way)
        np.sqrt(way, out=way)
        np.fmax(way, 0.0, out=way)  # no way where there is no sight
        np.add(self._path, way, out=self._path)
        np.add(self.position[0], self.position[1], out=way)
        np.equal(way, way, out=seen)
        np.copyto(self._last, self._now, where=seen)
        self._push(time)

    def _push(self, time: int) -> None:
        if self._newest - self._oldest + 1 == len(self._times):
            self._grow()
        self._newest = newest = self._newest + 1
        times, size, width, oldest = self._times, len(self._times), self.sights[0].size, self._oldest
        times[newest % size] = time
        sight = self.sights[newest % size]
        sight[_TIME], sight[_PATH] = self._last[2], self._path
        if self._depth == 4:
            sight[2:] = self._last[:2]
        frames, rows, latest = self._frames, [newest % size * width], [time]
        for number, (window, after) in enumerate(self._ends):
            frame, end = frames[number], newest if after < 0 else frames[after]
            following, limit = frame + 1 if frame >= oldest else oldest, times[end % size] - window
            while following <= end and times[following % size] <= limit:
                frame, following = following, following + 1
            frames[number] = frame
            rows.append((frame % size if frame >= 0 else size) * width)
            latest.append(times[frame % size] - window)
        self.rows[:] = rows
        self.latest[:] = latest
        if frames and min(frames) > self._oldest:
            self._oldest = min(frames)

    def _grow(self) -> None:
        size = len(self._times)
        sights, times = np.full((2 * size + 1, self._depth, len(self.keys)), np.nan), [0] * (2 * size)
        for frame in range(self._oldest, self._newest + 1):
            times[frame % (2 * size)] = self._times[frame % size]
            sights[frame % (2 * size)] = self.sights[frame % size]
        self._times, self.sights = times, sights


class Motion:
    """All paces and gains, computed into `out`: the paces first.

    A pace is measured over one stretch, from the start of its window to now; a gain over two, of which the second is
    the window before.
    """

    def __init__(self, quantities: Sequence[tuple[Pace | Gain, Key]], out: Floats) -> None:
        paces = [item for item in quantities if isinstance(item[0], Pace)]
        gains = [item for item in quantities if isinstance(item[0], Gain)]
        windows = sorted({quantity.window for quantity, _ in quantities})
        double = sorted({quantity.window for quantity, _ in gains})
        self._any_straight = any(not quantity.path for quantity, _ in quantities)
        self.history = History(sorted({key for _, key in quantities}), windows, double, self._any_straight)
        stretches = [(*item, False) for item in paces + gains] + [(*item, True) for item in gains]
        column = [self.history.keys.index(key) for _, key, _ in stretches]
        start = [1 + windows.index(quantity.window) for quantity, _, _ in stretches]
        newer = [start[i] if before else 0 for i, (_, _, before) in enumerate(stretches)]
        older = [
            1 + len(windows) + double.index(quantity.window) if before else start[i]
            for i, (quantity, _, before) in enumerate(stretches)
        ]
        n, count, depth = len(self.history.keys), len(stretches), 4 if self._any_straight else 2
        self._ends = np.array(newer + older, np.intp)
        self._places = np.arange(depth)[:, None] * n + np.array(column * 2, np.intp)
        self._rows, self._index = np.empty(2 * count, np.intp), np.empty((depth, 2 * count), np.intp)
        self._latest, self._unusable = np.empty(2 * count), np.empty(2 * count, bool)
        self._straight = np.array([not quantity.path for quantity, _, _ in stretches], bool)
        self._found, self._change = np.empty((depth, 2 * count)), np.empty((depth, count))
        self._newer, self._older = self._found[:, :count], self._found[:, count:]
        p, g = len(paces), len(gains)
        way, time = self._change[_PATH], self._change[_TIME]
        self._pace = (way[:p], time[:p], out[:p])
        self._gain = (way[p:], time[p:], way[p : p + g], way[p + g :], time[p : p + g], time[p + g :], out[p:])

    def compute(self, stamp: int) -> None:
        """Takes up the history's positions and measures."""
        history, found, change = self.history, self._found, self._change
        history.take(stamp)
        history.rows.take(self._ends, out=self._rows, mode="clip")
        np.add(self._places, self._rows, out=self._index)
        history.sights.reshape(-1).take(self._index, out=found, mode="clip")
        history.latest.take(self._ends, out=self._latest, mode="clip")
        np.less(found[_TIME], self._latest, out=self._unusable)
        np.copyto(found[_TIME], np.nan, where=self._unusable)
        np.subtract(self._newer, self._older, out=change)
        if self._any_straight:
            straight = change[2:] * change[2:]
            np.copyto(change[_PATH], np.sqrt(straight[0] + straight[1]), where=self._straight)
        way, time, out = self._pace
        np.divide(way, time, out=out)
        way, time, pace, before, time_of, time_before, out = self._gain
        if len(out):
            np.divide(way, time, out=way)
            np.subtract(pace, before, out=out)
            np.add(time_of, time_before, out=time_of)
            np.multiply(time_of, 0.5, out=time_of)
            np.divide(out, time_of, out=out)
