"""Keypoints of the teacher that jump from where they were, and back: most likely wrong, so not learned from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SURE = 0.5
"""A keypoint with at least this confidence counts as one that the teacher is sure of."""
_REACH = 2
"""Frames before, and frames after, that are looked at."""
_LEAST = 4.0
"""Pixels of the network's image; less is noise."""
_TIMES = 8.0
"""How many times the usual distance is a jump."""


def jumps(poses: NDArray[np.float32], numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which keypoints are far from midway between the frames before and after, and between those two before and after.

    An animal that runs stays near that middle. A jump that lasts longer than two frames is not
    found; beside one that lasts two, the frames before and after are left out as well.

    Args:
        poses: (N, K, 3) x, y and confidence, in the order of time.
        numbers: (N,) of their frames; only frames in a row are neighbours.

    Returns:
        (N, K); always False for a keypoint that is not sure, or has no sure neighbours on both sides.
    """
    sure = poses[..., 2] >= SURE
    points = np.where(sure[..., None], poses[..., :2], np.nan).astype(np.float64)
    apart = np.full(sure.shape, np.inf)
    for step in range(1, _REACH + 1):
        inner = slice(step, len(points) - step)
        before, after = points[: -2 * step], points[2 * step :]
        distance = np.hypot(*np.moveaxis(points[inner] - (before + after) / 2, -1, 0))
        distance[numbers[2 * step :] - numbers[: -2 * step] != 2 * step] = np.nan
        apart[inner] = np.fmin(apart[inner], distance)
    known = np.isfinite(apart)
    limits = np.array(
        [
            max(_LEAST, _TIMES * float(np.median(one[there]))) if there.any() else _LEAST
            for one, there in zip(apart.T, known.T, strict=True)
        ]
    )
    return np.asarray(known & (apart > limits), np.bool_)
