"""What can be set of a camera that OpenCV or FFmpeg opens."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from dlstream_camera.crop import crop_problem, crop_slices
from dlstream_camera.sources._base import SourceSettings
from dlstream_common import Problem

_RECONNECT = 2.0


def _index_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class OpenCVSettings(SourceSettings):
    """A camera by OpenCV. Width, height and fps are requested; what the camera delivers is read back."""

    source: Literal["opencv"] = "opencv"
    """Kind of the source."""
    device: Annotated[str, BeforeValidator(_index_as_text, json_schema_input_type=int | str)] = "0"
    """Index (0, 1, ...), path (/dev/v4l/by-id/...), or URL (rtsp://..., http://...)."""
    width: Annotated[int, Field(ge=0, le=20000)] = 0
    """Width to request; 0: as the camera has it."""
    height: Annotated[int, Field(ge=0, le=20000)] = 0
    """Height to request; 0: as the camera has it."""
    fps: Annotated[float, Field(ge=0, le=10000)] = 0.0
    """Frames a second to request; 0: as the camera has it."""
    fourcc: Annotated[str, Field(pattern="^(.{4})?$")] = ""
    """Pixel format to request, such as MJPG or YUYV; empty: as the camera has it."""
    reconnect: Annotated[float, Field(ge=0, le=3600)] | None = None
    """Seconds between attempts to reconnect a camera that is gone; 0: the run ends. Not given: 2 for a URL, else 0."""
    silence: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Seconds without data after which a network stream counts as gone."""

    @field_validator("device")
    @classmethod
    def _as_a_url(cls, device: str) -> str:
        if "://" in device and re.search(r"\s", device):
            raise ValueError("a URL without blanks; one in a password is written %20")
        return device

    @property
    def is_url(self) -> bool:
        """Whether the device is a camera on the network."""
        return "://" in self.device

    @property
    def reconnect_every(self) -> float:
        """Seconds between two attempts to connect again; 0: none."""
        return (_RECONNECT if self.is_url else 0.0) if self.reconnect is None else self.reconnect

    def check(self) -> list[Problem]:
        # What the camera delivers may differ from what is asked for, so that it is no `image_size`.
        return self.check_size(self.width, self.height) if self.width and self.height else []

    def asked_size(self) -> tuple[int, int] | None:
        if not (self.width and self.height) or crop_problem(self.crop, self.width, self.height):
            return None
        rows, columns = crop_slices(self.crop, self.width, self.height)
        return columns.stop - columns.start, rows.stop - rows.start

    def frame_rate(self) -> float | None:
        return self.fps or None
