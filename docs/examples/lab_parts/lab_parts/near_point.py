"""A trigger: is a keypoint near a point of the image?"""

from collections.abc import Sequence

import numpy as np

from dlstream_experiment.model.names import Label, Location
from dlstream_experiment.model.pose_array import PoseArray
from dlstream_experiment.model.triggers import Context, Trigger, TriggerSettings


class NearPoint(TriggerSettings):
    """True when a keypoint of any animal is within `distance` pixels of a point (<=)."""

    keypoint: Label
    """The keypoint."""
    point: tuple[float, float]
    """x, y in pixels."""
    distance: float = 20.0
    """Pixels."""
    min_confidence: float = 0.5
    """A keypoint with less counts as not seen."""

    def build(self, context: Context) -> Trigger:
        return NearPointTrigger(self)

    def camera_in(self, context: Context) -> str:
        return context.camera

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return [(("keypoint",), self.keypoint)]  # each with its place, so that a typing error is found there

    def in_words(self) -> str:
        return f"the {self.keypoint} is within {self.distance:g} px of {self.point[0]:g}, {self.point[1]:g}"


class NearPointTrigger(Trigger):
    """Decides frame by frame. It has no clock: the same poses must always give the same decisions."""

    def __init__(self, settings: NearPoint) -> None:
        self._settings = settings

    def bind(self, keypoints: Sequence[str]) -> None:
        self._column = list(keypoints).index(self._settings.keypoint)

    def decide(self, poses: PoseArray) -> bool | None:
        x, y = self._settings.point
        distances = np.hypot(poses.x[:, self._column] - x, poses.y[:, self._column] - y)
        distances[poses.confidence[:, self._column] < self._settings.min_confidence] = np.nan
        if np.isnan(distances).all():
            return None  # not seen: the last decision stays
        return bool(np.nanmin(distances) <= self._settings.distance)
