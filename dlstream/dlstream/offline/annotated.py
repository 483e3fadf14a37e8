"""The annotated video of an analysis: poses, regions that turn green, the time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_common import RecordingError
from dlstream_recorder import write_error

_TICKS = 90_000
_QUALITY = 23
"""x264's quantizer of every frame. With a constant rate factor (crf) it looks at each frame once more to choose one
and takes finer ones for still footage than anybody sees: half the time again, and twice the bytes."""


class AnnotatedVideo:
    """Writes an H.264 MP4 that every player opens. An odd size is made even by repeating the last row or column.

    Raises:
        RecordingError: it can't be written.
    """

    def __init__(self, path: Path, width: int, height: int, start: int) -> None:
        self._size = width + width % 2, height + height % 2
        self._start, self._last = start, -1
        self._yuv = np.empty((self._size[1] * 3 // 2, self._size[0]), np.uint8)
        self._path = path
        with self._writing():
            self._container = av.open(str(path), "w")
            self._stream = self._container.add_stream("libx264", rate=30)
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, _TICKS)
        self._stream.options = {"preset": "ultrafast", "qp": str(_QUALITY)}  # superfast takes twice the time
        if (os.cpu_count() or 1) <= 2:  # the other core has the network; one thread has less to do than several
            self._stream.codec_context.thread_count = 1

    def add(self, picture: NDArray[np.uint8], stamp: int) -> None:
        """A picture, (height, width, 3), blue, green, red, to be shown at its stamp (nanoseconds)."""
        height, width = picture.shape[:2]
        if (width, height) != self._size:
            right, below = self._size[0] - width, self._size[1] - height
            picture = np.asarray(cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)
        # OpenCV's conversion takes a quarter of the time of FFmpeg's. One array serves all, as FFmpeg encodes a copy.
        yuv = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420, dst=self._yuv), np.uint8)
        frame = av.VideoFrame.from_numpy_buffer(yuv, format="yuv420p")
        frame.time_base = Fraction(1, _TICKS)
        self._last = frame.pts = max(self._last + 1, (stamp - self._start) * _TICKS // 1_000_000_000)
        with self._writing():
            self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Completes the file."""
        with self._writing():
            try:
                self._container.mux(self._stream.encode())
            finally:
                self._container.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise write_error(self._path, error) from error
        except av.FFmpegError as error:
            raise RecordingError(f"can't write {self._path}: {error}") from error
