"""Converts the images of sensor_msgs/Image, bytes with an encoding, to and from arrays."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_common.errors import DlstreamError
from dlstream_common.frame import Image


class EncodingError(DlstreamError):
    """An image with an unknown encoding, or whose bytes do not fit its size."""


@dataclass(frozen=True)
class _Encoding:
    channels: int
    dtype: type[np.uint8] | type[np.uint16]
    to_bgr: int | None  # OpenCV's conversion code


_ENCODINGS = {
    "mono8": _Encoding(1, np.uint8, cv2.COLOR_GRAY2BGR),
    "8UC1": _Encoding(1, np.uint8, cv2.COLOR_GRAY2BGR),
    "mono16": _Encoding(1, np.uint16, cv2.COLOR_GRAY2BGR),
    "16UC1": _Encoding(1, np.uint16, cv2.COLOR_GRAY2BGR),
    "bgr8": _Encoding(3, np.uint8, None),
    "8UC3": _Encoding(3, np.uint8, None),
    "rgb8": _Encoding(3, np.uint8, cv2.COLOR_RGB2BGR),
    "bgra8": _Encoding(4, np.uint8, cv2.COLOR_BGRA2BGR),
    "8UC4": _Encoding(4, np.uint8, cv2.COLOR_BGRA2BGR),
    "rgba8": _Encoding(4, np.uint8, cv2.COLOR_RGBA2BGR),
    "yuv422": _Encoding(2, np.uint8, cv2.COLOR_YUV2BGR_UYVY),
    "uyvy": _Encoding(2, np.uint8, cv2.COLOR_YUV2BGR_UYVY),
    "yuv422_yuy2": _Encoding(2, np.uint8, cv2.COLOR_YUV2BGR_YUY2),
    "yuyv": _Encoding(2, np.uint8, cv2.COLOR_YUV2BGR_YUY2),
}

_SAMPLES = 10_000
"""Pixels from which the range of a view is taken."""
_RANGE = 50.0
"""Least range in mm, so that the noise of a flat floor is not stretched."""
ENCODINGS = tuple(_ENCODINGS)
"""The encodings of sensor_msgs/Image that can be read."""


def _known(encoding: str) -> _Encoding:
    try:
        return _ENCODINGS[encoding]
    except KeyError:
        raise EncodingError(f"image encoding: found '{encoding}'; expected one of {', '.join(ENCODINGS)}") from None


def image_from_bytes(
    data: bytes | memoryview | NDArray[np.uint8],
    width: int,
    height: int,
    step: int,
    encoding: str,
    big_endian: bool = False,
) -> Image:
    """A view of `data` (no copy, if the byte order allows it) as (height, width) or (height, width, channels).

    Raises:
        EncodingError: unknown encoding, an empty image, an odd width for yuv422, or bytes that do not fit the size.
    """
    kind = _known(encoding)
    item = np.dtype(kind.dtype).itemsize
    row = width * kind.channels * item
    flat = np.frombuffer(data, np.uint8)
    if width == 0 or height == 0 or step < row or flat.size < step * (height - 1) + row:
        raise EncodingError(
            f"image of {width}x{height} {encoding} with step {step}: found {flat.size} bytes; "
            f"expected a size above 0x0, a step of at least {row} and {max(step, row) * height} bytes"
        )
    if kind.channels == 2 and width % 2:
        raise EncodingError(f"image of {width}x{height} {encoding}: found an odd width; expected an even one")
    rows = np.lib.stride_tricks.as_strided(flat, (height, row), (step, 1), writeable=False)
    order = ">" if big_endian else "<"
    pixels = rows if item == 1 else _wide(rows, f"{order}u2")
    shape = (height, width) if kind.channels == 1 else (height, width, kind.channels)
    return pixels.reshape(shape) if pixels.flags.c_contiguous else np.ascontiguousarray(pixels).reshape(shape)


def _wide(rows: NDArray[np.uint8], dtype: str) -> NDArray[np.uint16]:
    return np.ascontiguousarray(rows).view(dtype).astype(np.uint16, copy=False)


def to_bgr(image: Image, encoding: str) -> NDArray[np.uint8]:
    """The image as (height, width, 3) uint8 in OpenCV's channel order; the image itself if it is that already.

    16-bit values are divided by 256: the full range remains the full range.

    Raises:
        EncodingError: unknown encoding.
    """
    kind = _known(encoding)
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if kind.to_bgr is None:
        return np.asarray(image, np.uint8)
    return np.asarray(cv2.cvtColor(image, kind.to_bgr), np.uint8)


def to_view(image: Image, encoding: str) -> NDArray[np.uint8]:
    """The image for looking at: (height, width, 3) uint8, blue, green, red.

    Depth (16UC1) is shown as grey from near (white) to far (dark grey), as its image needs it; black: not measured.

    Raises:
        EncodingError: unknown encoding.
    """
    if encoding != "16UC1":
        return to_bgr(image, encoding)
    measured = image[image > 0]
    if not measured.size:
        return np.zeros((*image.shape, 3), np.uint8)
    near, far = np.percentile(measured[:: max(1, measured.size // _SAMPLES)], (0.1, 99.5))
    view = 255 - (image.astype(np.float32) - near) * (205 / max(_RANGE, far - near))
    grey = np.where(image > 0, np.clip(view, 50, 255), 0).astype(np.uint8)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


def encoding_of(image: Image) -> str:
    """The encoding of an array in OpenCV's channel order: mono8, mono16, bgr8 or bgra8.

    Raises:
        EncodingError: an array that is none of them.
    """
    channels = 1 if image.ndim == 2 else image.shape[2]
    names = {(1, "uint8"): "mono8", (1, "uint16"): "mono16", (3, "uint8"): "bgr8", (4, "uint8"): "bgra8"}
    try:
        return names[channels, image.dtype.name]
    except KeyError:
        raise EncodingError(f"array of shape {image.shape} and type {image.dtype}: no image encoding fits") from None


def image_from_compressed(data: bytes | memoryview | NDArray[np.uint8], form: str) -> tuple[Image, str]:
    """The image of sensor_msgs/CompressedImage (JPEG, PNG and others), and its encoding.

    Args:
        form: the message's format, such as "bgr8; jpeg compressed bgr8".

    Raises:
        EncodingError: the bytes are no such image.
    """
    image = None
    if len(data) and "compressedDepth" not in form:
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            image = None
    names = {(2, 1): "mono8", (2, 2): "mono16", (3, 1): "bgr8", (4, 1): "bgra8"}
    channels = 0 if image is None else 2 if image.ndim == 2 else image.shape[2]
    encoding = names.get((channels, image.dtype.itemsize)) if image is not None else None
    if image is None or encoding is None:
        expected = "a JPEG or PNG image of 8 or 16 bits"
        raise EncodingError(f"found {len(data)} bytes of the format '{form}'; expected {expected}")
    return image, encoding
