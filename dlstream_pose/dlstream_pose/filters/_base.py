"""What a filter is, and what every filter shares: which values count as measured, and how long a gap is bridged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class FilterSettings:
    """What the filters are set by; see the pose node's settings for the meaning of each."""

    noise: float = 1.0
    agility: float = 1000.0
    gap: float = 0.3
    min_confidence: float = 0.1
    cutoff: float = 2.0
    beta: float = 0.02


@dataclass(frozen=True, slots=True)
class Filtered:
    """What a filter holds for true, for keypoints of a shape such as (individuals, keypoints).

    Attributes:
        position: (2, *shape): x, y in pixels; NaN where nothing was measured for longer than a gap may be.
        velocity: (2, *shape): along x and y, in pixels a second.
        covariance: (*shape, 3): of position (px²), of both (px²/s), of velocity (px²/s²); None where there is none.
        confidence: shape: that of the last measurement, falling to 0 in a gap.
    """

    position: Floats
    velocity: Floats
    covariance: Floats | None
    confidence: Floats


class Filter(ABC):
    """Filters keypoints of any number of animals, each for itself, on the stamps of acquisition.

    A measurement counts if it is a number and its confidence is at least `min_confidence`. Where none counts, the
    filter goes on by the last velocity for up to `gap` seconds, and the confidence falls from the last measured one to
    0 meanwhile; then the keypoint is lost, and begins anew with its next measurement.

    Args:
        shape: of the keypoints, such as (individuals, keypoints).
    """

    name: ClassVar[str]

    def __init__(self, shape: tuple[int, ...], settings: FilterSettings) -> None:
        self.shape, self.settings = shape, settings
        self._count = int(np.prod(shape))
        self.reset()

    def reset(self) -> None:
        """Forgets everything, as where the frames are of another time or another size than before."""
        self._stamp: int | None = None
        self._complete = False
        self._idle = np.full(self._count, np.inf)
        self._confidence = np.zeros(self._count)
        self._position = np.full((2, self._count), np.nan)
        self._velocity = np.full((2, self._count), np.nan)

    def update(self, poses: NDArray[np.float32] | Floats, stamp: int) -> Filtered:
        """Takes the measurements of a frame.

        Args:
            poses: (*shape, 3): x, y, confidence.
            stamp: acquisition of the frame, in nanoseconds; one that lies before the last resets the filter.
        """
        if self._stamp is not None and stamp < self._stamp:
            self.reset()
        step = 0.0 if self._stamp is None else (stamp - self._stamp) / SECOND
        self._stamp = stamp
        flat = np.array(poses, np.float64).reshape(self._count, 3).T
        point, confidence = flat[:2], flat[2]
        # Comparisons with NaN are false.
        measured = (confidence >= self.settings.min_confidence) & (np.abs(point[0] + point[1]) < np.inf)
        taken = self._step(point, confidence, measured, step)
        self._complete = bool(taken.all())
        if self._complete:
            self._confidence, self._idle = confidence, np.zeros(self._count)
        else:
            self._confidence = np.where(taken, confidence, self._confidence)
            self._idle = np.where(taken, 0.0, self._idle + step)
            lost = self._idle > self.settings.gap
            self._position[:, lost] = self._velocity[:, lost] = np.nan
            self._idle[lost] = np.inf
        return self._filtered(self._position, self._covariances(0.0))

    def predict(self, stamp: int) -> Filtered:
        """Where the keypoints will be at a stamp, if each goes on as it does; changes nothing."""
        ahead = 0.0 if self._stamp is None else (stamp - self._stamp) / SECOND
        return self._filtered(self._position + ahead * self._velocity, self._covariances(ahead))

    def _filtered(self, position: Floats, covariance: Floats | None) -> Filtered:
        confidence = self._confidence
        if not self._complete:
            confidence = confidence * np.maximum(1 - self._idle / (self.settings.gap + 1e-9), 0.0)
        return Filtered(
            position.reshape(2, *self.shape),
            self._velocity.reshape(2, *self.shape),
            None if covariance is None else covariance.T.reshape(*self.shape, 3),
            confidence.reshape(self.shape),
        )

    @abstractmethod
    def _step(self, point: Floats, confidence: Floats, measured: NDArray[np.bool_], step: float) -> NDArray[np.bool_]:
        """Replaces (never alters) position and velocity, (2, count); which measurements it took."""

    def _covariances(self, ahead: float) -> Floats | None:
        """(3, count) of position, of both, of velocity, some seconds ahead; None where the filter has none.

        NaN where there is no position, which can't be where the last frame was `_complete`.
        """
        return None
