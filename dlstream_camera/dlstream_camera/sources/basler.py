"""Basler cameras, by pylon: USB3, GigE and the emulation."""

from __future__ import annotations

from collections.abc import Sequence

from dlstream_camera.sources._basler_camera import BaslerCamera, BaslerSettings
from dlstream_camera.sources._device import DeviceSource
from dlstream_camera.sources._format import Device
from dlstream_camera.sources._pylon import infos, listed


class BaslerSource(DeviceSource[BaslerSettings]):
    """Frames of a Basler camera, stamped when their exposure began, as far as the camera has a clock."""

    requires = {"pypylon": "pypylon"}

    @classmethod
    def devices(cls) -> Sequence[Device]:
        return [listed(info) for info in infos()]

    def connect(self) -> BaslerCamera:
        return BaslerCamera(self.settings, lambda notice: self.on_notice(notice))
