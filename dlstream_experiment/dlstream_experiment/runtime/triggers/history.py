"""Where keypoints were: what `_kernel.py` keeps of them from frame to frame, as far back as windows of time reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlstream_experiment.runtime.triggers.kernel import NEWEST, NONE, OLDEST, PATH

Key = tuple[str, int, int]
"""A keypoint, the confidence that it needs (as an index) and a slot."""

_ROOM = 64  # frames, to begin with


class History:
    """The last sights of some keypoints, frame by frame, as far back as the windows reach.

    Attributes: as in `_kernel.evaluate`.
    """

    def __init__(self, keys: Sequence[Key], windows: Sequence[int], double: Sequence[int]) -> None:
        """`windows`: their lengths, ns; `double`: of those before which there is another one as long."""
        self.keys = list(keys)
        ends = [(window, NONE) for window in windows] + [(window, windows.index(window)) for window in double]
        self.windows = np.array(ends, np.int64).reshape(-1, 2)
        self.frames = np.full(len(ends), NONE, np.int64)
        self.kept = np.array((-1, 0), np.int64)
        self.times = np.zeros(_ROOM, np.int64)
        self.sights = np.full((_ROOM, 4, len(self.keys)), np.nan)
        self.last = np.full((4, len(self.keys)), np.nan)
        self.last[PATH] = 0.0
        self._first: int | None = None

    def make_room(self, stamp: int) -> int:
        """For one more frame; its time since the first one, ns."""
        if self._first is None:
            self._first = stamp
        size = len(self.times)
        if self.kept[NEWEST] - self.kept[OLDEST] + 1 == size:
            frames = np.arange(self.kept[OLDEST], self.kept[NEWEST] + 1)
            times, sights = np.zeros(2 * size, np.int64), np.full((2 * size, 4, len(self.keys)), np.nan)
            times[frames % (2 * size)] = self.times[frames % size]
            sights[frames % (2 * size)] = self.sights[frames % size]
            self.times, self.sights = times, sights
        return stamp - self._first

    def adopt(self, other: History) -> None:
        """Takes over what another one with the same windows knows of the same keypoints."""
        shared = [(i, other.keys.index(key)) for i, key in enumerate(self.keys) if key in other.keys]
        mine, theirs = [i for i, _ in shared], [j for _, j in shared]
        self._first, self.frames, self.kept, self.times = other._first, other.frames, other.kept, other.times
        self.sights = np.full((len(self.times), 4, len(self.keys)), np.nan)
        self.sights[:, :, mine] = other.sights[:, :, theirs]
        self.last[:, mine] = other.last[:, theirs]

    def forget(self, columns: Sequence[int]) -> None:
        """These keypoints are of another animal from now on."""
        self.last[:, columns] = np.nan
        self.last[PATH, columns] = 0.0
        self.sights[:, :, columns] = np.nan
