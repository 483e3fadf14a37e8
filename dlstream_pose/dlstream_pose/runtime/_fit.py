"""Fits frames into the size that a network was trained on, for networks whose own tool does so.

SLEAP resizes each frame, whatever its size, until it fits into the size that the network was trained on, and fills
the rest, at the right or the bottom, with black. A frame of exactly that size is left unchanged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fitted_size(width: int, height: int, fit: tuple[int, int]) -> tuple[int, int, float]:
    """Width and height of a frame fitted into a size, and its scale factor."""
    if (width, height) == fit:
        return width, height, 1.0
    ratio = min(fit[1] / height, fit[0] / width)
    return max(1, round(width * ratio)), max(1, round(height * ratio)), ratio


def fitted(image: NDArray[np.uint8], fit: tuple[int, int]) -> tuple[NDArray[np.uint8], float]:
    """An image (H, W, 3) fitted into a size, and its scale factor."""
    height, width = image.shape[:2]
    new_width, new_height, ratio = fitted_size(width, height, fit)
    if (width, height) == fit:
        return image, 1.0
    whole = np.zeros((fit[1], fit[0], 3), np.uint8)
    whole[:new_height, :new_width] = resized(image, new_width, new_height)
    return whole, ratio


def resized(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """An image (H, W, C) in another size, as PyTorch's antialiased bilinear resize of bytes does it, to the bit.

    Rows first, then columns, each with whole-numbered weights and rounded to bytes.
    """
    across = _resized_columns(image, width)
    return np.ascontiguousarray(_resized_columns(across.transpose(1, 0, 2), height).transpose(1, 0, 2))


def _resized_columns(image: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    if image.shape[1] == width:
        return image
    weights = _weights(image.shape[1], width)
    bits = 0
    while bits < 21 and 0.5 + float(weights.max()) * 2 ** (bits + 1) < 2**15:  # as many as fit into 16-bit numbers
        bits += 1
    # Whole numbers below 2 ** 53: a product of doubles is exact, and much faster than one of integers.
    whole = np.floor(weights * 2**bits + 0.5)
    rows, columns, channels = image.shape
    flat = image.transpose(0, 2, 1).reshape(-1, columns).astype(np.float64)
    sums = np.floor((flat @ whole.T + 2 ** (bits - 1)) / 2**bits)
    return np.clip(sums, 0, 255).astype(np.uint8).reshape(rows, channels, width).transpose(0, 2, 1)


def _weights(size: int, new_size: int) -> NDArray[np.float64]:
    """(new_size, size): the weight of each old pixel in each new one."""
    scale = size / new_size
    reach = max(scale, 1.0)
    centre = scale * (np.arange(new_size)[:, None] + 0.5)
    weights = np.maximum(0.0, 1 - np.abs(np.arange(size)[None] + 0.5 - centre) / reach)
    whole: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return whole
