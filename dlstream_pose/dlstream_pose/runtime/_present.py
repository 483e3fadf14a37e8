"""Individuals that other tools give although they did not find them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def present(poses: NDArray[np.float32]) -> NDArray[np.float32]:
    """Only those individuals that were found, with NaN, NaN, 0 for each keypoint that was not."""
    poses = poses.copy()
    missing = ~np.isfinite(poses).all(axis=-1) | (poses[..., 2] < 0)
    poses[missing] = np.nan, np.nan, 0
    return poses[(poses[..., 2] > 0).any(axis=1)]
