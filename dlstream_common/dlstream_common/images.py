"""Converts the images of sensor_msgs/Image, bytes with an encoding, to and from arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_common.bits import BitsCheck
from dlstream_common.errors import DlstreamError
from dlstream_common.frame import Image
from dlstream_common.jpeg import has_end


class EncodingError(DlstreamError):
    """An image with an unknown encoding, or whose bytes do not fit its size."""


class RawImage(NamedTuple):
    """The bytes of an image, and what sensor_msgs/Image says of them."""

    data: bytes | memoryview | NDArray[np.uint8]
    width: int
    height: int
    step: int
    """Bytes from one row to the next."""
    encoding: str
    big_endian: bool = False

    @classmethod
    def of(cls, message: Any) -> RawImage:
        """That of a sensor_msgs/Image, of rclpy or read from a bag. No bytes are copied."""
        size = message.width, message.height, message.step
        return cls(memoryview(message.data), *size, message.encoding, bool(message.is_bigendian))


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

_BAYER = {
    "rggb": cv2.COLOR_BayerRGGB2BGR,
    "bggr": cv2.COLOR_BayerBGGR2BGR,
    "gbrg": cv2.COLOR_BayerGBRG2BGR,
    "grbg": cv2.COLOR_BayerGRBG2BGR,
}
_BITS = {"8": np.uint8, "16": np.uint16}
_MOSAICS = {f"bayer_{order}{bits}": (order, kind) for order in _BAYER for bits, kind in _BITS.items()}
"""What machine vision cameras send: each pixel sees one colour."""
_PLANES = {"nv12": cv2.COLOR_YUV2BGR_NV12, "nv21": cv2.COLOR_YUV2BGR_NV21}
"""What video hardware sends: brightness, and below it two colours of every 2x2 pixels."""
_DEEP = ("bgr16", "rgb16")

_STREAMS = ("h264", "h265", "hevc", "h.264", "h.265", "av1", "vp8", "vp9", "mpeg4", "theora")
"""Formats of compressed images that are streams."""
_SAMPLES = 10_000
"""Pixels from which the range of a view is taken."""
_RANGE = 50.0
"""Least range in mm, so that the noise of a flat floor is not stretched."""
ENCODINGS = tuple(_ENCODINGS)
"""The encodings of sensor_msgs/Image that are used as they are."""
CONVERTED = (*_MOSAICS, *_PLANES, *_DEEP)
"""Those that `image_of_any` makes into bgr8."""


def _known(encoding: str) -> _Encoding:
    if encoding not in _ENCODINGS:
        known = (*ENCODINGS, *CONVERTED)
        raise EncodingError(f"image encoding: found '{encoding}'; expected one of {', '.join(known)}")
    return _ENCODINGS[encoding]


def image_of_any(raw: RawImage) -> tuple[Image, str]:
    """The image of a message with its encoding: as `image_from_bytes`, or a new one of bgr8 for those of `CONVERTED`.

    Of 16 bits the upper 8 are kept: the full range remains the full range.

    Raises:
        EncodingError: as there, or an odd size where a colour belongs to several pixels.
    """
    if raw.encoding not in CONVERTED:
        return image_from_bytes(raw), raw.encoding
    try:
        return _converted(raw), "bgr8"
    except EncodingError as error:
        raise EncodingError(f"image of {raw.width}x{raw.height} {raw.encoding}: {error}") from error


def deep_values(raw: RawImage) -> Image | None:
    """The values of an image of which `image_of_any` keeps only the upper 8 bits; None: it is none of those.

    Raises:
        EncodingError: the bytes do not fit the size.
    """
    if raw.encoding in _DEEP:
        return _colours(raw)
    if _MOSAICS.get(raw.encoding, ("", np.uint8))[1] is np.uint16:
        return image_from_bytes(raw._replace(encoding="mono16"))
    return None


class DeepCheck:
    """Looks at the first images of which only the upper 8 bits are kept: do they use only the lower ones?"""

    def __init__(self) -> None:
        self._check: BitsCheck | None = BitsCheck()

    def add(self, raw: RawImage) -> str:
        """Looks at an image. Returns what is wrong, once.

        Raises:
            EncodingError: the bytes do not fit the size.
        """
        if self._check is None:
            return ""
        values = deep_values(raw)
        if values is None:
            return self.finish()
        self._check.add(values)
        return self.finish() if self._check.is_done else ""

    def finish(self) -> str:
        """What is wrong, if not said yet: call it after the last image."""
        said, self._check = self._check.finish() if self._check else "", None
        return said


def _converted(raw: RawImage) -> NDArray[np.uint8]:
    encoding = raw.encoding
    if encoding not in _DEEP and (raw.width % 2 or raw.height % 2):
        raise EncodingError("found an odd size; expected an even one")
    if encoding in _DEEP:
        image = _upper(_colours(raw).reshape(raw.height, raw.width, 3))
        return image if encoding == "bgr16" else np.ascontiguousarray(image[..., ::-1])
    if encoding in _PLANES:
        both = image_from_bytes(raw._replace(height=raw.height + raw.height // 2, encoding="mono8"))
        return np.asarray(cv2.cvtColor(both, _PLANES[encoding]), np.uint8)
    order, kind = _MOSAICS[encoding]
    mosaic = image_from_bytes(raw._replace(encoding="mono8" if kind is np.uint8 else "mono16"))
    return _upper(cv2.cvtColor(mosaic, _BAYER[order]))


def _colours(raw: RawImage) -> Image:
    """The values of three colours a pixel as one row: (height, 3 width)."""
    return image_from_bytes(raw._replace(width=3 * raw.width, encoding="mono16"))


def _upper(image: Image) -> NDArray[np.uint8]:
    return np.asarray(image >> 8 if image.dtype == np.uint16 else image).astype(np.uint8, copy=False)


def image_from_bytes(raw: RawImage) -> Image:
    """A view of its bytes (no copy, if the byte order allows it) as (height, width) or (height, width, channels).

    Raises:
        EncodingError: unknown encoding, an empty image, an odd width for yuv422, or bytes that do not fit the size.
    """
    data, width, height, step, encoding, big_endian = raw
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
        EncodingError: the bytes are no such image, or only the beginning of one; or they show a sensor's mosaic, which
            looks like a grey picture.
    """
    image = None
    refuse_format(form)
    if len(data) and "compressedDepth" not in form:
        if _is_cut_off(bytes(data)):
            raise EncodingError(
                f"found {len(data)} bytes of the format '{form}' that are cut off; expected a whole image"
            )
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


def refuse_format(form: str) -> None:
    """Refuses the format of a compressed image that shows the pattern of a Bayer sensor, or is a stream of video.

    Raises:
        EncodingError: it is one of them.
    """
    if form.partition(";")[0].strip().lower() in _STREAMS:
        raise EncodingError(
            f"image format: found '{form.strip()}', a stream of video, whose images build on one another; expected "
            "single pictures such as JPEG or PNG. Let the driver compress those, or republish it as `raw`"
        )
    encoding, _, rest = form.partition(";")
    kept_as = rest.rpartition("compressed")[2].strip()
    if encoding.strip().startswith("bayer") and kept_as in ("", encoding.strip()):
        raise EncodingError(
            f"image format: found '{form.strip()}', a sensor's mosaic; expected colour or grey. Compress those, such "
            "as the image_color or image_mono of image_proc's debayer node"
        )


def _is_cut_off(data: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end: what is missing, OpenCV fills up with grey and does not say so."""
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data
    return data.startswith(b"\xff\xd8") and not has_end(data)
