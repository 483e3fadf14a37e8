"""The poses of one camera over time: crop, network, identity, filter, prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dlstream_common import Image, Individual, now
from dlstream_pose.runtime.crop import Cropper, Window
from dlstream_pose.runtime.estimator import Estimator
from dlstream_pose.runtime.filters import Filtered, NoFilter
from dlstream_pose.runtime.guarded_filter import GuardedFilter
from dlstream_pose.runtime.missing import treat_missing
from dlstream_pose.runtime.settings import PoseSettings

if TYPE_CHECKING:
    from dlstream_pose.runtime.identity import Identity

_SECOND = 1_000_000_000
Places = tuple[NDArray[np.float32], NDArray[np.float32]]
"""x and y of an individual's K keypoints, pixels."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What was found in a frame.

    Attributes:
        predicted_to: the time to which positions were predicted, in nanoseconds; 0: they are of the frame.
        window: the part that was looked at, in pixels of the network's image; None: all of it.
        places: where positions were predicted, those of the frame itself: x and y by individual.
    """

    individuals: tuple[Individual, ...]
    predicted_to: int = 0
    window: Window | None = None
    places: Mapping[str, Places] = field(default_factory=dict)


class PoseStream:
    """Estimates the frames of one camera one after the other.

    Its only clock is the acquisition stamps, so that a replay gives the same poses as the live run. If a frame is older
    than the one before it, or of another size, it starts again.

    Args:
        estimator: the network, which several streams may share.
        clock: the time by the clock that stamps the frames, in nanoseconds; used only for `predict: now`.
    """

    def __init__(self, estimator: Estimator, settings: PoseSettings, clock: Callable[[], int] = now) -> None:
        self.estimator, self.settings = estimator, settings
        self._clock = clock
        self._size: tuple[int, ...] = ()
        self._stamp = 0
        shape = estimator.animals
        self._identity: Identity | None = None
        if settings.identity and shape[0] > 1:
            from dlstream_pose.runtime.identity import Identity  # loads a compiler, needed only to run a network

            self._identity = Identity(*shape)
        self._filter: GuardedFilter | None = None
        if not isinstance(settings.filter, NoFilter):
            self._filter = GuardedFilter(shape, settings.filter)
        self._ratio = estimator.scale
        self._cropper = self._new_cropper() if settings.crop else None

    @property
    def fresh(self) -> bool:
        """Whether it has had no frame yet to compare the next one with."""
        return not self._size

    def reset(self) -> None:
        """Starts again with the next frame."""
        self._size, self._stamp = (), 0
        for part in (self._identity, self._filter, self._cropper):
            if part is not None:
                part.reset()

    def warm_up(self, width: int, height: int) -> None:
        """Lets the engine prepare for all sizes of image that frames of this size will need."""
        cropper = self._cropper_for(width, height)
        self.estimator.warm_up(width, height, cropper.size if cropper else 0)

    def estimate(
        self, image: Image, encoding: str, stamp: int, detected: NDArray[np.float32] | None = None
    ) -> Estimate:
        """The individuals in the next frame.

        Args:
            image, encoding: as for `Estimator.estimate`.
            stamp: acquisition, in nanoseconds.
            detected: what `estimator.detect` found in the whole image, where that was asked before. Not with `crop`.

        Raises:
            EncodingError, NetworkError: as `Estimator.estimate`.
        """
        size = image.shape[:2]
        if size != self._size or stamp < self._stamp:
            self.reset()
        poses, window = (detected, None) if detected is not None else self._detect(image, encoding, stamp)
        self._size, self._stamp = size, stamp
        risks = np.zeros(len(poses))
        if self._identity is not None:
            poses, risks = self._identity.assign(poses, stamp)
        if self._filter is None:
            found = [self._individual(index, pose, risks[index]) for index, pose in enumerate(poses)]
            return Estimate(self._treated(found), window=window)
        filtered = self._filter.update(self._filled(poses), stamp)
        horizon, places = self._horizon(stamp), {}
        if horizon:
            seen = filtered.position.astype("f4")
            places = {self._name(index): (seen[0, index], seen[1, index]) for index in range(seen.shape[1])}
            filtered = self._filter.predict(horizon)
        found = [self._smooth(index, filtered, risks) for index in range(self.estimator.animals[0])]
        return Estimate(self._treated(found), horizon, window, places)

    def _detect(self, image: Image, encoding: str, stamp: int) -> tuple[NDArray[np.float32], Window | None]:
        height, width = image.shape[:2]
        cropper = self._cropper_for(width, height)
        if cropper is None:
            return self.estimator.detect(image, encoding), None
        small = self.estimator.scaled_size(width, height)
        ratio = np.array([small[0] / width, small[1] / height, 1.0], np.float32)
        window = cropper.window(*small, stamp)
        poses = self.estimator.detect(image, encoding, window)
        if not cropper.accept(self._filled(poses * ratio), window, *small, stamp):
            window, poses = None, self.estimator.detect(image, encoding)
            cropper.accept(self._filled(poses * ratio), None, *small, stamp)
        return poses, window

    def _cropper_for(self, width: int, height: int) -> Cropper | None:
        """What crops frames of a size; None without `crop`.

        By how much a frame is resized depends on its size where the network fits frames into the size of its training.
        """
        if self._cropper is None:
            return None
        ratio = self.estimator.scaled_size(width, height)[0] / width
        if ratio != self._ratio:
            self._ratio = ratio
            self._cropper = self._new_cropper()
        return self._cropper

    def _new_cropper(self) -> Cropper:
        settings, ratio = self.settings, self._ratio
        return Cropper(
            int(np.ceil(settings.crop * ratio)),
            settings.crop_refresh,
            settings.crop_confidence,
            self.estimator.animals,
            settings.crop_agility * ratio,
        )

    def _filled(self, poses: NDArray[np.float32]) -> NDArray[np.float32]:
        """As many animals as there can be: those that were not found have no position."""
        animals, keypoints = self.estimator.animals
        if len(poses) == animals:
            return poses
        filled = np.full((animals, keypoints, 3), np.nan, np.float32)
        filled[..., 2] = 0
        count = min(len(poses), animals)
        filled[:count] = poses[:count]
        return filled

    def _horizon(self, stamp: int) -> int:
        settings = self.settings
        if settings.predict == "none":
            return 0
        ahead = self._clock() - stamp if settings.predict == "now" else int(settings.predict_ahead * _SECOND)
        return stamp + min(max(ahead, 0), int(settings.predict_limit * _SECOND))

    def _name(self, index: int) -> str:
        names = self.estimator.info.individuals
        return names[index] if index < len(names) else f"individual_{index + 1}"

    def _individual(self, index: int, pose: NDArray[np.float32], risk: float) -> Individual:
        x, y, confidence = np.ascontiguousarray(pose.T)
        return Individual(self._name(index), x, y, confidence, float(confidence.mean()), swap_risk=float(risk))

    def _smooth(self, index: int, filtered: Filtered, risks: NDArray[np.float64]) -> Individual:
        (x, y), (vx, vy) = filtered.position[:, index].astype("f4"), filtered.velocity[:, index].astype("f4")
        confidence = filtered.confidence[index].astype("f4")
        covariance = None if filtered.covariance is None else filtered.covariance[index].astype("f4")
        risk = float(risks[index]) if index < len(risks) else 0.0
        return Individual(self._name(index), x, y, confidence, float(confidence.mean()), vx, vy, covariance, risk)

    def _treated(self, individuals: list[Individual]) -> tuple[Individual, ...]:
        return treat_missing(individuals, self.settings.missing, self.settings.min_confidence)
