"""Where keypoints were: what `kernel.py` keeps from frame to frame, as far back as the windows of time reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlstream_experiment.runtime.triggers.kernel import NEWEST, NONE, OLDEST, PATH

Key = tuple[str, int, int]
"""A keypoint, its confidence level (as an index) and its slot."""

_ROOM = 64  # frames, to begin with


class History:
    """The last sightings of some keypoints, frame by frame.

    Attributes:
        first: the stamp of the first frame; None before it. The others as in `kernel.evaluate`.

    Args:
        windows: their lengths, ns.
        double: those that are preceded by another window of the same length.
    """

    def __init__(self, keys: Sequence[Key], windows: Sequence[int], double: Sequence[int]) -> None:
        self.keys = list(keys)
        ends = [(window, NONE) for window in windows] + [(window, windows.index(window)) for window in double]
        self.windows = np.array(ends, np.int64).reshape(-1, 2)
        self.frames = np.full(len(ends), NONE, np.int64)
        self.kept = np.array((-1, 0), np.int64)
        self.times = np.zeros(_ROOM, np.int64)
        self.sights = np.full((_ROOM, 4, len(self.keys)), np.nan)
        self.last = np.full((4, len(self.keys)), np.nan)
        self.last[PATH] = 0.0
        self.first: int | None = None

    def grow(self) -> None:
        """Makes room for twice as many frames."""
        size = len(self.times)
        frames = np.arange(self.kept[OLDEST], self.kept[NEWEST] + 1)
        times, sights = np.zeros(2 * size, np.int64), np.full((2 * size, 4, len(self.keys)), np.nan)
        times[frames % (2 * size)] = self.times[frames % size]
        sights[frames % (2 * size)] = self.sights[frames % size]
        self.times, self.sights = times, sights

    def adopt(self, other: History) -> None:
        """Copies what another history with the same windows has of the same keypoints."""
        shared = [(i, other.keys.index(key)) for i, key in enumerate(self.keys) if key in other.keys]
        mine, theirs = [i for i, _ in shared], [j for _, j in shared]
        self.first, self.frames, self.kept, self.times = other.first, other.frames, other.kept, other.times
        self.sights = np.full((len(self.times), 4, len(self.keys)), np.nan)
        self.sights[:, :, mine] = other.sights[:, :, theirs]
        self.last[:, mine] = other.last[:, theirs]

    def clear(self) -> None:
        """Forgets every frame: the next one has another place in time."""
        self.first = None
        self.kept[:] = -1, 0
        self.frames[:] = NONE
        self.last[:] = np.nan
        self.last[PATH] = 0.0

    def forget(self, columns: Sequence[int]) -> None:
        """Forgets these keypoints: they belong to another animal from now on."""
        self.last[:, columns] = np.nan
        self.last[PATH, columns] = 0.0
        self.sights[:, :, columns] = np.nan
