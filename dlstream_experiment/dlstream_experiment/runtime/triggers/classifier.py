"""Keeps the poses of a window of time and asks a network for their class."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlstream_experiment.model.classification import PoseClassification
from dlstream_experiment.model.names import SECOND
from dlstream_experiment.model.pose_array import PoseArray
from dlstream_experiment.model.triggers import Trigger

_MOST = 100_000
"""Poses kept of an individual."""
_STEP = SECOND // 2
"""As in the kernel: a stamp that is earlier by less is one of a frame out of order."""


class ClassifierTrigger(Trigger):
    """Decides by the class that a network gives; see PoseClassification.

    Attributes:
        held: whether its condition is true, so that `release` applies; set before each frame.
    """

    def __init__(self, asked: PoseClassification) -> None:
        self._asked = asked
        self._poses: dict[str, deque[tuple[int, NDArray[np.float64]]]] = {}
        self._columns: list[int] = []
        self._center = 0
        self.held = False
        self._measured = float("nan")

    def bind(self, keypoints: Sequence[str]) -> None:
        for name in (*self._asked.keypoints, self._asked.reference):
            if name not in keypoints:
                raise KeyError(name)
        self._columns = [list(keypoints).index(name) for name in self._asked.keypoints]
        self._center = list(keypoints).index(self._asked.reference)
        self._poses.clear()

    @property
    def measured(self) -> float:
        return self._measured

    def decide(self, poses: PoseArray) -> bool | None:
        asked, features = self._asked, []
        for row, name in enumerate(poses.ids):
            if asked.only in (None, name):
                found = self._features(name, poses.stamp) if self._keep(name, poses, row) else None
                if found is not None:
                    features.append(found)
        for name in [name for name in self._poses if name not in poses.ids]:
            del self._poses[name]
        self._measured = float("nan")
        if not features:
            return None
        most, shares = asked.network.classify(np.stack(features).astype(np.float32), asked.behaviour)
        self._measured = float(shares.max())
        bound = asked.release if self.held and asked.release is not None else asked.at_least
        return bool(most.any()) if bound is None else bool((shares >= bound).any())

    def forget(self) -> None:
        """Forgets every pose: the next one has another place in time."""
        self._poses.clear()

    def _keep(self, name: str, poses: PoseArray, row: int) -> bool:
        """Appends the individual's pose, and drops those that no window needs any more.

        Returns whether it did: not of a frame that is no later than the one before.
        """
        kept = self._poses.setdefault(name, deque(maxlen=_MOST))
        if kept and 0 <= kept[-1][0] - poses.stamp < _STEP:
            return False
        if kept and not 0 < poses.stamp - kept[-1][0] <= SECOND:
            kept.clear()  # the clock was set back, or no frame came for so long that it is a new one
        columns = [*self._columns, self._center]
        block = poses.block[:2, row, columns].astype(np.float64)
        block[:, ~(poses.block[2, row, columns] >= self._asked.min_confidence)] = np.nan
        kept.append((poses.stamp, ((block[:, :-1] - block[:, -1:]) / self._asked.scale).T.reshape(-1)))
        while len(kept) > 1 and kept[1][0] <= poses.stamp - self._asked.window:
            kept.popleft()
        return True

    def _features(self, name: str, now: int) -> NDArray[np.float64] | None:
        """(samples, 2 K), interpolated between frames; None where something is missing."""
        kept, window, samples = self._poses[name], self._asked.window, self._asked.network.samples
        if samples > 1 and kept[0][0] > now - window:
            return None
        steps = max(samples - 1, 1)
        times = [now - window + window * number / steps for number in range(samples)]
        times[-1] = now
        rows, place = [], 0
        for time in times:
            while place < len(kept) - 1 and kept[place + 1][0] <= time:
                place += 1
            before, pose = kept[place]
            if time > before and place < len(kept) - 1:
                after, following = kept[place + 1]
                pose = pose + (following - pose) * ((time - before) / (after - before))
            rows.append(pose)
        features = np.stack(rows)
        return None if np.isnan(features).any() else features
