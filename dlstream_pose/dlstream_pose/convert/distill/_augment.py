"""Views of a frame: turned, nearer or farther, brighter or darker, with the poses and heat maps that belong to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_GRID = 32
"""Pixels: what the coarsest layers of usual networks see as one cell."""
_AS_IT_IS = 1 / 3
Matrix = NDArray[np.float64]
"""(2, 3): takes the index of a pixel in a frame to the one in the view."""


@dataclass(frozen=True)
class Augmentation:
    """How much views differ from the frames.

    Attributes:
        rotation: degrees to either side, at most.
        zoom: factor by which the animal may be larger, or smaller.
        upright: share of the views that are not turned nor enlarged, and lie on the grid of the teacher's cells. A
            network answers otherwise if its picture is shifted by some pixels (one of the open field with stride 16 by
            1.5 pixels, median).
        mirrored: places of the keypoints in a mirrored view, such as (0, 2, 1) where the second and third are a left
            and a right ear; None: no view is mirrored, because a left ear would be learned as a right one.
    """

    rotation: float = 30.0
    zoom: float = 1.25
    upright: float = 0.5
    mirrored: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Answer:
    """What the teacher says of a frame.

    Attributes:
        poses: (K, 3) x, y, confidence.
        maps: (K, rows, columns) heat maps from 0 to 1; None: unknown.
        stride: pixels of the image for one cell of the maps; the middle of cell 0 is called stride / 2.
        keep: (K,) whether a keypoint is to be learned from.
    """

    poses: NDArray[np.float32]
    maps: NDArray[np.float32] | None
    stride: float
    keep: NDArray[np.bool_]


def matrix(
    centre: Sequence[float] | NDArray[np.float64],
    size: tuple[int, int],
    angle: float,
    zoom: float,
    mirror: bool = False,
) -> Matrix:
    """The view of a size whose middle shows the pixel `centre`, turned by degrees, enlarged, and mirrored."""
    turn = np.deg2rad(angle)
    linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    if mirror:
        linear[:, 0] *= -1
    middle = (np.array(size) - 1) / 2
    return np.column_stack([linear, middle - linear @ np.asarray(centre, np.float64)])


def moved_points(points: NDArray[np.float32], view: Matrix, lag: float) -> NDArray[np.float32]:
    """Points (..., 2) in the view.

    Args:
        lag: what the pixel with the index 0 is called: networks that learned on images scaled by s call it (1 - s) / 2,
            because they call x * s what is at x in the frame. Without it, a view that is turned would shift all points.
    """
    return np.asarray((points - lag) @ view[:, :2].T + view[:, 2] + lag, np.float32)


def moved_maps(
    maps: NDArray[np.float32], strides: tuple[float, float], view: Matrix, lag: float, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Heat maps (K, rows, columns) in the view, on a grid of another stride.

    Args:
        strides: of these maps, and of the result.
        shape: rows and columns of the result.
    """
    given, wanted = strides
    linear = view[:, :2] * given / wanted
    # The middle of cell i is called i * stride + stride / 2, in both grids.
    shift = (view[:, :2] @ np.full(2, given / 2 - lag) + view[:, 2] + lag - wanted / 2) / wanted
    cells = np.column_stack([linear, shift])
    rows, columns = shape
    return np.stack([cv2.warpAffine(one, cells, (columns, rows), flags=cv2.INTER_LINEAR) for one in maps])


def viewed(image: NDArray[np.uint8], view: Matrix, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The image (H, W, 3) in the view.

    What is outside of it has the colour of its edge. Beside a border of one colour, networks see what is not there: the
    open field's put a keypoint in six elsewhere, and one in sixty beside such edges.
    """
    moved = cv2.warpAffine(image, view, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def relit(image: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.float32]:
    """Brighter or darker, tinted, of other contrast, noisier, sometimes blurred: grey values from 0 to 255.

    Every third stays as it is: such images are what the student will be asked about.
    """
    if random.random() < _AS_IT_IS:
        return np.asarray(image, np.float32)
    changed = image
    if random.random() < 0.2:
        # Odd sides: others would shift the picture by half a pixel.
        changed = np.asarray(cv2.blur(changed, tuple((1 + 2 * random.integers(0, 2, 2)).tolist())), np.uint8)
    gain = random.uniform(0.75, 1.3) * random.uniform(0.95, 1.05, 3)
    noise = random.standard_normal(image.shape, np.float32) * np.float32(random.uniform(0, 5))
    lit = changed * gain.astype(np.float32) + np.float32(random.uniform(-15, 15)) + noise
    return np.asarray(np.clip(lit, 0, 255), np.float32)


def turned(answer: Answer, size: tuple[int, int], how: Augmentation, random: np.random.Generator) -> Matrix:
    """A view of a whole frame by chance, which shows the animal: every second is shifted only.

    Args:
        size: width and height of the frame, and of the view.
    """
    angle, zoom = random.uniform(-how.rotation, how.rotation), how.zoom ** random.uniform(-1, 1)
    if random.random() < 0.5:
        angle, zoom = 0.0, 1.0
    sides, middle = np.array(size), (np.array(size) - 1) / 2
    view = matrix(middle, size, angle, zoom)
    sure = answer.poses[:, 2] >= 0.3
    animal = answer.poses[sure, :2].mean(axis=0) if sure.any() else middle
    there = view[:, :2] @ animal + view[:, 2]
    wanted = np.clip(there + random.uniform(-0.2, 0.2, 2) * sides, 0.1 * sides, 0.9 * sides)
    view[:, 2] += wanted - there
    return view


def after(second: Matrix, first: Matrix) -> Matrix:
    """One view of another one."""
    return np.asarray(np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]]))


def draw_view(
    answer: Answer,
    size: tuple[int, int],
    window: tuple[int, int] | None,
    how: Augmentation,
    random: np.random.Generator,
    upright: bool | None = None,
) -> tuple[Matrix, tuple[int, int], bool]:
    """A view by chance: its matrix, its size, and whether it is mirrored.

    Args:
        size: width and height of the frame.
        window: width and height of a view of a part, which mostly shows the animal; None: of the whole frame.
        upright: whether it is not turned nor enlarged, and on the grid; None: by chance.
    """
    middle = (np.array(size) - 1) / 2
    if window is None:
        centre = middle + random.uniform(-0.05, 0.05, 2) * size
        shown = size
    else:
        sure = answer.poses[..., 2] >= 0.3
        if sure.any() and random.random() < 0.8:
            centre = answer.poses[sure, :2].mean(axis=0) + random.uniform(-0.35, 0.35, 2) * window
        else:
            centre = random.uniform(0, 1, 2) * size
        shown = window
    if random.random() < how.upright if upright is None else upright:
        corner = np.round((centre - (np.array(shown) - 1) / 2) / _GRID) * _GRID if window else np.zeros(2)
        return matrix(corner + (np.array(shown) - 1) / 2, shown, 0.0, 1.0), shown, False
    mirror = how.mirrored is not None and random.random() < 0.5
    zoom = how.zoom ** random.uniform(-1, 1)
    return matrix(centre, shown, random.uniform(-how.rotation, how.rotation), zoom, mirror), shown, mirror


def window_size(poses: NDArray[np.float32], size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of a part that shows an animal with something around it, in steps of 32, at most a frame.

    Args:
        poses: (N, K, 3).
        size: width and height of the frames.
    """
    points = np.where(poses[..., 2:] >= 0.5, poses[..., :2], np.nan)
    seen = points[(~np.isnan(points[..., 0])).sum(axis=1) >= 2]
    extent = 0.0
    if len(seen):
        extent = float(np.percentile((np.nanmax(seen, axis=1) - np.nanmin(seen, axis=1)).max(axis=1), 90))
    side = int(np.ceil(max(128.0, 1.6 * extent) / 32) * 32)
    return min(side, size[0]), min(side, size[1])
