"""The keys of a camera that has GenICam features, by whatever library."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from dlstream_camera.sources._device import DeviceSettings
from dlstream_common import Problem


def _as_text(value: Any) -> Any:
    """A number as text: a ROS parameter has one type."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:.12g}" if isinstance(value, float) else str(value) if is_number else value


def _number_or_auto(least: float) -> AfterValidator:
    def check(text: str) -> str:
        if text in ("", "auto"):
            return text
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value < math.inf:
            raise ValueError(f"a number of at least {least:g}, or auto")
        return text

    return AfterValidator(check)


def _pairs(value: Any) -> Any:
    """Turns a rig file's mapping, Name: value, into a list of Name=value, which a ROS parameter can hold."""
    if isinstance(value, Mapping):
        return [f"{name}={_written(item)}" for name, item in value.items()]
    return value


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise ValueError("features as a mapping of names to a number, true, false or a text each")
    return str(value)


def _named(pairs: list[str]) -> list[str]:
    for pair in pairs:
        if "=" not in pair or not pair.partition("=")[0].isidentifier():
            raise ValueError(f"features as Name: value with GenICam names, but one of them is '{pair}'")
    return pairs


class FeatureSettings(DeviceSettings):
    """The keys of a camera with GenICam features. What is left out stays as the camera has it."""

    pixel_format: Annotated[str, Field(pattern="^[A-Za-z0-9_]*$")] = ""
    """Pixel format on the wire, such as Mono8 or BayerRG8; 8 bits are published. Empty: as the camera is set."""
    offset_x: Annotated[int, Field(ge=0, le=100000)] | None = None
    """Left edge of what is read out. Left out: 0 if the width is given, else as the camera is set."""
    offset_y: Annotated[int, Field(ge=0, le=100000)] | None = None
    """Upper edge of what is read out. Left out: 0 if the height is given, else as the camera is set."""
    exposure: Annotated[
        str,
        BeforeValidator(_as_text, json_schema_input_type=float | Literal["", "auto"]),
        _number_or_auto(1e-3),
    ] = ""
    """Exposure in microseconds, or auto. Empty: as the camera is set."""
    gain: Annotated[
        str,
        BeforeValidator(_as_text, json_schema_input_type=float | Literal["", "auto"]),
        _number_or_auto(-100),
    ] = ""
    """Gain in the camera's unit, mostly dB, or auto. Empty: as the camera is set."""
    trigger: Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_]*$")] = "off"
    """What starts each frame: off: the camera; software: dlstream, `fps` times a second; or an input, such as Line1."""
    features: Annotated[
        list[str],
        BeforeValidator(_pairs, json_schema_input_type=dict[str, bool | float | int | str] | list[str]),
        AfterValidator(_named),
    ] = []
    """Any other features by their GenICam names, set in this order before all else; in a rig file a mapping."""

    def check(self) -> list[Problem]:
        problems = super().check()
        if self.trigger == "software" and not self.fps:
            problems.append(Problem(("fps",), "nothing", "frames per second, at which `trigger: software` triggers"))
        return problems

    @property
    def waits_for(self) -> str:
        """What each frame waits for, from outside of dlstream; empty: for nothing."""
        return f"a trigger on {self.trigger}" if self.trigger not in ("off", "software") else ""
