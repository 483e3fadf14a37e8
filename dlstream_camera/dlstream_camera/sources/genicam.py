"""Cameras with GigE Vision or USB3 Vision, of any maker, by Aravis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlstream_camera.sources._aravis import INSTALL, is_installed, list_cameras
from dlstream_camera.sources._base import Capture, Device, Format, FrameSource
from dlstream_camera.sources._genicam_camera import GenicamCamera
from dlstream_camera.sources._genicam_settings import GenicamSettings
from dlstream_camera.sources._live import LiveReader
from dlstream_common import SourceError
