"""Frame sources of dlstream: cameras, videos, a synthetic arena. Nothing here imports ROS; `node` does."""

from dlstream_camera.camera import Camera, Shot
from dlstream_camera.crop import crop_slices
from dlstream_camera.rate_limiter import RateLimiter
from dlstream_camera.sources import SOURCES, Capture, Format, FrameSource, SourceSettings, source_settings

__all__ = [
    "SOURCES",
    "Camera",
    "Capture",
    "Format",
    "FrameSource",
    "RateLimiter",
    "Shot",
    "SourceSettings",
    "crop_slices",
    "source_settings",
]
