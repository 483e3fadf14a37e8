"""Cameras that OpenCV opens: an index, a V4L2 path, or a network stream's URL."""

from __future__ import annotations

from collections.abc import Sequence

from dlstream_camera.sources._base import Device
from dlstream_camera.sources._connection import Connection
from dlstream_camera.sources._live_source import LiveSource
from dlstream_camera.sources._local_device import LocalDevice
from dlstream_camera.sources._network_stream import NetworkStream
from dlstream_camera.sources._opencv_settings import OpenCVSettings
from dlstream_camera.sources._v4l import v4l_devices
from dlstream_common import SourceError, masked
from dlstream_common.credentials import is_masked


class OpenCVSource(LiveSource[OpenCVSettings]):
    """Reads a local camera with OpenCV, and a network camera with FFmpeg.

    The stamp is the time at which the driver or the network delivers the image, before decoding. Exposure and transfer
    happen earlier.
    """

    @property
    def title(self) -> str:
        return masked(self.settings.device)

    @property
    def reconnect_every(self) -> float:
        return self.settings.reconnect_every

    def connect(self) -> Connection:
        connection = self._connected()
        connection.name, connection.hardware_id = f"{connection.name} {self.title}", self.title
        return connection

    @classmethod
    def devices(cls) -> Sequence[Device]:
        return v4l_devices()

    def _connected(self) -> Connection:
        if self.settings.is_url:
            if is_masked(self.settings.device):
                raise SourceError(
                    f"camera '{self.settings.device}': found *** in place of the password, as in a session's copy of a "
                    "rig file; expected the password itself"
                )
            return NetworkStream(self.settings.device, self.settings.silence)
        return LocalDevice(self.settings, lambda notice: self.on_notice(notice))
