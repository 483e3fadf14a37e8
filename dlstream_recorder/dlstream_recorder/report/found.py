"""In how many frames an animal was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dlstream_recorder.report.tables import read_poses, sibling

MIN_CONFIDENCE = 0.5
"""A keypoint counts as found from this confidence on."""


@dataclass(frozen=True)
class Found:
    """What poses show.

    Attributes:
        frames: those with an animal: at least one keypoint has a position and `MIN_CONFIDENCE`.
        best_confidence: the highest of any keypoint; None if no keypoint has a position.
    """

    frames: int = 0
    best_confidence: float | None = None


def found_in(poses: pd.DataFrame) -> Found:
    """What a table of poses shows; see `read_poses`."""
    if poses.empty:
        return Found()
    values = poses.to_numpy(float).reshape(len(poses), -1, 3)
    confidence = np.where(np.isfinite(values[:, :, :2]).all(axis=2), values[:, :, 2], np.nan)
    known = confidence[np.isfinite(confidence)]
    if not len(known):
        return Found()
    with_pose = (np.nan_to_num(confidence) >= MIN_CONFIDENCE).any(axis=1)
    return Found(int(with_pose.sum()), float(known.max()))


def found_by_camera(stems: Iterable[Path]) -> Found:
    """What the poses of a camera show, over all its video segments.

    Raises:
        RecordingError: a table can't be read.
    """
    paths = [path for path in (sibling(stem, "poses.csv") for stem in stems) if path.exists()]
    each = [found_in(read_poses(path)) for path in paths]
    best = max((one.best_confidence for one in each if one.best_confidence is not None), default=None)
    return Found(sum(one.frames for one in each), best)


def nowhere(found: Found, frames: int) -> str:
    """A sentence on frames in none of which an animal was found; empty if it was, or if there are no frames.

    Args:
        frames: how many the network has seen.
    """
    if found.frames or not frames:
        return ""
    what = "no keypoint has a position"
    if found.best_confidence is not None:
        what = f"the best keypoint has a confidence of {found.best_confidence:.3f}, and {MIN_CONFIDENCE:g} is needed"
    which = "the one frame" if frames == 1 else f"any of {frames} frames"
    return (
        f"no animal was found in {which}: {what}. Is it in the picture, is the light on, and is this the network for "
        "this view and scale?"
    )
