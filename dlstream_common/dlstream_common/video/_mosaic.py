"""Finds the raw mosaic of a Bayer sensor in pictures that pass for grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlstream_common.frame import Image

_BLOCK = 16
"""Side of the blocks that are looked at, in pixels."""
_BLOCKS = 24
"""Blocks looked at in each direction, spread over the picture."""
_LEAST = 4.0 / 255
"""A difference between colours that counts, of the brightest value in the picture."""
_SHARE = 0.03
"""At least so many of the blocks have colours."""
_PURITY = 4.0
"""Blocks that look like a mosaic, for each one that alternates in another way."""
_CONTENT = 2.0
"""A mosaic shows something: its green differs from place to place by so much of what counts as a colour."""


def is_mosaic(image: Image) -> bool:
    """Whether a grey picture is probably the mosaic of a Bayer sensor.

    Of each 2x2 pixels of a mosaic two on a diagonal are green and have the same value in smooth places, while red and
    blue are off. So pixels differ from their neighbours, not from the pixels two apart, in the same phase everywhere.
    Texture that is as fine has no phase in common, stripes differ on both diagonals, and a printed pattern is the same
    everywhere.

    Args:
        image: uint8 or uint16, with three channels only if they are the same.
    """
    grey = _grey(image)
    if grey is None:
        return False
    blocks = _blocks(grey)
    if blocks is None:
        return False
    full = max(float(blocks.max()), 1.0)
    # Cells of 2x2 pixels: (blocks, 4 places, cells down, cells across).
    cells = blocks.reshape(len(blocks), _BLOCK // 2, 2, _BLOCK // 2, 2).transpose(0, 2, 4, 1, 3)
    cells = cells.reshape(len(blocks), 4, _BLOCK // 2, _BLOCK // 2)
    across, down = np.diff(cells, axis=3), np.diff(cells, axis=2)
    apart = np.maximum(np.abs(across).mean(axis=(1, 2, 3)), np.abs(down).mean(axis=(1, 2, 3)))
    x, y = across.mean(axis=(1, 2, 3)) / 2, down.mean(axis=(1, 2, 3)) / 2
    means = cells.mean(axis=(2, 3))
    means[:, 1] -= x  # as if all four were at one place, so that a slope does not count
    means[:, 2] -= y
    means[:, 3] -= x + y
    spread = np.ptp(means, axis=1)
    coloured = spread > np.maximum(_LEAST * full, 0.75 * apart)
    if coloured.sum() < max(_SHARE * len(blocks), 2):
        return False
    for first, second, others in ((1, 2, (0, 3)), (0, 3, (1, 2))):
        same = np.abs(means[:, first] - means[:, second]) < 0.25 * spread
        like, unlike = int((coloured & same).sum()), int((coloured & ~same).sum())
        if like >= _PURITY * unlike:
            found = means[coloured & same]
            varied = max(float(found[:, place].std()) for place in (first, *others))
            return varied > _CONTENT * _LEAST * full
    return False


def _grey(image: Image) -> Image | None:
    """One channel of a grey picture; None if it has colours."""
    if image.ndim == 2:
        return image
    if image.shape[2] == 1:
        return image[:, :, 0]
    some = image[::16, :, :3].astype(np.int32)
    tolerance = 3 if image.dtype == np.uint8 else 3 * 257
    return image[:, :, 1] if np.ptp(some, axis=2).max(initial=0) <= tolerance else None


def _blocks(grey: Image) -> NDArray[np.float32] | None:
    """(N, _BLOCK, _BLOCK) blocks that begin at even rows and columns; None if the picture is too small."""
    places = []
    for size in grey.shape:
        if size < 2 * _BLOCK:
            return None
        count = min(size // _BLOCK, _BLOCKS)
        places.append(np.linspace(0, size - _BLOCK, count).astype(int) // 2 * 2)
    rows, columns = (place[:, None] + np.arange(_BLOCK) for place in places)
    picked = grey[rows.ravel()][:, columns.ravel()].astype(np.float32)
    shaped = picked.reshape(len(rows), _BLOCK, len(columns), _BLOCK).swapaxes(1, 2)
    return shaped.reshape(-1, _BLOCK, _BLOCK)
