"""Finds pictures that can't be right: black, of one colour, or with few of their bits in use."""

from __future__ import annotations

import numpy as np

from dlstream_common.frame import Image

_FRAMES = 10
"""Frames that must look wrong before this is reported: the first frames of many cameras are dark."""
_NOISE = 3
"""Range of grey values (of 255) within a picture that counts as one colour."""
_DIM = 1 << 14
"""A brightest value (of 65,535) below this means at most 14 bits: a dark picture once divided by 256."""


class PictureCheck:
    """Checks the frames of a camera or a video until one looks right, and reports once what is wrong with them.

    Args:
        depth: they are depths in millimetres, not pictures.
    """

    def __init__(self, depth: bool = False) -> None:
        self._problem = depth_problem if depth else picture_problem
        self._left = _FRAMES
        self._found = ""

    def add(self, image: Image) -> str:
        """Checks a frame, uint8 or uint16. Returns what is wrong, in a sentence, once it is certain; else ''."""
        if not self._left:
            return ""
        self._found = self._problem(image)
        self._left = self._left - 1 if self._found else 0
        return self.finish() if self._found and not self._left else ""

    def finish(self) -> str:
        """Call it after the last frame. Returns what is wrong with the frames, if not reported yet."""
        found, self._found, self._left = self._found, "", 0
        return found


def depth_problem(image: Image) -> str:
    """What can't be right about a depth image, in a sentence; empty if it looks right."""
    if image.any():
        return ""
    return "no depth in the whole image: is the lens covered, the scene too near, or the emitter off in the dark?"


def picture_problem(image: Image) -> str:
    """What can't be right about an image, in a sentence; empty if it looks right."""
    if not image.size:
        return ""
    low, high = int(image.min()), int(image.max())
    full = int(np.iinfo(image.dtype).max)
    grey = 255 if full == 255 else full // 255
    if full > 255 and grey < high < _DIM:
        bits = high.bit_length()
        return (
            f"the brightest value is {high} of {full}, {bits} bits of 16: the network sees at most grey {high >> 8} of "
            f"255. Let the camera use the whole range, or multiply the images by {1 << (16 - bits)}"
        )
    if high - low <= (_NOISE if full == 255 else 0):
        what = (
            "a black picture"
            if high <= (_NOISE if full == 255 else grey)
            else f"a picture of one colour (value {high})"
        )
        return f"{what}: is the lens covered, the light off, or the file damaged?"
    return ""
