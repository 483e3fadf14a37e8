"""Images from the pixel formats of GenICam (PFNC): grey or BGR, 8 bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_common import Image

Rows = NDArray[np.uint8]
"""(height, bytes of a row)"""


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How a camera writes pixels.

    Attributes:
        code: its number in the standard.
        bits: bits that a pixel takes in memory.
        convert: makes an image of rows.
        note: what the image loses, in words; empty if nothing.
    """

    name: str
    code: int
    bits: int
    convert: Callable[[Rows], Image]
    note: str = ""


def image_of(data: NDArray[np.uint8], form: PixelFormat, width: int, height: int, padding: int = 0) -> Image:
    """The image in a camera's bytes.

    Args:
        data: (N,) bytes, in the format `form`. The image may share their memory.
        padding: bytes after each row.

    Returns:
        (height, width) or (height, width, 3) uint8, BGR.

    Raises:
        ValueError: there are too few bytes.
    """
    row = width * form.bits // 8
    needed = height * (row + padding)
    if width < 1 or height < 1 or data.size < needed - padding:
        raise ValueError(f"it has {data.size} bytes, but {width}x{height} {form.name} takes {needed}")
    if padding:
        data = np.concatenate([data[:needed], np.zeros(max(0, needed - data.size), np.uint8)])
    return form.convert(data[:needed].reshape(height, row + padding)[:, :row])


def _as_it_is(rows: Rows) -> Image:
    return rows


def _colour(rows: Rows) -> Image:
    return rows.reshape(rows.shape[0], -1, 3)


def _rgb(rows: Rows) -> Image:
    return np.asarray(cv2.cvtColor(_colour(rows), cv2.COLOR_RGB2BGR), np.uint8)


def _bayer(code: int) -> Callable[[Rows], Image]:
    def convert(rows: Rows) -> Image:
        if min(rows.shape) < 2:
            raise ValueError("a Bayer image needs two rows and two columns")
        return np.asarray(cv2.cvtColor(rows, code), np.uint8)

    return convert


def _upper_bits(bits: int) -> Callable[[Rows], Image]:
    def convert(rows: Rows) -> Image:
        values = np.ascontiguousarray(rows).view("<u2") >> (bits - 8)
        return np.minimum(values, 255).astype(np.uint8)

    return convert


def _grey(name: str, code: int, bits: int) -> PixelFormat:
    note = f"{name} is published as its upper 8 of {bits} bits"
    return PixelFormat(name, code, 16, _upper_bits(bits), note)


# The standard names a Bayer format by its first two pixels; so do these of OpenCV's constants, unlike its older ones.
FORMATS = (
    PixelFormat("Mono8", 0x01080001, 8, _as_it_is),
    _grey("Mono10", 0x01100003, 10),
    _grey("Mono12", 0x01100005, 12),
    _grey("Mono14", 0x01100025, 14),
    _grey("Mono16", 0x01100007, 16),
    PixelFormat("RGB8", 0x02180014, 24, _rgb),
    PixelFormat("BGR8", 0x02180015, 24, _colour),
    PixelFormat("BayerRG8", 0x01080009, 8, _bayer(cv2.COLOR_BayerRGGB2BGR)),
    PixelFormat("BayerGR8", 0x01080008, 8, _bayer(cv2.COLOR_BayerGRBG2BGR)),
    PixelFormat("BayerGB8", 0x0108000A, 8, _bayer(cv2.COLOR_BayerGBRG2BGR)),
    PixelFormat("BayerBG8", 0x0108000B, 8, _bayer(cv2.COLOR_BayerBGGR2BGR)),
)
BY_CODE = {form.code: form for form in FORMATS}
BY_NAME = {form.name: form for form in FORMATS}
