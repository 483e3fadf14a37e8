"""The settings of a camera that OpenCV or FFmpeg opens."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from dlstream_camera.crop import crop_problem, crop_slices
from dlstream_camera.sources._base import SourceSettings
from dlstream_camera.sources._device import number_as_text
from dlstream_common import Problem

_RECONNECT = 2.0
_STREAM_FROZEN_AFTER = 15.0
"""Seconds. The coder of a network camera may leave out all that changes little, until its next whole frame."""


class OpenCVSettings(SourceSettings):
    """A camera opened by OpenCV, or by FFmpeg if `device` is a URL.

    Width, height, fps and fourcc are requests: the camera may deliver others, which is logged and shown by
    `dlstream camera test`. A camera with a URL ignores them.
    """

    source: Literal["opencv"] = "opencv"
    """The kind of source."""
    device: Annotated[str, BeforeValidator(number_as_text, json_schema_input_type=int | str)] = "0"
    """Index (0, 1, ...), path (/dev/v4l/by-id/...), or URL (rtsp://..., http://...)."""
    width: Annotated[int, Field(ge=0, le=20000)] = 0
    """Width to request, in pixels; 0: the camera's default."""
    height: Annotated[int, Field(ge=0, le=20000)] = 0
    """Height to request, in pixels; 0: the camera's default."""
    fps: Annotated[float, Field(ge=0, le=10000)] = 0.0
    """Frames per second to request; 0: the camera's default."""
    fourcc: Annotated[str, Field(pattern="^(.{4})?$")] = ""
    """Pixel format to request, such as MJPG or YUYV; empty: the camera's default."""
    frozen_after: Annotated[float, Field(ge=0, le=3600)] = 2.0
    """As of every camera. Left out: 15 for a URL, else 2."""
    reconnect: Annotated[float, Field(ge=0, le=3600)] | None = None
    """Seconds between attempts to reconnect a lost camera; 0: its loss ends the run. Left out: 2 for a URL, else 0."""
    silence: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Seconds without data after which a network camera counts as lost."""

    @field_validator("device")
    @classmethod
    def _as_a_url(cls, device: str) -> str:
        if "://" in device and re.search(r"\s", device):
            raise ValueError("a URL without spaces; write a space in a password as %20")
        return device

    @model_validator(mode="after")
    def _patient_with_streams(self) -> OpenCVSettings:
        if self.is_url and "frozen_after" not in self.model_fields_set:
            self.__dict__["frozen_after"] = _STREAM_FROZEN_AFTER  # frozen for others
        return self

    @property
    def is_url(self) -> bool:
        """Whether the device is a network camera."""
        return "://" in self.device

    @property
    def reconnect_every(self) -> float:
        """Seconds between attempts to reconnect; 0: none."""
        return (_RECONNECT if self.is_url else 0.0) if self.reconnect is None else self.reconnect

    def check(self) -> list[Problem]:
        # The camera may deliver another size than the requested one, so this is no `image_size`.
        return self.check_size(self.width, self.height) if self.width and self.height else []

    def asked_size(self) -> tuple[int, int] | None:
        if not (self.width and self.height) or crop_problem(self.crop, self.width, self.height):
            return None
        rows, columns = crop_slices(self.crop, self.width, self.height)
        return columns.stop - columns.start, rows.stop - rows.start

    def frame_rate(self) -> float | None:
        return self.fps or None
