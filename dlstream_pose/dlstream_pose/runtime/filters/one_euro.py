"""The One-Euro filter: strong smoothing at rest, little lag in motion, two numbers to set."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dlstream_pose.runtime.filters import _kernel
from dlstream_pose.runtime.filters._base import Filter, FilterSettings, Floats


class OneEuroSettings(FilterSettings):
    """Strong smoothing at rest, little lag in motion."""

    cutoff: Annotated[float, Field(gt=0, le=1000)] = 2.0
    """Cut-off frequency at rest, in hertz; lower is smoother."""
    beta: Annotated[float, Field(ge=0, le=100)] = 0.02
    """How much the cut-off rises with speed, in hertz per px/s; higher lags less."""


class OneEuro(Filter[OneEuroSettings]):
    """Casiez, Roussel and Vogel (2012), "1 € Filter", CHI '12, doi:10.1145/2207676.2208639.

    A first-order low-pass whose cut-off frequency is `cutoff` + `beta` * speed (in hertz, the speed in pixels a
    second), the speed itself low-passed at 1 Hz. x and y share one speed, so that the direction of the axes doesn't
    matter. It knows neither noise nor confidence, so it finds no outliers and gives no covariance.
    """

    name = "one_euro"
    has_covariance = False

    def step(self, poses: Floats, step: float) -> None:
        settings = self.settings
        _kernel.one_euro(self.state, poses, step, settings.gap, settings.min_confidence, settings.cutoff, settings.beta)

    def carry(self, state: Floats, step: float) -> None:
        _kernel.carry(state, step, 0.0)
