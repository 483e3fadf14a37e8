"""The settings of a GigE Vision or USB3 Vision camera."""

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


def _named_once(pairs: list[str]) -> list[str]:
    names = [pair.partition("=")[0] for pair in pairs]
    for pair, name in zip(pairs, names, strict=True):
        if "=" not in pair or not name.isidentifier():
            raise ValueError(f"features as Name: value with GenICam names, but one of them is '{pair}'")
        if names.count(name) > 1:
            raise ValueError(f"each feature once, but {name} is there {names.count(name)} times")
    return pairs


class GenicamSettings(DeviceSettings):
    """A camera with GigE Vision or USB3 Vision, of any maker.

    What is left out stays as the camera has it. What is asked for is set, read back, and refused if the camera made
    something else of it.
    """

    source: Literal["genicam"] = "genicam"
    """The kind of source."""
    pixel_format: Literal[
        "", "Mono8", "Mono10", "Mono12", "Mono14", "Mono16", "RGB8", "BGR8",
        "BayerRG8", "BayerGR8", "BayerGB8", "BayerBG8"
    ] = ""  # fmt: skip
    """Pixel format on the wire; published are 8 bits: of Mono10 to Mono16 the upper ones. Empty: as it is."""
    offset_x: Annotated[int, Field(ge=0, le=100000)] | None = None
    """Left edge of what is read out. Left out: 0 if the width is given, else as it is."""
    offset_y: Annotated[int, Field(ge=0, le=100000)] | None = None
    """Upper edge of what is read out. Left out: 0 if the height is given, else as it is."""
    exposure: Annotated[
        str,
        BeforeValidator(_as_text, json_schema_input_type=float | Literal["", "auto"]),
        _number_or_auto(1e-3),
    ] = ""
    """Exposure in microseconds, or auto. Empty: as it is."""
    gain: Annotated[
        str,
        BeforeValidator(_as_text, json_schema_input_type=float | Literal["", "auto"]),
        _number_or_auto(-100),
    ] = ""
    """Gain in the camera's unit, mostly dB, or auto. Empty: as it is."""
    trigger: Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_]*$")] = "off"
    """What starts each frame: off: the camera; software: dlstream, `fps` times a second; or an input, such as Line0."""
    packet_size: Annotated[int, Field(ge=0, le=65535)] = 0
    """Bytes of a network packet of a GigE camera; 0: the largest that passes."""
    features: Annotated[
        list[str],
        BeforeValidator(_pairs, json_schema_input_type=dict[str, bool | float | int | str] | list[str]),
        AfterValidator(_named_once),
    ] = []
    """Any other features by their GenICam names, set in this order before all else; in a rig file a mapping."""

    def check(self) -> list[Problem]:
        problems = super().check()
        if self.trigger == "software" and not self.fps:
            problems.append(Problem(("fps",), "nothing", "frames per second, at which `trigger: software` triggers"))
        return problems

    @property
    def feature_values(self) -> dict[str, str]:
        """The features by name, as text."""
        return {name: value for name, _, value in (pair.partition("=") for pair in self.features)}
