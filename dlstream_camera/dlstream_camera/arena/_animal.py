"""Draws the arena's animal and its shadow, with sub-pixel accuracy and no larger than it is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_camera.arena._spine import FloatArray, Spine

_SHIFT = 4  # sub-pixel bits of OpenCV's drawing functions
_ONE = 1 << _SHIFT
# The body is a pile of outlines: size of each, its brightness, and how far it lies towards the light (upper left).
_SIZES = np.array([1.0, 0.93, 0.85, 0.75, 0.63, 0.5, 0.37, 0.22])
_LIGHTS = (0.55, 0.68, 0.8, 0.9, 1.0, 1.12, 1.25, 1.38)
_TOWARDS_LIGHT = ((1.0 - _SIZES) * np.where(_SIZES > 0.8, 0.2, 0.36))[:, None, None] * (-5.0, -6.0)
_SKIN = np.array([138.0, 146.0, 178.0])
_HAIR_SHADES = 4


class Painter:
    """Paints an animal of a certain fur.

    Args:
        scale: pixels per pixel of a 640x480 arena.
        random: draws the colour and the streaks of the fur.
    """

    def __init__(self, scale: float, random: np.random.Generator) -> None:
        self._scale = scale
        self._fur = np.array([52.0, 60.0, 70.0]) * random.uniform(0.7, 1.25) * random.uniform(0.92, 1.08, 3)
        count = 11 * _HAIR_SHADES
        side = random.uniform(-0.8, 0.8, count)
        light = (1.34 - 0.55 * np.abs(side)) * random.uniform(0.82, 1.16, count)
        order = np.argsort(light)
        root = random.uniform(0.14, 1.25, count)
        self._hair_along = np.concatenate([root, root - random.uniform(0.07, 0.16, count)])
        self._hair_side = np.concatenate([side[order], side[order] * 1.04])
        self._hair_lights = light[order].reshape(_HAIR_SHADES, -1).mean(axis=1)

    def paint(self, image: NDArray[np.uint8], spine: Spine) -> None:
        """Draws the animal and its shadow into the image, in place."""
        outlines = spine.outlines(_SIZES)
        self._shadow(image, outlines[0] + (5.0, 7.0))
        self._tail(image, spine)
        for paw in self._fixed(spine.paws()):
            self._disc(image, paw, 3.6, _SKIN * 0.9)
        for ear, inner in zip(
            self._fixed(spine.ears()), self._fixed(spine.ears() + spine.head_axis * 0.9), strict=True
        ):
            self._disc(image, ear, 8.4, self._fur * 0.6)
            self._disc(image, ear, 7.2, 0.66 * _SKIN + 0.15 * self._fur)
            self._disc(image, inner, 4.8, 0.84 * _SKIN)
        for outline, light in zip(self._fixed(outlines + _TOWARDS_LIGHT), _LIGHTS, strict=True):
            cv2.fillPoly(image, [outline], (self._fur * light).tolist(), cv2.LINE_AA, _SHIFT)
        self._hairs(image, spine)
        for eye, glint in zip(self._fixed(spine.eyes()), self._fixed(spine.eyes() - 0.5), strict=True):
            self._disc(image, eye, 1.9, np.array([10.0, 10.0, 12.0]))
            self._disc(image, glint, 0.5, np.array([170.0, 170.0, 170.0]))
        self._disc(image, self._fixed(spine.snout), 2.3, 0.85 * _SKIN)

    def _fixed(self, points: FloatArray) -> NDArray[np.int32]:
        """Arena coordinates as the fixed-point pixels of OpenCV's drawing functions."""
        return np.rint(points * (self._scale * _ONE)).astype(np.int32)

    def _disc(self, image: NDArray[np.uint8], centre: NDArray[np.int32], radius: float, colour: FloatArray) -> None:
        size = round(radius * self._scale * _ONE)
        cv2.circle(image, centre.tolist(), size, colour.tolist(), -1, cv2.LINE_AA, _SHIFT)

    def _shadow(self, image: NDArray[np.uint8], outline: FloatArray) -> None:
        blur = max(3, round(11 * self._scale) | 1)
        low = np.maximum(np.floor(outline.min(axis=0) * self._scale).astype(int) - blur, 0)
        high = np.ceil(outline.max(axis=0) * self._scale).astype(int) + blur
        part = image[low[1] : high[1], low[0] : high[0]]
        shade = np.full(part.shape[:2], 255, np.uint8)
        cv2.fillPoly(shade, [self._fixed(outline) - (low * _ONE).astype(np.int32)], (140.0,), cv2.LINE_AA, _SHIFT)
        soft = cv2.blur(cv2.blur(shade, (blur, blur)), (blur, blur))
        cv2.multiply(part, cv2.cvtColor(soft, cv2.COLOR_GRAY2BGR), dst=part, scale=1 / 255)

    def _tail(self, image: NDArray[np.uint8], spine: Spine) -> None:
        points = self._fixed(spine.tail()).tolist()
        colour = (_SKIN * 0.82).tolist()
        parts = len(points) - 1
        for i in range(parts):
            width = max(1, round((4.6 - 3.4 * i / parts) * self._scale))
            cv2.line(image, points[i], points[i + 1], colour, width, cv2.LINE_AA, _SHIFT)

    def _hairs(self, image: NDArray[np.uint8], spine: Spine) -> None:
        points = self._fixed(spine.on_body(self._hair_along, self._hair_side))
        hairs = np.ascontiguousarray(points.reshape(2, _HAIR_SHADES, -1, 2).transpose(1, 2, 0, 3))
        for group, light in zip(hairs, self._hair_lights, strict=True):
            cv2.polylines(image, list(group), False, (self._fur * light).tolist(), 1, cv2.LINE_AA, _SHIFT)
