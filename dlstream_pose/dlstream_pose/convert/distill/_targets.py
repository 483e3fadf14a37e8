"""What the student should give for a view: heat maps and offsets, and how much each cell counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlstream_pose.convert.distill._augment import Answer, Matrix, moved_maps, moved_points

LOCREF_STD = 7.2801
"""DeepLabCut's unit of offsets, in pixels."""
_RADIUS = 17.0
"""Pixels around a keypoint in which the student says where it is; DeepLabCut's own."""
_SPREAD = 2 * _RADIUS / 3
_PEAK = 3.0
"""How much more a cell counts where a keypoint is."""
_LEAST = 0.2
"""How much a heat map counts of which the teacher is not sure at all."""
Maps = NDArray[np.float32]


@dataclass(frozen=True)
class Target:
    """Of one view: (K, rows, columns) heat maps and weights, (2 K, rows, columns) offsets and weights."""

    heat: Maps
    heat_weight: Maps
    offset: Maps
    offset_weight: Maps


def target(
    answer: Answer,
    view: Matrix,
    shape: tuple[int, int],
    stride: float,
    lag: float = 0.0,
    mirrored: tuple[int, ...] | None = None,
) -> Target:
    """The target in a view.

    The heat map is a Gaussian at the teacher's point, as high as the teacher is sure, and away from it the teacher's
    own heat map: where the teacher hesitates between a left and a right ear, the student hears of both. Each keypoint
    counts by the teacher's confidence. One that jumped counts nothing. Offsets count most in the cells next to a
    keypoint, one of which is the maximum.

    Args:
        shape: rows and columns of the student's maps.
        stride: of the student.
        lag: as for `moved_points`.
        mirrored: order of the keypoints if the view is mirrored, else None.
    """
    poses, maps, keep = answer.poses, answer.maps, answer.keep
    if mirrored is not None:
        order = list(mirrored)
        poses, maps, keep = poses[order], None if maps is None else maps[order], keep[order]
    sure = np.clip(np.nan_to_num(poses[:, 2]), 0, 1).astype(np.float32)
    places = np.where(np.isfinite(poses[:, :2]), poses[:, :2], -1e4).astype(np.float32)
    points = moved_points(places, view, lag)
    rows, columns = shape
    middles = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=0) * stride + stride / 2
    away = points[:, :, None, None] - middles[None].astype(np.float32)
    squared = (away**2).sum(axis=1)
    hill = np.exp(-squared / (2 * _SPREAD**2))
    heat = sure[:, None, None] * hill
    if maps is not None:
        # Next to the point its own cells are coarser than the point.
        heat = np.maximum(heat, (1 - hill) * moved_maps(maps, (answer.stride, stride), view, lag, shape))
    counts = np.where(keep, np.maximum(sure, _LEAST), 0).astype(np.float32)[:, None, None]
    near = (squared <= _RADIUS**2) * hill * (np.where(keep, sure, 0) ** 2)[:, None, None]
    offset = np.clip(away / LOCREF_STD, -3, 3).reshape(-1, rows, columns)
    return Target(
        np.asarray(heat, np.float32),
        np.asarray(counts * (1 + _PEAK * heat), np.float32),
        np.asarray(offset, np.float32),
        np.asarray(np.repeat(near, 2, axis=0), np.float32),
    )
