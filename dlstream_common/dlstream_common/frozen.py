"""Finds a camera that delivers the same picture again and again: the noise of a real sensor makes each one differ."""

from __future__ import annotations

import numpy as np

from dlstream_common.frame import Image

_ROWS = 16
"""Rows that are compared first, spread over the image; only if they are equal, all of it is."""
_IMAGES = 5
"""Equal images that it takes at least: of a camera with a frame every few seconds, two may be equal by chance."""
FROZEN = "its images have been equal, bit by bit, for {seconds} s, which those of a working sensor are not"
"""What is told of it."""
_ONE_COLOUR = 3
"""Range of values within a picture of one colour, which is another fault: a covered lens, or the light is off."""


class FrozenCheck:
    """Compares each image with the one before it, bit by bit.

    An image that differs costs 2 µs, an equal one 50 µs (640x480 in colour; 0.4 ms with 1920x1080).

    Args:
        after: seconds of equal images until they are frozen; 0: never.
    """

    def __init__(self, after: float) -> None:
        self._after = after
        self._sample = b""
        self._first: Image | None = None
        self._since, self._count = 0.0, 0
        self.frozen = False
        """Whether the newest image is one of a frozen picture."""
        self.lasted = 0.0
        """Seconds for which the newest image, or the frozen picture before it, has been the same."""

    def add(self, image: Image, steady: float) -> bool:
        """Looks at an image that came at `steady`, seconds of a monotonic clock; whether `frozen` has changed."""
        if not self._after or not image.size:
            return False
        before = self.frozen
        if self._is_the_same(image):
            self._count += 1
            self.lasted = steady - self._since
            if not self.frozen and self._count >= _IMAGES and self.lasted >= self._after:
                self.frozen = int(image.max()) - int(image.min()) > _ONE_COLOUR
        else:
            self._since, self._count = steady, 1
            self.frozen = False
        return self.frozen != before

    def _is_the_same(self, image: Image) -> bool:
        sample = image[:: max(1, image.shape[0] // _ROWS)].tobytes()
        if sample != self._sample:
            self._sample, self._first = sample, None
            return False
        if self._first is None:
            self._first = image.copy()  # a source may fill the same memory again
            return False
        if np.array_equal(image, self._first):
            return True
        self._first = image.copy()
        return False
