"""Values on the command lines of converting and quantising: what was found, and what was expected."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from math import isfinite

_MOST = 16384
"""Pixels; a longer side of an image is a mistake, which would use up all memory."""


def whole(least: int, example: int) -> Callable[[str], int]:
    """A whole number from `least` on."""

    def read(text: str) -> int:
        try:
            found = int(text)
        except ValueError:
            found = least - 1
        if found < least:
            raise ArgumentTypeError(f"found '{text}'; expected a whole number, {least} or more, like {example}")
        return found

    return read


def positive(unit: str, most: float = 1e6) -> Callable[[str], float]:
    """A number above 0."""

    def read(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = 0.0
        if not (isfinite(found) and 0 < found <= most):
            raise ArgumentTypeError(f"found '{text}'; expected {unit}: a number above 0, at most {most:g}")
        return found

    return read


def scale(text: str) -> float:
    """A factor for images."""
    return positive("a factor, such as 0.5", 8)(text)


def size(text: str) -> tuple[int, int]:
    """Width and height."""
    try:
        width, height = (int(side) for side in text.lower().split("x"))
    except ValueError:
        width = height = 0
    if not (1 <= width <= _MOST and 1 <= height <= _MOST):
        raise ArgumentTypeError(f"found '{text}'; expected width and height like 320x240, each from 1 to {_MOST}")
    return width, height


def edge(text: str) -> tuple[str, str]:
    """Two keypoints."""
    first, colon, second = text.partition(":")
    if not (first and colon and second) or ":" in second:
        raise ArgumentTypeError(f"found '{text}'; expected two keypoints with a colon between them, like snout:neck")
    return first, second
