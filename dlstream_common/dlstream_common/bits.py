"""Pictures of 16 bits that use only some of them: they are dark once they are divided by 256."""

from __future__ import annotations

import numpy as np

from dlstream_common.frame import Image

_FRAMES = 10
"""Frames from the first one that must look wrong before this is reported: the first frames of many cameras are dark."""
_NOISE = 3
"""A brightest value up to which a picture shows nothing."""
_DIM = 1 << 14
"""A brightest value (of 65,535) below this means at most 14 bits: a dark picture once divided by 256."""


def few_bits(image: Image) -> str:
    """A sentence on a picture of 16 bits that uses only some of them; empty if it uses all, or shows nothing."""
    high = 0 if image.dtype == np.uint8 else int(image.max())
    if not _NOISE < high < _DIM:
        return ""
    bits = high.bit_length()
    return (
        f"the brightest value is {high} of 65535, {bits} bits of 16: the network sees at most grey {high >> 8} of "
        f"255. Let the camera use the whole range, or multiply the images by {1 << (16 - bits)}"
    )


class BitsCheck:
    """Whether the first pictures of 16 bits use only some of them."""

    def __init__(self) -> None:
        self._left, self._found = _FRAMES, ""

    @property
    def is_done(self) -> bool:
        """Whether enough pictures were looked at."""
        return not self._left

    def add(self, image: Image) -> bool:
        """Whether a frame, one of the first, is dim: then nothing else can be said of it."""
        if self._left and (image.dtype == np.uint8 or int(image.max()) >= _DIM):
            self._left, self._found = 0, ""
        if not self._left or not (found := few_bits(image)):
            return False
        self._found = found
        self._left -= 1
        return True

    def certain(self) -> str:
        """What is wrong with the frames, once it is certain."""
        return "" if self._left else self.finish()

    def finish(self) -> str:
        """What is wrong with the frames, if not reported yet."""
        found, self._found = self._found, ""
        return found
