"""A network camera, read by FFmpeg (PyAV): RTSP, motion JPEG over HTTP, RTMP, UDP and whatever else it supports."""

from __future__ import annotations

import errno
from collections import deque

import av
from av.container import InputContainer
from av.video.frame import VideoFrame

from dlstream_camera.sources._connection import Connection, DamagedFrameError, DisconnectedError, Taken
from dlstream_common import SourceError, now
from dlstream_common.jpeg import ends_in_zeros
from dlstream_common.video import strict_decoder

_TO_OPEN = 10.0
"""Seconds within which a camera must answer."""
_ENDED = "the stream has ended: the camera closed the connection"
_SHOWN_BY_ONE_FRAME = ("mpjpeg", "jpeg_pipe", "image2")
"""Formats that FFmpeg recognises from one frame; for others it first buffers some seconds of frames."""
_LIVE = {"fflags": "nobuffer"}  # buffered frames would arrive all at once, too late for their stamps


class NetworkStream(Connection):
    """An open stream. See `Connection`.

    Args:
        silence: seconds without data after which the stream counts as silent.

    Raises:
        SourceError: it can't be opened, or has no video.
    """

    def __init__(self, url: str, silence: float) -> None:
        self._silence = silence
        if url.startswith("rtsp"):
            self._container = self._open(url, {**_LIVE, "rtsp_transport": "tcp"})  # by UDP a lost packet damages frames
        else:
            self._container = self._open(url, {} if url.startswith("http") else _LIVE)
        if url.startswith("http") and self._container.format.name not in _SHOWN_BY_ONE_FRAME:
            self._container.close()
            self._container = self._open(url, _LIVE)
        if not self._container.streams.video:
            self._container.close()
            raise SourceError(f"camera '{url}': found a stream without video; expected a video stream")
        stream = self._container.streams.video[0]
        stream.codec_context.options = {"flags": "low_delay"}
        strict_decoder(stream.codec_context)
        self._packets = self._container.demux(stream)
        self._decoded: deque[VideoFrame] = deque()
        self._newest = 0
        self._begun = False
        self._is_jpeg = stream.codec_context.name == "mjpeg"
        self.name = f"{self._container.format.name} ({stream.codec_context.name})"
        self.fps = float(stream.average_rate or 0)

    def _open(self, url: str, options: dict[str, str]) -> InputContainer:
        try:
            return av.open(url, timeout=(_TO_OPEN, self._silence), options=options)
        except av.FFmpegError as error:
            raise SourceError(
                f"camera '{url}': can't be opened ({_reason(error, _TO_OPEN)}); expected a video stream. Is the "
                "camera on, and are its address, user and password right?"
            ) from error

    def read(self) -> Taken:
        while not self._decoded:
            self._decoded.extend(self._next())
        frame = self._decoded.popleft()
        if frame.is_corrupt:
            raise DamagedFrameError("its data is incomplete")
        stamp = self._newest if frame.pts is None else frame.pts
        return Taken(frame.to_ndarray(format="bgr24"), stamp)

    def close(self) -> None:
        self._container.close()

    def _next(self) -> list[VideoFrame]:
        """The frames that the next packet completes."""
        try:
            packet = next(self._packets)
        except StopIteration:
            raise DisconnectedError(_ENDED) from None
        except av.error.ExitError as error:
            raise DisconnectedError(f"the stream is silent: no data came for {self._silence:g} s") from error
        except av.FFmpegError as error:
            if error.errno == errno.EIO:  # FFmpeg's error for a connection that was closed within an endless stream
                raise DisconnectedError(_ENDED) from error
            raise DisconnectedError(f"the stream broke off: {_reason(error, self._silence)}") from error
        stamp = now()
        if not packet.size:
            return []  # FFmpeg's end marker
        self._begun = self._begun or packet.is_keyframe
        if not self._begun:
            return []  # differences from a frame that was sent before this connection
        # A decoder hands this on to the packet's frame, whatever its order; a stream's own may be missing or come twice
        packet.pts = self._newest = stamp
        if self._is_jpeg and ends_in_zeros(bytes(packet)):
            raise DamagedFrameError(f"{packet.size} bytes that end in zeros")
        try:
            return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
        except av.FFmpegError as error:
            raise DamagedFrameError(f"{packet.size} bytes that are not a complete image") from error


def _reason(error: av.FFmpegError, seconds: float) -> str:
    """What FFmpeg says, without the URL that it adds."""
    if isinstance(error, av.error.ExitError):
        return f"no answer for {seconds:g} s"
    return (error.strerror or str(error)).strip().rstrip(".")
