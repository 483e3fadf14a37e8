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

_TIME, _PATH = 2, 3


class History:
    """The last sights of some keypoints, frame by frame, as far back as the windows reach.

    Attributes:
        sights: (rows, 4, n): x, y, time (ns since the first frame) and path; a row a frame, used in turn, and one
            more that is NaN.
        rows: of the newest frame, of those that begin each window, and of those that begin the window before each.
        latest: the times that sights in these rows must have at least to be used.
    """

    def __init__(self, keys: Sequence[Key], windows: Sequence[int]) -> None:
        self.keys = list(keys)
        self._windows = list(windows)
        self._zero: int | None = None
        self._times = [0] * 64
        self._last = np.full((4, len(self.keys)), np.nan)
        self._last[_PATH] = 0.0
        self.sights = np.full((65, 4, len(self.keys)), np.nan)
        self._begin()

    def _begin(self) -> None:
        self._newest, self._oldest = -1, 0  # frames, counted on and on; frame i is in row i % len(self._times)
        self._starts = [-1] * len(self._windows)  # -1: none
        self._befores = [-1] * len(self._windows)
        self.rows = [len(self._times)] * (1 + 2 * len(self._windows))
        self.latest = [0.0] * len(self.rows)

    def adopt(self, other: History) -> None:
        """Takes over what another one with the same windows knows of the same keypoints."""
        shared = [(i, other.keys.index(key)) for i, key in enumerate(self.keys) if key in other.keys]
        mine, theirs = [i for i, _ in shared], [j for _, j in shared]
        self._zero, self._newest, self._oldest = other._zero, other._newest, other._oldest
        self._times, self._starts, self._befores = other._times, other._starts, other._befores
        self.sights = np.full((len(self._times) + 1, 4, len(self.keys)), np.nan)
        self.sights[:, :, mine] = other.sights[:, :, theirs]
        self._last[:, mine] = other._last[:, theirs]

    def forget(self, columns: Sequence[int]) -> None:
        """These keypoints are of another animal from now on."""
        self._last[:_PATH, columns] = np.nan
        self._last[_PATH, columns] = 0.0
        self.sights[:, :, columns] = np.nan

    def take(self, stamp: int, position: Floats) -> None:
        """Takes up the positions in a frame, (2, n)."""
        if self._zero is None:
            self._zero = stamp
        time = stamp - self._zero
        if self._newest >= 0 and time <= self._times[self._newest % len(self._times)]:
            self.forget(range(len(self.keys)))  # the clock was set back: what was before has no place in time
            self._begin()
        last = self._last
        step = position - last[:2]
        step *= step
        way = np.sqrt(step[0] + step[1])
        np.add(last[_PATH], way, out=last[_PATH], where=way == way)
        total = position[0] + position[1]
        seen = total == total
        np.copyto(last[:2], position, where=seen)
        np.copyto(last[_TIME], time, where=seen)
        self._push(time)

    def _push(self, time: int) -> None:
        if self._newest - self._oldest + 1 == len(self._times):
            self._grow()
        self._newest += 1
        times, size = self._times, len(self._times)
        row = self._newest % size
        times[row] = time
        self.sights[row] = self._last
        rows, latest = [row], [float(time)]
        for frames, others in ((self._starts, None), (self._befores, self._starts)):
            for number, window in enumerate(self._windows):
                end = self._newest if others is None else others[number]
                if end >= 0:
                    frames[number] = self._advance(frames[number], times[end % size] - window)
                start = frames[number]
                rows.append(start % size if start >= 0 else size)
                latest.append(float(times[start % size] - window))
        self.rows, self.latest = rows, latest
        if self._befores and min(self._befores) >= 0:
            self._oldest = min(self._befores)

    def _advance(self, frame: int, limit: int) -> int:
        """The newest frame at or before `limit`, from `frame` on."""
        times, size = self._times, len(self._times)
        following = max(frame + 1, self._oldest)
        while following <= self._newest and times[following % size] <= limit:
            frame, following = following, following + 1
        return frame

    def _grow(self) -> None:
        size = len(self._times)
        sights, times = np.full((2 * size + 1, 4, len(self.keys)), np.nan), [0] * (2 * size)
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
        windows = sorted({quantity.window for quantity, _ in quantities})
        self.history = History(sorted({key for _, key in quantities}), windows)
        paces = [item for item in quantities if isinstance(item[0], Pace)]
        gains = [item for item in quantities if isinstance(item[0], Gain)]
        stretches = [(*item, 0) for item in paces + gains] + [(*item, 1) for item in gains]
        n, count = len(self.history.keys), len(stretches)
        column = [self.history.keys.index(key) for _, key, _ in stretches]
        window = [1 + windows.index(quantity.window) for quantity, _, _ in stretches]
        newer = [w if before else 0 for w, (_, _, before) in zip(window, stretches, strict=True)]
        older = [w + len(windows) * before for w, (_, _, before) in zip(window, stretches, strict=True)]
        self._ends = np.array(newer + older, np.intp)
        self._places = np.arange(4)[:, None] * n + np.array(column * 2, np.intp)
        self._width = 4 * n
        self._straight = np.array([not quantity.path for quantity, _, _ in stretches], bool)
        self._found = np.empty((4, 2 * count))
        self._change = np.empty((4, count))
        self._pace = np.empty(count)
        self._count, self._paces, self._gains = count, len(paces), len(gains)
        self._out = out

    def compute(self, stamp: int, position: Floats) -> None:
        """Takes up the positions of the history's keys in a frame, (2, n), and measures."""
        history = self.history
        history.take(stamp, position)
        rows = np.array(history.rows, np.intp) * self._width
        index = self._places + rows[self._ends]
        found, change, count = self._found, self._change, self._count
        np.take(history.sights, index, out=found, mode="clip")
        unusable = ~(found[_TIME] >= np.array(history.latest)[self._ends])
        np.copyto(found[_TIME], np.nan, where=unusable)
        np.subtract(found[:, :count], found[:, count:], out=change)
        way, time = change[_PATH], change[_TIME]
        if self._straight.any():
            np.copyto(way, np.sqrt(change[0] * change[0] + change[1] * change[1]), where=self._straight)
        p, g = self._paces, self._gains
        if not g:
            np.divide(way, time, out=self._out)
            return
        pace = np.divide(way, time, out=self._pace)
        self._out[:p] = pace[:p]
        between = (time[p : p + g] + time[p + g :]) / 2
        self._out[p:] = (pace[p : p + g] - pace[p + g :]) / between
