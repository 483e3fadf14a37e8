"""Frame sources of dlstream: cameras, videos, a synthetic arena. Nothing here imports ROS; `node` does."""

from dlstream_camera.camera import Camera, Shot
from dlstream_camera.crop import crop_slices
from dlstream_camera.sources import Capture, Format, FrameSource, SourceSettings, SourceType, source_type, source_types

__all__ = [
    "Camera",
    "Capture",
    "Format",
    "FrameSource",
    "Shot",
    "SourceSettings",
    "SourceType",
    "crop_slices",
    "source_type",
    "source_types",
]
