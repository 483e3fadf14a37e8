"""Encodes images: lossless, or as H.264.

Why these two: lossless, 640x480 colour with sensor noise, on one core (milliseconds and kilobytes per frame): FFV1
19 ms 471 kB, H.264 without loss 9 ms 526 kB, Ut Video 5.4 ms 520 kB, MagicYUV 5.3 ms 535 kB, FFVHUFF with its own
tables for each frame 2.2 ms 416 kB when the planes are filled directly. A recorder shares its processor with a camera
and a network, so the cheapest won. Every frame is a keyframe, and everything built on FFmpeg decodes it. H.264 is for
small files.

Depth images, 16UC1, are measurements, not pictures: they are always recorded without loss. With 16 bits, tables for
each frame cost most of FFVHUFF's time, so these have fixed ones. 640x480 depth with noise and holes: 0.9 ms 225 kB,
with own tables 19 ms 174 kB, FFV1 25 ms 162 kB, PNG 17 ms 254 kB.

Both return each frame's packet at once: they hold nothing back that a crash could lose.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_common import EncodingError, Image, RecordingError, to_bgr

_TICK = Fraction(1, 1_000_000)
_LIMITED = np.round(np.arange(256) * 219 / 255 + 16).astype(np.uint8)


@dataclass(frozen=True)
class Packet:
    """One encoded frame."""

    data: memoryview
    keyframe: bool


class Encoder(Protocol):
    """Encodes images of one size and encoding into packets."""

    codec: str
    private: bytes
    width: int
    height: int

    def encode(self, image: Image, pts: int) -> Packet:
        """Encodes one image; `pts` in nanoseconds, increasing."""


def create_encoder(video: str, image: Image, encoding: str) -> Encoder:
    """The encoder for images like this one; `video` is "lossless" or "h264", which does not apply to depth (16UC1).

    Raises:
        RecordingError: no encoder accepts such images, or this machine's FFmpeg lacks it.
    """
    try:
        lossless = video == "lossless" or encoding == "16UC1"
        return LosslessEncoder(image, encoding) if lossless else H264Encoder(image, encoding)
    except EncodingError as error:
        raise RecordingError(f"can't record images of encoding '{encoding}': {error}") from error
    except (av.FFmpegError, ValueError) as error:
        size = f"{image.shape[1]}x{image.shape[0]}"
        raise RecordingError(f"can't record {video} video of {size} '{encoding}' images: {error}") from error


class LosslessEncoder:
    """FFVHUFF: keeps every bit; `PLANES` lists the pixel formats."""

    codec = "V_MS/VFW/FOURCC"

    def __init__(self, image: Image, encoding: str) -> None:
        self.height, self.width = image.shape[:2]
        if encoding not in PLANES:
            raise EncodingError(f"expected one of {', '.join(PLANES)}")
        self._format, self._order = PLANES[encoding]
        self._context = _context("ffvhuff", self.width, self.height, self._format)
        own_tables = "0" if image.dtype == np.uint16 else "1"  # 65,536 entries, see above
        self._context.options = {"context": own_tables, "pred": "left"}
        self._context.open()
        self.private = _bitmap_header(self.width, self.height, bytes(self._context.extradata))

    def encode(self, image: Image, pts: int) -> Packet:
        """See Encoder."""
        frame = av.VideoFrame(self.width, self.height, self._format)
        planes = [_plane(plane, image.dtype) for plane in frame.planes]
        if image.ndim == 2:
            np.copyto(planes[0], image)
        elif image.shape[2] == 2:
            first = self._order[0]  # position of the brightness in a pair of bytes
            np.copyto(planes[0], image[:, :, first])
            np.copyto(planes[1], image[:, 0::2, 1 - first])
            np.copyto(planes[2], image[:, 1::2, 1 - first])
        else:
            cv2.split(image, [planes[index] for index in self._order])
        return _encode(self._context, frame, pts)


PLANES = {
    "mono8": ("gray", ()),
    "8UC1": ("gray", ()),
    "mono16": ("gray16le", ()),
    "16UC1": ("gray16le", ()),
    "bgr8": ("gbrp", (1, 0, 2)),
    "8UC3": ("gbrp", (1, 0, 2)),
    "rgb8": ("gbrp", (2, 0, 1)),
    "bgra8": ("gbrap", (1, 0, 2, 3)),
    "8UC4": ("gbrap", (1, 0, 2, 3)),
    "rgba8": ("gbrap", (2, 0, 1, 3)),
    "yuv422": ("yuv422p", (1,)),
    "uyvy": ("yuv422p", (1,)),
    "yuv422_yuy2": ("yuv422p", (0,)),
    "yuyv": ("yuv422p", (0,)),
}
"""For each encoding, the pixel format of the lossless video and the plane for each channel."""


class H264Encoder:
    """H.264 4:2:0, which every player accepts. Odd sizes are made even by repeating the last column or row."""

    codec = "V_MPEG4/ISO/AVC"

    def __init__(self, image: Image, encoding: str) -> None:
        self._encoding = encoding
        to_bgr(image[:2, :2], encoding)  # to refuse an unknown encoding now
        self.height, self.width = (size + size % 2 for size in image.shape[:2])
        self._context = _context("libx264", self.width, self.height, "yuv420p")
        self._context.color_range = 1  # 16 to 235, as _LIMITED and OpenCV's conversion give
        self._context.colorspace = 6
        self._context.options = {
            "preset": "superfast",
            "tune": "zerolatency",
            "crf": "18",
            "g": "60",
            "x264-params": "annexb=0:sliced-threads=0",  # as Matroska stores it
        }
        self._context.flags |= av.codec.context.Flags.global_header
        self._context.open()
        self.private = bytes(self._context.extradata)

    def encode(self, image: Image, pts: int) -> Packet:
        """See Encoder."""
        return _encode(self._context, av.VideoFrame.from_ndarray(self._planes(image), format="yuv420p"), pts)

    def _planes(self, image: Image) -> NDArray[np.uint8]:
        if image.dtype == np.uint16:
            image = (image >> 8).astype(np.uint8)
        if image.ndim == 3:
            image = to_bgr(image, self._encoding)
        height, width = image.shape[:2]
        if (height, width) != (self.height, self.width):
            image = cv2.copyMakeBorder(image, 0, self.height - height, 0, self.width - width, cv2.BORDER_REPLICATE)
        if image.ndim == 3:
            return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
        planes = np.full((self.height * 3 // 2, self.width), 128, np.uint8)
        cv2.LUT(image, _LIMITED, planes[: self.height])
        return planes


def _context(codec: str, width: int, height: int, pixel_format: str) -> av.CodecContext:
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = width, height, pixel_format
    context.time_base = _TICK
    context.framerate = Fraction(60)
    context.thread_count = 1  # more threads would hold frames back and use processors that others need
    return context


def _plane(plane: av.VideoPlane, dtype: np.dtype[np.uint8]) -> NDArray[np.uint8]:
    """The pixels of a plane, as a writable view."""
    rows = np.frombuffer(plane, dtype).reshape(plane.height, plane.line_size // dtype.itemsize)
    return rows[:, : plane.width]


def _encode(context: av.CodecContext, frame: av.VideoFrame, pts: int) -> Packet:
    frame.pts, frame.time_base = pts // 1000, _TICK
    try:
        packets = context.encode(frame)
    except av.FFmpegError as error:
        raise RecordingError(f"the video encoder {context.name} failed: {error}") from error
    if len(packets) != 1:
        raise RecordingError(
            f"the video encoder {context.name} returned {len(packets)} packets for one frame; expected 1"
        )
    return Packet(memoryview(packets[0]), packets[0].is_keyframe)


def _bitmap_header(width: int, height: int, extra: bytes) -> bytes:
    """Microsoft's BITMAPINFOHEADER, with which Matroska identifies codecs that have no Matroska name."""
    size = 40 + len(extra)
    head = b"".join(value.to_bytes(4, "little") for value in (size, width, height))
    rest = (1).to_bytes(2, "little") + (24).to_bytes(2, "little") + b"FFVH" + (width * height * 3).to_bytes(4, "little")
    return head + rest + bytes(16) + extra
