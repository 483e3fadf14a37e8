"""A posture of the arena's animal turned into curves: outline, keypoints, limbs.

Lengths are in pixels of a 640x480 arena.
"""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from dlstream_camera.arena._walk import Posture

FloatArray = NDArray[np.float64]

# Along the spine: place (0 base of the tail, 1 neck, 2 snout) and half width of the body.
_OUTLINE = np.array(
    [
        [-0.10, 0.0], [-0.08, 4.5], [-0.03, 8.5], [0.03, 12.0], [0.10, 15.3], [0.19, 18.2], [0.30, 20.3],
        [0.42, 21.0], [0.55, 20.3], [0.70, 18.3], [0.85, 15.6], [1.00, 13.4], [1.15, 12.7], [1.30, 12.0],
        [1.45, 10.7], [1.60, 8.8], [1.75, 6.6], [1.88, 4.6], [1.97, 3.2], [2.02, 1.9], [2.05, 0.0],
    ]
)  # fmt: skip
_ALONG, _HALF_WIDTH = _OUTLINE.T
_BODY_LENGTH, _HEAD_LENGTH = 62.0, 34.0
_GAIT = np.array([0.0, pi, pi, 0.0])
_PAW_PLACE = np.array([0.86, 0.86, 0.2, 0.2])
_PAW_SIDE = np.array([-1.12, 1.12, -1.12, 1.12])
_T = np.linspace(0.0, 1.0, 11)[:, None]
_TAIL_WEIGHTS = np.concatenate([(1 - _T) ** 3, 3 * (1 - _T) ** 2 * _T, 3 * (1 - _T) * _T**2, _T**3], axis=1)


class Spine:
    """The animal's curves in one posture."""

    def __init__(self, posture: Posture) -> None:
        self._posture = posture
        self._neck = np.array([posture.x, posture.y])
        self.head_axis = _unit(posture.head)
        bend = (posture.head - posture.body + pi) % (2 * pi) - pi
        middle = self._neck - _unit(posture.body + 0.3 * bend) * (_BODY_LENGTH / 2)
        self._tailbase = middle - _unit(posture.body) * (_BODY_LENGTH / 2)
        self._control = 2.0 * middle - 0.5 * (self._neck + self._tailbase)
        self.snout = self._neck + self.head_axis * _HEAD_LENGTH

    def keypoints(self) -> FloatArray:
        """(5, 2): snout, left ear, right ear, neck, base of the tail."""
        return np.concatenate([[self.snout], self.ears(), [self._neck, self._tailbase]])

    def ears(self) -> FloatArray:
        """(2, 2): left, right."""
        return self._beside_head(9.0, 14.0)

    def eyes(self) -> FloatArray:
        """(2, 2): left, right."""
        return self._beside_head(21.0, 6.6)

    def paws(self) -> FloatArray:
        """(4, 2): the paws, which step as the animal walks."""
        stride = 7.0 / _BODY_LENGTH * np.sin(self._posture.walked / 9.0 + _GAIT)
        return self.on_body(_PAW_PLACE + stride, _PAW_SIDE)

    def outlines(self, sizes: FloatArray) -> FloatArray:
        """(S, 2P, 2): the body's outline, its half width multiplied by each of the sizes."""
        centres, sides = self._frame_at(_ALONG)
        factors = sizes[:, None, None]
        drawn_in = centres + (centres.mean(axis=0) - centres) * (np.maximum(1.0 - factors, 0.0) * 0.22)
        reach = sides * _HALF_WIDTH[:, None] * factors
        return np.concatenate([drawn_in + reach, (drawn_in - reach)[:, ::-1]], axis=1)

    def on_body(self, along: FloatArray, side: FloatArray) -> FloatArray:
        """Points of the back, by their place along the spine and their side (-1 left edge, 1 right edge)."""
        centres, sides = self._frame_at(along)
        return centres + sides * (np.interp(along, _ALONG, _HALF_WIDTH) * side)[:, None]

    def tail(self) -> FloatArray:
        """(11, 2): the line of the tail, from the body outwards."""
        p = self._posture
        root = self._tailbase - _unit(p.body) * 14.0
        middle = root - _unit(p.tail_near) * 26.0
        tip = middle - _unit(p.tail_far) * 34.0
        return _TAIL_WEIGHTS @ np.stack([self._tailbase + _unit(p.body) * 3.0, root, middle, tip])

    def _beside_head(self, ahead: float, aside: float) -> FloatArray:
        right = np.array([-self.head_axis[1], self.head_axis[0]]) * aside
        centre = self._neck + self.head_axis * ahead
        return np.stack([centre - right, centre + right])

    def _frame_at(self, along: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Points of the spine and, there, the unit vectors to the animal's right.

        The body is a quadratic curve, the head straight; the vectors turn gradually from one to the other.
        """
        t = along[:, None]
        a, b, c = self._tailbase, self._control, self._neck
        centres = a + 2 * t * (b - a) + t * t * (a - 2 * b + c)
        slope = (b - a) + t * (a - 2 * b + c)
        head = self._neck + (t - 1.0) * self.head_axis * _HEAD_LENGTH
        blend = np.clip((t - 0.75) * 2.0, 0.0, 1.0)
        slope = slope * ((1 - blend) / np.sqrt((slope * slope).sum(axis=1, keepdims=True))) + self.head_axis * blend
        slope /= np.sqrt((slope * slope).sum(axis=1, keepdims=True))
        return np.where(t <= 1.0, centres, head), np.stack([-slope[:, 1], slope[:, 0]], axis=1)


def _unit(angle: float) -> FloatArray:
    return np.array([cos(angle), sin(angle)])
