"""Which part of a frame to look at: a window of fixed size where the animals are expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_pose.runtime.filters import FILTERS, filter_settings

STEP = 32
"""Windows begin at multiples of this, in pixels of the network's image: the coarsest grid of the usual networks, so
that a keypoint falls on the same place of the grid as in the whole frame."""
_SECOND = 1_000_000_000
_MARGIN = 4.0


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the network's image, in its pixels, x right and y down."""

    x: int
    y: int
    width: int
    height: int


class Cropper:
    """Chooses a window around all animals, or the whole frame.

    The whole frame is looked at in the beginning, every `refresh` seconds, when the animals don't fit into one window
    and as long as they are lost. They are lost if there are fewer than in the last whole frame, if fewer than half of
    an animal's keypoints reach `confidence`, or if a keypoint that does lies at an edge of the window that isn't an
    edge of the frame. Sizes don't change, so an engine prepares for only two.

    Args:
        size: width and height of a window, in pixels of the network's image; rounded up to a multiple of `STEP`.
        refresh: seconds after which the whole frame is looked at again; 0: only when lost.
        confidence: the least confidence of a keypoint that counts as found.
        animals: how many there may be, and how many keypoints each has.
        agility: how much the velocity of a keypoint changes within a second, in pixels of the network's image.
    """

    def __init__(
        self, size: int, refresh: float, confidence: float, animals: tuple[int, int], agility: float = 500.0
    ) -> None:
        self.size = -(-size // STEP) * STEP
        self._refresh, self._confidence = refresh, confidence
        values = {"noise": 1.0, "agility": agility, "gap": 0.5, "min_confidence": confidence}
        settings = filter_settings("kalman").model_validate(values)
        self._filter = FILTERS["kalman"](animals, settings)
        self.reset()

    def reset(self) -> None:
        """Looks at the whole frame next."""
        self._filter.reset()
        self._whole_at: int | None = None
        self._present = 0
        self._lost = True

    def window(self, width: int, height: int, stamp: int) -> Window | None:
        """The part of a frame of that size to look at; None for all of it."""
        if self._lost or self._whole_at is None or stamp < self._whole_at:
            return None
        if self._refresh and stamp - self._whole_at >= self._refresh * _SECOND:
            return None
        size = min(self.size, width), min(self.size, height)
        if size == (width, height):
            return None
        expected = self._filter.predict(stamp)
        sure = expected.position.reshape(2, -1)[:, expected.confidence.reshape(-1) > 0]
        if not sure.size:
            return None
        low, high = sure.min(axis=1), sure.max(axis=1)
        x, y = (
            _begin((first + last) / 2, part, whole)
            for first, last, part, whole in zip(low, high, size, (width, height), strict=True)
        )
        window = Window(x, y, *size)
        return window if _inside(np.stack([low, high]), window, width, height) else None

    def accept(self, poses: NDArray[np.float32], window: Window | None, width: int, height: int, stamp: int) -> bool:
        """Accepts what was found in a window, or rejects it: then the whole frame has to be looked at.

        Args:
            poses: (N, K, 3) in pixels of the network's image.
            window: where they were found; None: in the whole frame, and then they are always accepted.
        """
        sure = poses[..., 2] >= self._confidence
        present = (poses[..., 2] > 0).any(axis=1)
        found = bool(present.any()) and bool((2 * sure.sum(axis=1) >= poses.shape[1])[present].all())
        found = found and (window is None or int(present.sum()) >= self._present)
        if window is not None and not (found and _inside(poses[sure][:, :2], window, width, height)):
            self._lost = True
            return False
        if self._lost:  # the expectation was wrong
            self._filter.reset()
        self._lost = not found
        if window is None:
            self._whole_at, self._present = stamp, int(present.sum())
        self._filter.update(poses, stamp)
        return True


def _begin(middle: float, part: int, whole: int) -> int:
    begin = round((middle - part / 2) / STEP) * STEP
    return int(min(max(begin, 0), whole - part))


def _inside(points: NDArray[Any], window: Window, width: int, height: int) -> bool:
    """Whether points (N, 2) lie in a window with some margin, except where its edge is the frame's."""
    left = -np.inf if window.x == 0 else window.x + _MARGIN
    top = -np.inf if window.y == 0 else window.y + _MARGIN
    right = np.inf if window.x + window.width == width else window.x + window.width - 1 - _MARGIN
    bottom = np.inf if window.y + window.height == height else window.y + window.height - 1 - _MARGIN
    x, y = points[:, 0], points[:, 1]
    return bool(((x >= left) & (x <= right) & (y >= top) & (y <= bottom)).all())
