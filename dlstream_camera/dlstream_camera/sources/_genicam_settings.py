"""The settings of a GigE Vision or USB3 Vision camera."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dlstream_camera.sources._feature_settings import FeatureSettings
from dlstream_camera.sources._pixel_formats import BY_NAME
from dlstream_common import Problem, suggest


class GenicamSettings(FeatureSettings):
    """A camera with GigE Vision or USB3 Vision, of any maker.

    What is left out stays as the camera has it. What is asked for is set, read back, and refused if the camera made
    something else of it.
    """

    source: Literal["genicam"] = "genicam"
    """The kind of source."""
    trigger_edge: Literal["rising", "falling"] = "rising"
    """Edge of the input on which a triggered frame starts."""
    packet_size: Annotated[int, Field(ge=0, le=65535)] = 0
    """Bytes of a network packet of a GigE camera; 0: the largest that passes."""

    def check(self) -> list[Problem]:
        problems = super().check()
        if self.pixel_format and self.pixel_format not in BY_NAME:
            hint = suggest(self.pixel_format, list(BY_NAME))
            expected = "a pixel format that dlstream reads"
            problems.append(Problem(("pixel_format",), f"'{self.pixel_format}'", expected, hint))
        return problems
