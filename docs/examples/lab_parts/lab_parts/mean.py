"""A filter: the mean of a keypoint's place and of its last one."""

from typing import Annotated

import numpy as np
from pydantic import Field

from dlstream_pose import Filter, FilterSettings
from dlstream_pose.runtime.filters import IDLE, Floats, X, Y


class MeanSettings(FilterSettings):
    """A part of what is measured and the rest of what was held for true: fewer trembling points, a frame late."""

    weight: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Of what is measured; 1: no filter at all."""


class Mean(Filter[MeanSettings]):
    """See MeanSettings."""

    name = "mean"
    has_covariance = False

    def step(self, poses: Floats, step: float) -> None:
        x, y, confidence = poses.T
        seen = (confidence >= self.settings.min_confidence) & np.isfinite(x + y)
        new = np.isinf(self.state[IDLE])  # lost, or never seen before
        for row, value in ((X, x), (Y, y)):
            moved = self.state[row] + self.settings.weight * (value - self.state[row])
            held = np.where(new, value, moved)
            self.state[row] = np.where(seen, held, self.state[row])
        self.remember(seen, confidence, step)

    def carry(self, state: Floats, step: float) -> None:
        """Nothing moves by itself: this filter knows no velocity."""
