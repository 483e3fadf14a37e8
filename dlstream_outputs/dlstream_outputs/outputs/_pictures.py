"""Image files as pictures of a screen's size, in OpenCV's order: blue, green, red."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_outputs.outputs._base import OutputError

Picture = NDArray[np.uint8]


def read_image(name: str, path: Path) -> Picture:
    """The image in a file: (height, width, 4) uint8, with its transparency.

    Raises:
        OutputError: it can't be read.
    """
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
        image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    except (OSError, cv2.error) as error:
        raise OutputError(f"image '{name}': {path} can't be read ({error})") from error
    if image is None:
        raise OutputError(f"image '{name}': {path} can't be read as an image")
    if image.dtype == np.uint16:
        image = (image // 256).astype(np.uint8)
    if image.dtype != np.uint8:
        raise OutputError(f"image '{name}': {path} has {image.dtype} pixels; expected 8 or 16 bits")
    codes = {2: cv2.COLOR_GRAY2BGRA, 3: cv2.COLOR_BGR2BGRA}
    channels = 2 if image.ndim == 2 else image.shape[2]
    return np.asarray(cv2.cvtColor(image, codes[channels]) if channels in codes else image, np.uint8)


def compose(size: tuple[int, int], images: Mapping[str, Path], background: str, fit: str) -> dict[str | None, Picture]:
    """Each image drawn on a whole screen of `size` (width, height); the key None is the background only.

    Raises:
        OutputError: an image can't be read.
    """
    width, height = size
    empty = np.full((height, width, 3), colour_of(background)[::-1], np.uint8)
    pictures: dict[str | None, Picture] = {None: empty}
    for name, path in images.items():
        pictures[name] = _centred_on(empty, fitted(read_image(name, path), size, fit))
    return pictures


def colour_of(text: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour that is written as #rrggbb."""
    red, green, blue = (int(text[start : start + 2], 16) for start in (1, 3, 5))
    return red, green, blue


def fitted(image: Picture, size: tuple[int, int], fit: str) -> Picture:
    """An image as large as it is shown on a screen of `size` (width, height), by the setting `fit`."""
    height, width = image.shape[:2]
    if fit == "contain":
        factor = min(size[0] / width, size[1] / height)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if fit == "none" or size == (width, height):
        return image
    shrinks = size[0] * size[1] < width * height
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8)


def _centred_on(ground: Picture, image: Picture) -> Picture:
    """The image in the middle of the background, cropped to its size."""
    result = ground.copy()
    slices = []
    for here, there in zip(ground.shape[:2], image.shape[:2], strict=True):
        common, start = min(here, there), (here - there) // 2
        slices.append((slice(max(start, 0), max(start, 0) + common), slice(max(-start, 0), max(-start, 0) + common)))
    target = tuple(pair[0] for pair in slices)
    part = image[tuple(pair[1] for pair in slices)]
    alpha = part[..., 3:].astype(np.float32) / 255
    result[target] = np.rint(part[..., :3] * alpha + result[target] * (1 - alpha)).astype(np.uint8)
    return result
