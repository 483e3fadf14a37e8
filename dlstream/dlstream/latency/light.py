"""Finds the light in a camera's pictures, and says when it is on. No ROS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_common import DlstreamError, Image

_WEAKEST = 10.0
"""Grey values by which a light must change its place: less is noise, or a shadow."""


class LightError(DlstreamError):
    """No light is seen in the pictures, or not well enough."""


@dataclass(frozen=True)
class Light:
    """Where a light is in the picture, and how bright its place is.

    Attributes:
        x, y, width, height: the rectangle around it, in pixels.
        threshold: mean grey value of the rectangle above which the light is on.
        contrast: grey values by which the light changes the mean.
    """

    x: int
    y: int
    width: int
    height: int
    threshold: float
    contrast: float

    def brightness(self, image: Image) -> float:
        """The mean grey value of the light's place in an image: (height, width) or (height, width, 3) uint8."""
        return float(image[self.y : self.y + self.height, self.x : self.x + self.width].mean())

    def is_on(self, image: Image) -> bool:
        """Whether the light is on in an image."""
        return self.brightness(image) > self.threshold


def find_light(pairs: Sequence[tuple[Image, Image]], region: Sequence[int] = ()) -> Light:
    """Where the pictures change with the light.

    Args:
        pairs: a dark and a lit picture of each trial flash, of one size. An animal that walks changes them as well, but
            not the same place each time: so three pairs at least.
        region: x, y, width, height in pixels, to look only there; empty: everywhere.

    Raises:
        LightError: nothing changes with the light, or less than the rest changes by itself.
    """
    changes = [_grey(lit) - _grey(dark) for dark, lit in pairs]
    change = np.median(np.stack(changes), axis=0)
    if region:
        x, y, width, height = region
        change = _only(change, x, y, width, height)
    change = cv2.GaussianBlur(change, (5, 5), 0)
    strongest = float(change.max())
    if strongest < _WEAKEST:
        where = f" in the region {list(region)}" if region else ""
        raise LightError(
            f"found no light{where}: the pictures change by {max(strongest, 0):.1f} grey values at most when it goes "
            f"on; expected {_WEAKEST:g} or more. Is the light in the picture, and the exposure short enough?"
        )
    count, _, boxes, _ = cv2.connectedComponentsWithStats((change > strongest / 2).astype(np.uint8))
    largest = 1 + int(np.argmax(boxes[1:count, cv2.CC_STAT_AREA]))
    x, y, width, height = (int(boxes[largest, key]) for key in range(4))
    place = Light(x, y, width, height, 0.0, 0.0)
    dark = [place.brightness(image) for image, _ in pairs]
    lit = [place.brightness(image) for _, image in pairs]
    if min(lit) <= max(dark):
        raise LightError(
            f"found no reliable light: its place is {min(lit):.0f} when lit and {max(dark):.0f} when dark; expected it "
            "brighter in every trial flash. Is the animal, or another light, in the way?"
        )
    threshold = (max(dark) + min(lit)) / 2
    return Light(x, y, width, height, threshold, float(np.median(lit) - np.median(dark)))


def _grey(image: Image) -> NDArray[np.float32]:
    return np.asarray(image if image.ndim == 2 else image.mean(axis=2), np.float32)


def _only(change: NDArray[np.float32], x: int, y: int, width: int, height: int) -> NDArray[np.float32]:
    rows, columns = slice(y, y + height), slice(x, x + width)
    if change[rows, columns].size == 0:
        raise LightError(
            f"found the region {[x, y, width, height]}; expected one within {change.shape[1]}x{change.shape[0]}"
        )
    result = np.zeros_like(change)
    result[rows, columns] = change[rows, columns]
    return result
