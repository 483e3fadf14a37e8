"""Which animal is which, from frame to frame, as the frames come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlstream_pose.runtime import _identity_kernel as kernel
from dlstream_pose.runtime.assignment import best_assignment

_SECOND = 1_000_000_000


class Identity:
    """Puts the animals found in a frame in the order of the animals known so far.

    There are as many places as the network finds animals. An animal keeps its place, and with it its id, while others
    are lost or come back: with animals 0, 1 and 2, if 1 is lost, 2 stays 2. Each animal is expected where its velocity
    has carried its last pose since. The most likely assignment of all found animals together wins; their distances are
    normally distributed, with a standard deviation that grows with the time since an animal was last seen. Only the
    past decides. What fits no known animal, and is too far from each of the last frame for one that starts suddenly,
    takes a place that was never used, or else that of the animal lost for longest, where it begins at rest.

    Args:
        individuals: how many places there are.
        keypoints: how many keypoints an animal has.
    """

    def __init__(self, individuals: int, keypoints: int) -> None:
        self.individuals, self.keypoints = individuals, keypoints
        self.reset()

    def reset(self) -> None:
        """Forgets every animal."""
        count, keypoints = self.individuals, self.keypoints
        self._last = np.full((count, keypoints, 2), np.nan)
        self._places = np.zeros((count, kernel.COLUMNS))
        self._stamp: int | None = None
        # Buffers for a frame's results; see `_identity_kernel.compare`.
        self._found, self._rows = np.empty(count, np.int64), np.empty(count, np.int64)
        self._points = np.empty((count, keypoints, 2))
        self._costs, self._gains = np.empty((count, count)), np.empty((count, count))

    def assign(self, poses: NDArray[np.float32], stamp: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """The poses of a frame in the order of the places, and how easily each could be swapped.

        Args:
            poses: (N, K, 3): x, y, confidence, in any order; an animal counts if any keypoint of it is seen.
            stamp: acquisition of the frame, in nanoseconds; one that lies before the last makes it forget everything.

        Returns:
            (individuals, K, 3), NaN with confidence 0 where an animal isn't seen; and (individuals,) from 0 to 1.
        """
        if self._stamp is not None and stamp < self._stamp:
            self.reset()
        step = 0.0 if self._stamp is None else (stamp - self._stamp) / _SECOND
        self._stamp = stamp
        poses = np.ascontiguousarray(poses, np.float32).reshape(-1, self.keypoints, 3)
        known = self._last, self._places
        compared = self._found, self._points, self._costs, self._gains
        kernel.compare(poses, step, *known, *compared)
        gains = [row for row, pose in zip(self._gains.tolist(), self._found.tolist(), strict=True) if pose >= 0]
        self._rows[:] = -1
        for row, place in best_assignment(gains):
            self._rows[place] = row
        ordered = np.empty((self.individuals, self.keypoints, 3), np.float32)
        kernel.settle(poses, *known, *compared, self._rows, ordered)
        return ordered, self._places[:, kernel.RISK].copy()
