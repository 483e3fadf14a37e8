"""A Kalman filter with constant velocity: smooth and without lag while an animal goes straight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlstream_pose.filters._base import Filter, Floats

GATE = 13.8
"""Squared Mahalanobis distance of an outlier: the 0.999 quantile of chi-squared with two degrees of freedom."""
_LEAST_CONFIDENCE = 0.05


class Kalman(Filter):
    """Nearly constant velocity, driven by white noise of the acceleration.

    The model is that of Bar-Shalom, Li and Kirubarajan (2001), "Estimation with Applications to Tracking and
    Navigation", section 6.2.2: over a time T the state (position, velocity) is carried on by [[1, T], [0, 1]] and gains
    the covariance q [[T^3/3, T^2/2], [T^2/2, T]]. q is `agility` squared: within a second a velocity changes by
    `agility` (pixels a second, standard deviation). x and y are alike and independent, so that both share one 2x2
    covariance, kept as (position, both, velocity), and the gain is written out.

    A measurement's standard deviation is `noise` pixels divided by its confidence. One that lies farther from the
    expected place than 0.999 of all would is an outlier and isn't taken. A new keypoint rests, with a velocity that is
    as unsure as if it had been out of sight for a gap.
    """

    name = "kalman"

    def reset(self) -> None:
        super().reset()
        self._covariance = np.full((3, self._count), np.nan)

    def _step(self, point: Floats, confidence: Floats, measured: NDArray[np.bool_], step: float) -> NDArray[np.bool_]:
        position, velocity = self._position + step * self._velocity, self._velocity
        covariance = self._carried(step)
        variance = (self.settings.noise / np.maximum(confidence, _LEAST_CONFIDENCE)) ** 2
        off = point - position
        total = covariance[0] + variance
        # False as well for what isn't known yet, because comparisons with NaN are.
        taken = measured & (off[0] * off[0] + off[1] * off[1] <= GATE * total)
        gains = covariance[:2] / total
        if not taken.all():
            new = measured & np.isinf(self._idle)
            gains, off = np.where(taken, gains, 0.0), np.where(taken, off, 0.0)
            position, velocity = np.where(new, point, position), np.where(new, 0.0, velocity)
            unsure = self.settings.agility**2 * self.settings.gap
            covariance = np.where(new, (variance, np.zeros(self._count), np.full(self._count, unsure)), covariance)
            taken = taken | new
        gain, push = gains
        self._position, self._velocity = position + gain * off, velocity + push * off
        covariance[2] -= push * covariance[1]
        covariance[:2] -= gain * covariance[:2]
        self._covariance = covariance
        return taken

    def _carried(self, step: float) -> Floats:
        """The covariance some seconds later, as an array of its own."""
        q = self.settings.agility**2
        carry = np.array([[1, 2 * step, step**2], [0, 1, step], [0, 0, 1]])
        later: Floats = carry @ self._covariance
        later += np.array([[q * step**3 / 3], [q * step**2 / 2], [q * step]])
        return later

    def _covariances(self, ahead: float) -> Floats:
        covariance = self._carried(ahead) if ahead else self._covariance
        return covariance if self._complete else covariance + 0.0 * self._position[0]


FILTER = Kalman
