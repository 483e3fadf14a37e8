"""What a filter is, and what every filter shares: which values count as measured, and how long a gap is bridged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod
from typing import Annotated, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dlstream_common import Settings
from dlstream_common.tagged import Configurable

Floats = NDArray[np.float64]

SECOND = 1_000_000_000
_PAUSE = 0.3
"""Seconds up to which frames may be apart whatever `gap` says: a short one must not start every frame of a slow camera
anew, whose keypoints are in sight all the time."""

X, Y, VX, VY, PLACE, BOTH, PACE, CONFIDENCE, SURE, IDLE, LAST_X, LAST_Y = range(12)
"""The rows of a filter's state: position and velocity; covariance of position, of both, and of velocity; confidence,
and that of the last measurement; seconds since then, infinite where a keypoint is lost or new; where it was then."""
ROWS = 12


class FilterSettings(Settings):
    """The keys of every filter; a filter adds its own. The registry adds the key `type`, the filter's name."""

    type: str = ""
    """The filter."""
    gap: Annotated[float, Field(ge=0, le=60)] = 0.3
    """Seconds for which a keypoint that isn't seen continues at its last velocity."""
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Keypoints with a lower confidence count as not seen."""


S = TypeVar("S", bound=FilterSettings)


@dataclass(frozen=True, slots=True)
class Filtered:
    """A filter's estimate, for keypoints of a shape such as (individuals, keypoints).

    Attributes:
        position: `(2, *shape)`: x, y in pixels; NaN where nothing was measured for longer than `gap`.
        velocity: `(2, *shape)`: along x and y, in pixels a second.
        covariance: `(*shape, 3)`: of position (px²), of both (px²/s), of velocity (px²/s²); None where there is none.
        confidence: shape: that of the last measurement, falling to 0 in a gap.
    """

    position: Floats
    velocity: Floats
    covariance: Floats | None
    confidence: Floats


class Filter(Configurable[S], ABC):
    """Filters keypoints of any number of animals, each independently, by the acquisition stamps.

    A measurement counts if it is a number and its confidence is at least `min_confidence`. Without one, the filter
    continues at the last velocity for up to `gap` seconds, while the confidence falls from the last measured one to 0.
    Then the keypoint is lost, and starts again with its next measurement, also where no frame comes for that long.

    `class Kalman(Filter[KalmanSettings])` says which settings it has.

    Args:
        shape: of the keypoints, such as (individuals, keypoints).
    """

    settings_type: ClassVar[type[Settings]] = FilterSettings
    name: ClassVar[str]
    has_covariance: ClassVar[bool]

    def __init__(self, shape: tuple[int, ...], settings: S) -> None:
        self.shape, self.settings = shape, settings
        self.reset()

    def reset(self) -> None:
        """Forgets everything, for example when frames come from another time or have another size."""
        self._stamp: int | None = None
        self.state = np.full((ROWS, prod(self.shape)), np.nan)
        self.state[SURE], self.state[IDLE] = 0.0, np.inf

    def update(self, poses: NDArray[np.float32] | Floats, stamp: int) -> Filtered:
        """Takes the measurements of a frame.

        Args:
            poses: `(*shape, 3)`: x, y, confidence.
            stamp: acquisition of the frame, in nanoseconds; one that lies before the last resets the filter, as does
                one so long after it that every keypoint is lost meanwhile.
        """
        if not 0 <= self._since(stamp) <= max(self.settings.gap, _PAUSE):
            self.reset()
        step = self._since(stamp)
        self._stamp = stamp
        self.state = self.state.copy()  # the one before may still be looked at
        self.step(np.array(poses, np.float64, order="C").reshape(prod(self.shape), 3), step)
        return self._filtered(self.state)

    def predict(self, stamp: int) -> Filtered:
        """Where the keypoints will be at a stamp, if each continues as now; changes nothing."""
        state = self.state.copy()
        self.carry(state, self._since(stamp))
        return self._filtered(state)

    def _since(self, stamp: int) -> float:
        return 0.0 if self._stamp is None else (stamp - self._stamp) / SECOND

    def _filtered(self, state: Floats) -> Filtered:
        return Filtered(
            state[X:VX].reshape(2, *self.shape),
            state[VX:PLACE].reshape(2, *self.shape),
            state[PLACE:CONFIDENCE].T.reshape(*self.shape, 3) if self.has_covariance else None,
            state[CONFIDENCE].reshape(self.shape),
        )

    def remember(self, seen: NDArray[np.bool_], confidence: Floats, step: float) -> None:
        """Ends a `step`: how long each keypoint has been out of sight, and how sure it is then.

        Args:
            seen: (keypoints,): which measurements counted.
            confidence: (keypoints,): of the measurements.
        """
        state, gap = self.state, self.settings.gap
        state[SURE] = np.where(seen, confidence, state[SURE])
        state[IDLE] = np.where(seen, 0.0, state[IDLE] + step)
        lost = state[IDLE] > gap
        state[:CONFIDENCE, lost], state[IDLE, lost] = np.nan, np.inf
        state[CONFIDENCE] = state[SURE] * np.maximum(1 - state[IDLE] / (gap + 1e-9), 0.0)

    @abstractmethod
    def step(self, poses: Floats, step: float) -> None:
        """Updates the state with a frame, (keypoints, 3), some seconds after the last one."""

    @abstractmethod
    def carry(self, state: Floats, step: float) -> None:
        """Advances a state by some seconds."""
