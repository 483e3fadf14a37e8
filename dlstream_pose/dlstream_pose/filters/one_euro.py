"""The One-Euro filter: strong smoothing at rest, little lag in motion, two numbers to set."""

from __future__ import annotations

from math import pi

import numpy as np
from numpy.typing import NDArray

from dlstream_pose.filters._base import Filter, Floats

_CUTOFF_OF_VELOCITY = 1.0


class OneEuro(Filter):
    """Casiez, Roussel and Vogel (2012), "1 € Filter", CHI '12, doi:10.1145/2207676.2208639.

    A first-order low-pass whose cut-off frequency is `cutoff` + `beta` * speed (in hertz, the speed in pixels a
    second), the speed itself low-passed at 1 Hz. x and y share one speed, so that the direction of the axes doesn't
    matter. It knows neither noise nor confidence, so it finds no outliers and gives no covariance.
    """

    name = "one_euro"

    def reset(self) -> None:
        super().reset()
        self._last = np.full((2, self._count), np.nan)

    def _step(self, point: Floats, confidence: Floats, measured: NDArray[np.bool_], step: float) -> NDArray[np.bool_]:
        position, velocity = self._position, self._velocity
        if step > 0:
            # Since the last measurement: there may have been a gap, over which the position went on by the velocity.
            moved = (point - self._last) / (self._idle + step)
            faster = velocity + _alpha(_CUTOFF_OF_VELOCITY, step) * (moved - velocity)
            cutoff = self.settings.cutoff + self.settings.beta * np.hypot(faster[0], faster[1])
            nearer = position + _alpha(cutoff, step) * (point - position)
            position = np.where(measured, nearer, position + step * velocity)
            velocity = np.where(measured, faster, velocity)
        new = measured & np.isinf(self._idle)
        if new.any():
            position, velocity = np.where(new, point, position), np.where(new, 0.0, velocity)
        self._position, self._velocity = position, velocity
        self._last = np.where(measured, point, self._last)
        return measured


def _alpha(cutoff: Floats | float, step: float) -> Floats:
    """The weight of a new value: 1 / (1 + tau / step), where tau = 1 / (2 pi cutoff)."""
    return np.asarray(1 / (1 + 1 / (2 * pi * cutoff * step)))


FILTER = OneEuro
