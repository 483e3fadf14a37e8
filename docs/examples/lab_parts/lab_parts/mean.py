"""A filter: the mean of a keypoint's place and of its last one."""

import numpy as np

from dlstream_pose import Filter
from dlstream_pose.runtime.filters import IDLE, Floats, X, Y


class Mean(Filter):
    """Half of what is measured and half of what was held for true: fewer trembling points, a frame late."""

    name = "mean"
    has_covariance = False

    def step(self, poses: Floats, step: float) -> None:
        x, y, confidence = poses.T
        seen = (confidence >= self.settings.min_confidence) & np.isfinite(x + y)
        new = np.isinf(self.state[IDLE])  # lost, or never seen before
        for row, value in ((X, x), (Y, y)):
            held = np.where(new, value, (self.state[row] + value) / 2)
            self.state[row] = np.where(seen, held, self.state[row])
        self.remember(seen, confidence, step)

    def carry(self, state: Floats, step: float) -> None:
        """Nothing moves by itself: this filter knows no velocity."""
