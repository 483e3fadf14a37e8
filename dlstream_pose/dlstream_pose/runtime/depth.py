"""Reads the depth at keypoints in the images of a depth camera that sees what the keypoints' camera sees."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlstream_common import EncodingError, Frame, Image, Individual
from dlstream_pose.runtime.stream import Places

_KEPT = 30
"""Depth images kept: poses are of a frame some images ago."""
_APART = 50_000_000
"""Nanoseconds between a frame and a depth image that may still be taken for the same moment."""
_ENCODINGS = ("16UC1", "mono16")


class DepthImages:
    """The newest images of a depth camera, in millimetres, 0 where nothing was measured. May be used on any thread.

    Args:
        window: side of the square around a keypoint, in pixels, of which the median is taken.
    """

    def __init__(self, window: int) -> None:
        self._reach = window // 2
        self._frames: deque[Frame] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def add(self, frame: Frame) -> None:
        """Keeps an image.

        Raises:
            EncodingError: it is not a depth image.
        """
        if frame.encoding not in _ENCODINGS:
            raise EncodingError(f"image encoding: found '{frame.encoding}'; expected depth in mm, {_ENCODINGS[0]}")
        with self._lock:
            self._frames.append(frame)

    def clear(self) -> None:
        """Forgets all images."""
        with self._lock:
            self._frames.clear()

    def at(self, stamp: int) -> Frame | None:
        """The image nearest to a time in nanoseconds; None if none is within 50 ms."""
        with self._lock:
            frames = list(self._frames)
        nearest = min(frames, key=lambda frame: abs(frame.stamp - stamp), default=None)
        return nearest if nearest is not None and abs(nearest.stamp - stamp) <= _APART else None

    def measure(
        self,
        individuals: Iterable[Individual],
        frame: Frame,
        image: Frame | None,
        places: Mapping[str, Places] | None = None,
    ) -> tuple[Individual, ...]:
        """The individuals of a frame with the depth of their keypoints in an image; NaN where there is none.

        Args:
            places: where they were in the frame, if they have predicted positions by now.

        Raises:
            EncodingError: the depth image has another size than the frame's.
        """
        if image is None:
            return tuple(replace(one, depth=np.full(len(one.x), np.nan, np.float32)) for one in individuals)
        if image.image.shape != frame.image.shape[:2]:
            raise EncodingError(
                f"depth images of camera '{image.camera}': found {_size(image.image)}; expected {_size(frame.image)}, "
                f"the size of camera '{frame.camera}', pixel for pixel. Align the depth camera to it"
            )
        return tuple(replace(one, depth=self._depth(one, image.image, places or {})) for one in individuals)

    def _depth(self, one: Individual, image: Image, places: Mapping[str, Places]) -> NDArray[np.float32]:
        x, y = places.get(one.id, (one.x, one.y))
        return depths_at(image, np.where(np.isnan(one.x), np.nan, x), y, self._reach)


def depths_at(image: Image, x: ArrayLike, y: ArrayLike, reach: int) -> NDArray[np.float32]:
    """The depth around each place: the median of what was measured in a square.

    Args:
        image: (height, width) uint16, mm; 0: not measured.
        x, y: the K places, pixels; NaN: no place.
        reach: pixels on each side of the middle of a square.

    Returns:
        (K,) mm; NaN outside of the image, without a place, and where less than half of the square was measured.
    """
    height, width = image.shape
    columns, rows = np.asarray(x, np.float64), np.asarray(y, np.float64)
    found = np.full(len(columns), np.nan, np.float32)
    for index, (column, row) in enumerate(zip(columns, rows, strict=True)):
        if not (-0.5 <= column < width - 0.5 and -0.5 <= row < height - 0.5):  # also if NaN
            continue
        left, top = int(np.floor(column + 0.5)), int(np.floor(row + 0.5))
        square = image[max(0, top - reach) : top + reach + 1, max(0, left - reach) : left + reach + 1]
        measured = square[square > 0]
        if 2 * measured.size >= square.size:
            found[index] = np.median(measured)
    return found


def _size(image: Image) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
