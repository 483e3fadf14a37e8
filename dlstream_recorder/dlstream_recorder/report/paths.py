"""Where the animals of a table of poses were: their middles, the way they went, and how long they stayed where."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

MIN_CONFIDENCE = 0.5
"""Keypoints below it are left out of an animal's middle."""
_BINS = 64
"""Bins along the longer side of a map."""


@dataclass(frozen=True)
class Walk:
    """The way of one animal, in the frames that the network has looked at.

    Attributes:
        middle: (frames, 2), x and y in pixels; NaN in frames in which no keypoint was seen.
        seconds: (frames,), times of the frames.
    """

    name: str
    middle: NDArray[np.float64]
    seconds: NDArray[np.float64]

    @property
    def seen(self) -> float:
        """The share of frames in which it was seen, 0 to 1."""
        return float(np.mean(~np.isnan(self.middle[:, 0]))) if len(self.middle) else 0.0

    @property
    def length(self) -> float:
        """How far it went, in pixels: along straight lines between neighbouring frames in which it was seen."""
        return float(np.nansum(np.hypot(*np.diff(self.middle, axis=0).T)))


def walks(
    poses: pd.DataFrame,
    stamps: NDArray[np.int64],
    min_confidence: float = MIN_CONFIDENCE,
    analysed: NDArray[np.bool_] | None = None,
) -> list[Walk]:
    """The way of each animal: the mean of its keypoints that have at least `min_confidence`.

    Args:
        poses: as `read_poses` returns it.
        stamps: (frames,), in nanoseconds.
        analysed: (frames,), those that the network has looked at; None for all. The way goes on straight over the
            others, which a busy pose node has skipped: they say nothing about where the animal was.
    """
    if analysed is not None:
        poses, stamps = poses[analysed], stamps[analysed]
    keypoints = len(dict.fromkeys(poses.columns.get_level_values("bodyparts")))
    animals = poses.shape[1] // (3 * keypoints)  # -1 would fail where no frame was analysed
    values = poses.to_numpy(float).reshape(len(poses), animals, keypoints, 3)
    names: list[str] = [""] * values.shape[1]
    if "individuals" in poses.columns.names:
        names = list(dict.fromkeys(poses.columns.get_level_values("individuals")))
    seconds = (stamps - stamps[0]) / 1e9 if len(stamps) else np.empty(0)
    sure = np.nan_to_num(values[..., 2]) >= min_confidence
    sure &= ~np.isnan(values[..., :2]).any(axis=-1)
    count = sure.sum(axis=-1, keepdims=True)
    total = np.where(sure[..., None], values[..., :2], 0.0).sum(axis=2)
    middle = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return [Walk(name, middle[:, index], seconds) for index, name in enumerate(names)]


def occupancy(walk: Walk, size: tuple[int, int]) -> NDArray[np.float64]:
    """How many seconds the animal was in each part of the image: (rows, columns).

    Each frame counts until the next one, but for at most ten usual intervals, so that a pause of the camera counts for
    nothing; and for one usual interval where the clock was set back before the next. The map is smoothed over
    neighbouring parts; its sum is the time in which the animal was seen.

    Args:
        size: width and height of the image.
    """
    width, height = size
    part = max(size) / _BINS
    columns, rows = max(1, round(width / part)), max(1, round(height / part))
    if not len(walk.seconds):
        return np.zeros((rows, columns))
    steps = np.diff(walk.seconds)
    forward = steps > 0
    usual = float(np.median(steps[forward])) if forward.any() else 0.0
    lasted = np.append(np.where(forward, np.minimum(steps, 10 * usual), usual), usual)
    there = ~np.isnan(walk.middle[:, 0])
    x, y = walk.middle[there].T + 0.5
    found = np.histogram2d(
        np.clip(y, 0, height), np.clip(x, 0, width), (rows, columns), ((0, height), (0, width)), weights=lasted[there]
    )[0]
    return np.asarray(cv2.GaussianBlur(found, (0, 0), 1.0, borderType=cv2.BORDER_REFLECT), float)
