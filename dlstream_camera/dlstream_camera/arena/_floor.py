"""The still parts of the arena's picture: floor, walls, and the sensor's noise."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_WALL = 26.0  # width of the walls in a 640x480 arena
_NOISE = 3.2  # standard deviation of the noise, grey levels


def floor_image(width: int, height: int, scale: float, random: np.random.Generator) -> NDArray[np.uint8]:
    """An empty arena: a textured floor under uneven light, with bedding on it, inside four walls."""
    shade = np.full((height, width), 172.0, np.float32) * np.float32(random.uniform(0.9, 1.1))
    for size, strength in ((110.0, 3.5), (28.0, 2.5), (7.0, 3.0), (2.0, 4.5)):
        shade += strength * _blotches(width, height, size * scale, random)
    colour = np.array([0.93, 0.985, 1.03]) * random.uniform(0.97, 1.03, 3)
    image = shade[..., None] * colour.astype(np.float32)
    image = _with_bedding(image, scale, random)
    _walls(image, scale)
    _light(image, random)
    return np.clip(np.rint(image), 0, 235).astype(np.uint8)


def noise_image(width: int, height: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Noise around 128: mostly the same in the three colours, as after a sensor's demosaicing."""
    grey = random.standard_normal((height, width, 1), np.float32)
    coloured = random.standard_normal((height, width, 3), np.float32)
    return np.clip(np.rint(128.0 + _NOISE * (0.85 * grey + 0.5 * coloured)), 0, 255).astype(np.uint8)


def _blotches(width: int, height: int, size: float, random: np.random.Generator) -> NDArray[np.float32]:
    """Smooth noise with blotches of a size in pixels and a standard deviation of about 1."""
    rows, columns = max(2, round(height / size) + 1), max(2, round(width / size) + 1)
    coarse = random.standard_normal((rows, columns), np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _with_bedding(image: NDArray[np.float32], scale: float, random: np.random.Generator) -> NDArray[np.float32]:
    """The floor with chips and crumbs on it: small, some bright, some dark."""
    height, width = image.shape[:2]
    # OpenCV smooths edges in 8 bit images only.
    drawn = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    for _ in range(220):
        x, y = random.uniform(0, width), random.uniform(0, height)
        angle, length = random.uniform(0, np.pi), random.uniform(1.5, 5.0) * scale
        dx, dy = length * np.cos(angle), length * np.sin(angle)
        tint = 172.0 + random.choice([-34.0, 24.0]) * random.uniform(0.3, 1.0)
        ends = np.rint(np.array([[x, y], [x + dx, y + dy]]) * 16).astype(int)
        start, end = (int(ends[0, 0]), int(ends[0, 1])), (int(ends[1, 0]), int(ends[1, 1]))
        cv2.line(drawn, start, end, (tint * 0.86, tint * 0.96, tint), 1, cv2.LINE_AA, 4)
    return drawn.astype(np.float32)


def _walls(image: NDArray[np.float32], scale: float) -> None:
    """Four walls seen from above, mitred at the corners, each lit differently, with a shadow at their feet."""
    height, width = image.shape[:2]
    wall = _WALL * scale
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    distances = np.stack([x, y, width - 1 - x, height - 1 - y])
    side, inward = distances.argmin(axis=0), distances.min(axis=0)
    foot = np.clip((inward - wall) / (16.0 * scale), 0.0, 1.0)
    image *= (0.72 + 0.28 * foot**0.6)[..., None]
    light = np.array([62.0, 54.0, 80.0, 92.0], np.float32)[side] * (0.8 + 0.4 * inward / wall)
    is_wall = np.clip(wall - inward, 0.0, 1.0)[..., None]
    tint = np.array([1.06, 1.0, 0.94], np.float32)
    image[:] = image * (1 - is_wall) + light[..., None] * tint * is_wall
    rim = np.clip(1.0 - np.abs(inward - 3.0 * scale) / (1.5 * scale), 0.0, 1.0)[..., None]
    image += 46.0 * rim


def _light(image: NDArray[np.float32], random: np.random.Generator) -> None:
    """One lamp above the arena, a little off its centre."""
    height, width = image.shape[:2]
    cx, cy = random.uniform(0.35, 0.65) * width, random.uniform(0.3, 0.6) * height
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    distance = ((x - cx) / width) ** 2 + ((y - cy) / height) ** 2
    image *= (1.1 - 0.42 * distance)[..., None]
