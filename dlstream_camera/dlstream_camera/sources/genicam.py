"""Cameras with GigE Vision or USB3 Vision, of any maker, by Aravis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlstream_camera.sources._aravis import INSTALL, LIBRARY, is_installed, list_cameras
from dlstream_camera.sources._device import DeviceSource
from dlstream_camera.sources._format import Device
from dlstream_camera.sources._genicam_camera import GenicamCamera, listed
from dlstream_camera.sources._genicam_settings import GenicamSettings


class GenicamSource(DeviceSource[GenicamSettings]):
    """Frames of such a camera, stamped by its own clock."""

    @classmethod
    def lacks(cls) -> Mapping[str, str]:
        """What has to be installed: no Python package, but a library of the system's."""
        return {} if is_installed() else {LIBRARY: INSTALL}

    @classmethod
    def devices(cls) -> Sequence[Device]:
        return [listed(info) for info in list_cameras()] if is_installed() else []

    def connect(self) -> GenicamCamera:
        return GenicamCamera(self.settings, lambda notice: self.on_notice(notice))
