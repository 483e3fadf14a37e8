"""The simulated lamp of an output with `type: lamp`, as a synthetic camera sees it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2

from dlstream_common import Image


class Lamp:
    """Draws the lamp as bright as its file says: one byte, 0 to 255. No file, no light.

    Args:
        at: x, y and radius in pixels.
    """

    def __init__(self, file: Path, at: Sequence[int]) -> None:
        self._path, (self._x, self._y, self._radius) = file, at
        self._file = -1

    def draw(self, image: Image) -> None:
        """Draws the lamp as it is now into an image of (height, width, 3) uint8."""
        brightness = self._brightness()
        if brightness:
            colour = (brightness, brightness, brightness)
            cv2.circle(image, (self._x, self._y), self._radius, colour, cv2.FILLED, cv2.LINE_AA)

    def close(self) -> None:
        """Lets go of the file."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _brightness(self) -> int:
        if self._file < 0:  # the output may start after the camera
            with suppress(FileNotFoundError):
                self._file = os.open(self._path, os.O_RDONLY)
        content = os.pread(self._file, 1, 0) if self._file >= 0 else b""
        return content[0] if content else 0
