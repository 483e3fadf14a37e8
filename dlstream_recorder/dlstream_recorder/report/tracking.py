"""How far the poses are from the ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel

from dlstream_recorder.report.found import MIN_CONFIDENCE
from dlstream_recorder.report.tables import read_poses, sibling


class Errors(BaseModel):
    """Distances in pixels."""

    n: int
    mean: float | None
    median: float | None
    p95: float | None


class TrackingError(Errors):
    """Distances of all keypoints from those of the same name in the ground truth.

    Only keypoints with a confidence of at least `min_confidence` count; `left_out` is the number of the others.
    """

    min_confidence: float
    left_out: int
    per_keypoint: dict[str, Errors]


def tracking_error(stems: Sequence[Path]) -> TrackingError | None:
    """The error over all video segments of a camera; None without a ground truth or common keypoint names."""
    distances: dict[str, list[NDArray[np.float64]]] = {}
    left_out = 0
    for stem in stems:
        paths = sibling(stem, "poses.csv"), sibling(stem, "ground_truth.csv")
        if all(path.exists() for path in paths):
            poses, truth = (_positions(read_poses(path)) for path in paths)
            for keypoint, found in _distances(poses, truth).items():
                sure = found[:, 1] >= MIN_CONFIDENCE
                distances.setdefault(keypoint, []).append(found[sure, 0])
                left_out += int(np.sum(~sure))
    if not distances:
        return None
    joined = {keypoint: np.concatenate(pieces) for keypoint, pieces in distances.items()}
    total = _errors(np.concatenate(list(joined.values())))
    return TrackingError(
        **total.model_dump(),
        min_confidence=MIN_CONFIDENCE,
        left_out=left_out,
        per_keypoint={keypoint: _errors(found) for keypoint, found in joined.items()},
    )


Positions = dict[str, NDArray[np.float64]]
"""For each keypoint an array (frames, individuals, 3): x, y, confidence."""


def _positions(table: pd.DataFrame) -> Positions:
    levels = table.columns.names
    names = list(dict.fromkeys(table.columns.get_level_values("bodyparts")))
    individuals = table.shape[1] // (3 * len(names))
    values = table.to_numpy(float).reshape(len(table), individuals, len(names), 3)
    assert levels[-1] == "coords"
    return {name: values[:, :, index] for index, name in enumerate(names)}


def _distances(poses: Positions, truth: Positions) -> dict[str, NDArray[np.float64]]:
    """For each common keypoint (N, 2): distance and confidence, for frames in which both have it.

    With several individuals, each is compared with the true one that is nearest to it in that frame.
    """
    common = [name for name in poses if name in truth]
    if not common:
        return {}
    frames = min(len(poses[common[0]]), len(truth[common[0]]))
    found = np.stack([poses[name][:frames] for name in common], axis=2)
    true = np.stack([truth[name][:frames] for name in common], axis=2)
    apart = np.linalg.norm(found[:, :, None, :, :2] - true[:, None, :, :, :2], axis=-1)
    there = np.isfinite(apart)
    count = there.sum(axis=-1)
    mean = np.where(there, apart, 0.0).sum(axis=-1) / np.maximum(count, 1)
    nearest = np.argmin(np.where(count > 0, mean, np.inf), axis=2)
    distance = np.take_along_axis(apart, nearest[:, :, None, None], axis=2)[:, :, 0]
    result = {}
    for index, name in enumerate(common):
        pairs = np.stack([distance[:, :, index], found[:, :, index, 2]], axis=-1).reshape(-1, 2)
        result[name] = pairs[np.isfinite(pairs[:, 0])]
    return result


def _errors(distances: NDArray[np.float64]) -> Errors:
    if not len(distances):
        return Errors(n=0, mean=None, median=None, p95=None)
    return Errors(
        n=len(distances),
        mean=round(float(np.mean(distances)), 4),
        median=round(float(np.median(distances)), 4),
        p95=round(float(np.percentile(distances, 95)), 4),
    )
