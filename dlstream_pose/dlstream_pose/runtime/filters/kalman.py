"""A Kalman filter with constant velocity: smooth, and without lag while an animal moves straight."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dlstream_pose.runtime.filters import _kernel
from dlstream_pose.runtime.filters._base import Filter, FilterSettings, Floats


class KalmanSettings(FilterSettings):
    """Constant velocity: smooth, without lag while an animal moves straight; leaves out outliers."""

    noise: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """Error of a measured keypoint with confidence 1, in pixels (standard deviation). More is smoother."""
    agility: Annotated[float, Field(gt=0, le=1e6)] = 1000.0
    """How much a keypoint's velocity changes within a second, in px/s. Less is smoother, and lags at turns."""


class Kalman(Filter[KalmanSettings]):
    """Nearly constant velocity, driven by white noise of the acceleration.

    The model is that of Bar-Shalom, Li and Kirubarajan (2001), "Estimation with Applications to Tracking and
    Navigation", section 6.2.2: over a time T the state (position, velocity) is carried on by [[1, T], [0, 1]] and gains
    the covariance q [[T^3/3, T^2/2], [T^2/2, T]]. q is `agility` squared: within a second a velocity changes by
    `agility` (pixels a second, standard deviation). x and y are alike and independent, so that both share one 2x2
    covariance, kept as (position, both, velocity), and the gain is written out.

    A measurement's standard deviation is `noise` pixels divided by its confidence. One that lies farther from the
    expected place than 99.9 % of all would is an outlier and is ignored. A new keypoint starts at rest, with a velocity
    as uncertain as after a gap out of sight.
    """

    name = "kalman"
    has_covariance = True

    def step(self, poses: Floats, step: float) -> None:
        settings = self.settings
        _kernel.kalman(self.state, poses, step, settings.gap, settings.min_confidence, settings.noise, settings.agility)

    def carry(self, state: Floats, step: float) -> None:
        _kernel.carry(state, step, self.settings.agility)
