"""A synthetic arena: a mouse-like animal on a textured floor, seen from above, with the truth about where it is.

A frame is a pure function of the arena's seed and the frame's number: any frame can be rendered, in any
order, and comes out the same each time.
"""

from __future__ import annotations

from math import sin

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_camera.arena._animal import Painter
from dlstream_camera.arena._floor import floor_image, noise_image
from dlstream_camera.arena._spine import Spine
from dlstream_camera.arena._walk import Circle, Walk

KEYPOINTS = ("snout", "leftear", "rightear", "neck", "tailbase")
SKELETON = (
    ("snout", "leftear"),
    ("snout", "rightear"),
    ("leftear", "neck"),
    ("rightear", "neck"),
    ("neck", "tailbase"),
)

_BASE_WIDTH, _BASE_HEIGHT = 640, 480
_BASE_REGIONS = (Circle(550.0, 163.0, 87.5), Circle(372.0, 163.0, 87.5))
_MIN_SIZE = 64
_NOISE_SHIFTS = 64


class Arena:
    """The arena and its animal.

    Args:
        width, height: size of the image in pixels, at least 64x64.
        seed: decides the walk, the floor, the light, the animal's fur and the sensor's noise.
        fps: frames per second; frame n shows the arena at n / fps seconds.

    Raises:
        ValueError: the size is too small, the rate is not positive or the seed is negative.
    """

    keypoints = KEYPOINTS
    skeleton = SKELETON

    def __init__(self, width: int = 640, height: int = 480, seed: int = 0, fps: float = 30.0) -> None:
        if min(width, height) < _MIN_SIZE:
            raise ValueError(f"the arena is at least {_MIN_SIZE}x{_MIN_SIZE} pixels; found {width}x{height}")
        if not fps > 0:
            raise ValueError(f"the frame rate must be above 0; found {fps}")
        if seed < 0:
            raise ValueError(f"the seed must not be negative; found {seed}")
        self.width, self.height, self.seed, self.fps = width, height, seed, fps
        self._scale = min(width / _BASE_WIDTH, height / _BASE_HEIGHT)
        inner_width, inner_height = width / self._scale, height / self._scale
        stretch_x, stretch_y = inner_width / _BASE_WIDTH, inner_height / _BASE_HEIGHT
        inner = tuple(Circle(c.x * stretch_x, c.y * stretch_y, c.radius) for c in _BASE_REGIONS)
        self.regions = tuple(Circle(c.x * self._scale, c.y * self._scale, c.radius * self._scale) for c in inner)
        self._walk = Walk(inner_width, inner_height, inner, seed)
        random = np.random.default_rng((seed, 0xF100))
        self._floor = floor_image(width, height, self._scale, random)
        self._noise = noise_image(width + _NOISE_SHIFTS, height + _NOISE_SHIFTS, random)
        self._light_phase = random.uniform(0.0, 6.28, 3)
        self._painter = Painter(self._scale, random)

    def truth(self, frame: int) -> NDArray[np.float32]:
        """The keypoints of a frame: (K, 2) float32, x and y in pixels, in the order of `keypoints`."""
        return self._points(self._spine(frame))

    def render(self, frame: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """A frame and the truth about it.

        Args:
            frame: number of the frame, from 0.

        Returns:
            the image, (height, width, 3) uint8 in the order blue, green, red, and the keypoints as by `truth`.

        Raises:
            ValueError: the number is negative.
        """
        spine = self._spine(frame)
        image = self._floor.copy()
        self._painter.paint(image, spine)
        self._expose(image, frame)
        return image, self._points(spine)

    def _spine(self, frame: int) -> Spine:
        return Spine(self._walk.posture(frame / self.fps))

    def _points(self, spine: Spine) -> NDArray[np.float32]:
        return (spine.keypoints() * self._scale).astype(np.float32)

    def _expose(self, image: NDArray[np.uint8], frame: int) -> None:
        """Adds slowly wavering light and sensor noise."""
        t = frame / self.fps
        a, b, c = self._light_phase
        gain = 1.0 + 0.035 * sin(0.9 * t + a) + 0.02 * sin(2.3 * t + b) + 0.01 * sin(11.0 * t + c)
        # A full random image per frame would cost more than all the rest; a window that jumps over a larger one
        # differs from frame to frame just as well.
        jump = (frame * 2654435761 + self.seed * 40503) & 0xFFFFFFFF
        dx, dy = (jump >> 8) % _NOISE_SHIFTS, (jump >> 16) % _NOISE_SHIFTS
        window = self._noise[dy : dy + self.height, dx : dx + self.width]
        cv2.addWeighted(image, gain, window, 1.0, -128.0, dst=image)
