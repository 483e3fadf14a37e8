"""Cameras that OpenCV opens: an index, a V4L2 path, or a network stream's URL."""

from __future__ import annotations

from collections.abc import Sequence

from dlstream_camera.sources._base import Capture, Device, Format, FrameSource, SourceState
from dlstream_camera.sources._connection import Connection
from dlstream_camera.sources._live import LiveReader
from dlstream_camera.sources._local_device import LocalDevice
from dlstream_camera.sources._network_stream import NetworkStream
from dlstream_camera.sources._opencv_settings import OpenCVSettings
from dlstream_camera.sources._v4l import v4l_devices
from dlstream_common import SourceError, masked
from dlstream_common.credentials import is_masked


class OpenCVSource(FrameSource[OpenCVSettings]):
    """Reads a local camera with OpenCV, and a network camera with FFmpeg.

    The stamp is the time at which the driver or the network delivers the image, before decoding. Exposure and transfer
    happen earlier.
    """

    _reader: LiveReader | None = None

    def open(self) -> Format:
        wanted = self.settings
        self._reader = LiveReader(
            masked(wanted.device), self._connect, wanted.reconnect_every, lambda it: self.on_notice(it)
        )
        connection, (width, height) = self._reader.open()
        device = masked(wanted.device)
        return Format(width, height, connection.fps, f"{connection.name} {device}", hardware_id=device)

    def read(self) -> Capture | None:
        if self._reader is None:
            raise SourceError(f"camera '{self.settings.device}': not open")
        return self._reader.read()

    def state(self) -> SourceState:
        return self._reader.state() if self._reader is not None else SourceState()

    def stop(self) -> None:
        if self._reader is not None:
            self._reader.stop()

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    @classmethod
    def devices(cls) -> Sequence[Device]:
        return v4l_devices()

    def _connect(self) -> Connection:
        if self.settings.is_url:
            if is_masked(self.settings.device):
                raise SourceError(
                    f"camera '{self.settings.device}': found *** in place of the password, as in a session's copy of a "
                    "rig file; expected the password itself"
                )
            return NetworkStream(self.settings.device, self.settings.silence)
        return LocalDevice(self.settings)
