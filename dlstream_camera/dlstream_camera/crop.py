"""A part of the image: x, y, width, height."""

from __future__ import annotations

from collections.abc import Sequence

from dlstream_common import Problem, SourceError


def crop_problem(crop: Sequence[int], width: int, height: int) -> Problem | None:
    """What is wrong with a crop of an image of width x height; None if nothing is."""
    if not crop:
        return None
    if len(crop) != 4:
        return Problem(("crop",), str(list(crop)), "four numbers: x, y, width, height")
    x, y, w, h = crop
    if x < 0 or y < 0 or w < 1 or h < 1 or x + w > width or y + h > height:
        return Problem(("crop",), f"x={x} y={y} {w}x{h}", f"a part of the {width}x{height} image")
    return None


def crop_slices(crop: Sequence[int], width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of `crop` (x, y, width, height; empty: all) in an image of width x height.

    Raises:
        SourceError: the crop is not four numbers, or extends beyond the image.
    """
    problem = crop_problem(crop, width, height)
    if problem is not None:
        raise SourceError(str(problem))
    x, y, w, h = crop or (0, 0, width, height)
    return slice(y, y + h), slice(x, x + w)
