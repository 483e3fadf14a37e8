"""What a camera with a vendor's library builds on (docs/how-to/add-a-camera.md)."""

from dlstream_camera.sources._base import Device
from dlstream_camera.sources._connection import Connection, DamagedFrameError, DisconnectedError, Taken
from dlstream_camera.sources._device import DeviceSettings, DeviceSource, read_back, the_device
from dlstream_camera.sources._device_stamps import DeviceStamps
from dlstream_camera.sources._feature_settings import FeatureSettings
from dlstream_camera.sources._feature_setup import Setup
from dlstream_camera.sources._features import Features
from dlstream_camera.sources._frame_numbers import FrameNumbers

__all__ = [
    "Connection",
    "DamagedFrameError",
    "Device",
    "DeviceSettings",
    "DeviceSource",
    "DeviceStamps",
    "DisconnectedError",
    "FeatureSettings",
    "Features",
    "FrameNumbers",
    "Setup",
    "Taken",
    "read_back",
    "the_device",
]
