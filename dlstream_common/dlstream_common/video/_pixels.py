"""Converts a decoded picture to an upright array."""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from dlstream_common.frame import Image


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a picture is turned before it is shown: first transposed, then flipped."""

    transposed: bool = False
    left_right: bool = False
    up_down: bool = False

    @classmethod
    def of(cls, picture: av.VideoFrame) -> Orientation:
        """From a picture's display matrix, which shows a point (x, y) at (a x + c y, b x + d y)."""
        data = picture.side_data.get("DISPLAYMATRIX")
        if data is None:
            return cls()
        a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(data), np.int32)[:5])
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    def turn(self, image: Image) -> Image:
        """The image, (height, width) or (height, width, channels), as it should be seen."""
        if self == Orientation():
            return image
        if self.transposed:
            image = image.swapaxes(0, 1)
        rows = slice(None, None, -1 if self.up_down else 1)
        columns = slice(None, None, -1 if self.left_right else 1)
        return np.ascontiguousarray(image[rows, columns])


class ToImage:
    """Converts decoded pictures to images, in one thread.

    It keeps what FFmpeg prepares for a format and a size: to prepare that for each picture takes as long as the
    conversion of a usual one.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, picture: av.VideoFrame) -> Image:
        """(height, width, 3) uint8, blue, green, red; for 16-bit grey (height, width) uint16, bit for bit."""
        if picture.format.name in ("gray16le", "gray16be"):
            return picture.to_ndarray()
        return self._reformatter.reformat(picture, format="bgr24").to_ndarray()
