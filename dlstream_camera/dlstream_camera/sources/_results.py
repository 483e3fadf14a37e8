"""What may be wrong with what a source returns."""

from __future__ import annotations

from types import NoneType
from typing import Any

import numpy as np

from dlstream_camera.sources._base import Capture, Format
from dlstream_common import FramePoses
from dlstream_common.calibration import Calibration
from dlstream_common.part_faults import LAST_STAMP, Shown, is_rate_or_none, is_stamp, is_whole, shown_value

_UINT8 = np.dtype("uint8")
_KINDS = {(2, np.dtype("uint8")), (2, np.dtype("uint16")), (3, np.dtype("uint8"))}
"""Dimensions and types of images that can be published."""
_DEPTH = (2, np.dtype("uint16"))


def is_format(found: Any) -> bool:
    """Whether it can be what `open` returns."""
    return (
        isinstance(found, Format)
        and is_whole(found.width, 1)
        and is_whole(found.height, 1)
        and found.fps is not None
        and is_rate_or_none(found.fps)
        and isinstance(found.description, str)
        and isinstance(found.hardware_id, str)
        and isinstance(found.calibration, (Calibration, NoneType))
    )


def what_is_wrong(capture: Any, is_depth: bool = False) -> tuple[Any, str] | None:
    """What was found and expected, where `read` returned something wrong; None: nothing is wrong."""
    if not isinstance(capture, Capture):
        return capture, "a Capture, or None at the end"
    image, stamp, number, dropped = capture.image, capture.stamp, capture.frame_number, capture.dropped
    if is_depth and (not isinstance(image, np.ndarray) or (image.ndim, image.dtype) != _DEPTH or not image.size):
        return _with("image", image), "uint16 of the shape (height, width), millimetres, since is_depth() is true"
    usual = type(stamp) is int and type(number) is int and type(dropped) is int and type(image) is np.ndarray
    usual = usual and image.dtype is _UINT8 and image.ndim == 3 and image.shape[2] == 3 and image.size > 0
    if usual and 0 <= stamp < LAST_STAMP and 0 <= number < 2**63 and 0 <= dropped < 2**63 and capture.truth is None:
        return None  # in half a microsecond
    if not isinstance(image, np.ndarray) or (image.ndim, image.dtype) not in _KINDS or not image.size:
        return _with("image", image), "uint8 of the shape (height, width) or (height, width, 3), blue, green, red"
    if image.ndim == 3 and image.shape[2] not in (3, 4):
        return _with("image", image), "uint8 of the shape (height, width) or (height, width, 3), blue, green, red"
    if not is_stamp(capture.stamp):
        return _with("stamp", capture.stamp), "a whole number of nanoseconds since the epoch, as dlstream_common.now()"
    if not is_whole(capture.frame_number):
        return _with("frame_number", capture.frame_number), "a whole number from 0"
    if not is_whole(capture.dropped):
        return _with("dropped", capture.dropped), "a whole number from 0"
    if capture.truth is not None and not isinstance(capture.truth, FramePoses):
        return _with("truth", capture.truth), "FramePoses, or None"
    return None


def _with(field: str, value: Any) -> Shown:
    return Shown(f"a Capture with {field} {shown_value(value)}")
