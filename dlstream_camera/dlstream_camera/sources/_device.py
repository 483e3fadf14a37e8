"""What cameras with a vendor's library share: the settings, finding the right one, and what it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BeforeValidator, Field

from dlstream_camera.sources._base import SourceSettings
from dlstream_camera.sources._format import Device, Readback
from dlstream_camera.sources._live_source import LiveSource
from dlstream_common import Settings, SourceError
from dlstream_common.problems import did_you_mean


def number_as_text(value: Any) -> Any:
    """A YAML number as the text that was meant: a serial number, an index."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class DeviceSettings(SourceSettings):
    """The keys of every camera with a library of its own. What it can't set as asked for is refused."""

    serial: Annotated[str, BeforeValidator(number_as_text, json_schema_input_type=int | str)] = ""
    """Serial number, in quotes if it begins with 0; `dlstream camera list` shows it. Empty: the only one connected."""
    width: Annotated[int, Field(ge=0, le=20000)] = 0
    """Width in pixels; 0: as the camera is set."""
    height: Annotated[int, Field(ge=0, le=20000)] = 0
    """Height in pixels; 0: as the camera is set."""
    fps: Annotated[float, Field(ge=0, le=10000)] = 0.0
    """Frames per second; 0: as the camera is set."""
    reconnect: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """Seconds between attempts to reconnect a camera that was unplugged; 0: its loss ends the run."""
    silence: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Seconds without a good frame after which the camera counts as lost, unless it waits for a trigger."""

    def image_size(self) -> tuple[int, int] | None:
        return (self.width, self.height) if self.width and self.height else None

    def frame_rate(self) -> float | None:
        return self.fps or None


D = TypeVar("D", bound=DeviceSettings)


class DeviceSource(LiveSource[D]):
    """A camera with a library of its own: a subclass says how to `connect`, and which `devices` there are."""

    settings_type: ClassVar[type[Settings]] = DeviceSettings

    @property
    def title(self) -> str:
        kind = getattr(self.settings, "source", type(self).__name__)
        return f"{kind} {self.settings.serial}".rstrip()

    @property
    def reconnect_every(self) -> float:
        return self.settings.reconnect


def the_device(serial: str, devices: Sequence[Device], source: str) -> Device:
    """The device with this serial number, or the only one.

    Raises:
        SourceError: there is none, or several and none is named.
    """
    shown = ", ".join(f"{item.serial} ({item.model})" for item in devices)
    if not devices:
        wanted = f"the one with serial {serial}" if serial else "one"
        raise SourceError(f"found no {source} camera; expected {wanted}. Is it plugged in, and does it have power?")
    if serial:
        for device in devices:
            if device.serial == serial:
                return device
        hint = did_you_mean(serial, [item.serial for item in devices])
        raise SourceError(f"serial: found '{serial}'; expected one of those connected: {shown}. {hint}".rstrip())
    if len(devices) > 1:
        raise SourceError(f"serial: found none, and {len(devices)} {source} cameras; expected one of {shown}")
    return devices[0]


def read_back(
    key: str, asked: float | str | bool | None, found: float | str | bool, unit: str = "", tolerance: float = 0.01
) -> Readback:
    """Compares what was asked for with what the device has now.

    Args:
        asked: None: it was left to the device.
        unit: such as "us".
        tolerance: difference of numbers that is reported and accepted, as a share of what was asked for. Devices round.

    Raises:
        SourceError: the device has something else than was asked for.
    """
    result = Readback(key, "" if asked is None else _shown(asked, unit), _shown(found, unit))
    if asked is None:
        return result
    if isinstance(asked, (int, float)) and isinstance(found, (int, float)) and not isinstance(asked, bool):
        fits = abs(found - asked) <= tolerance * abs(asked) + 1e-9
    else:
        fits = found == asked
    if not fits:
        raise SourceError(
            f"{key}: asked for {result.asked}, and the camera set {result.found}; expected what was asked"
        )
    return result


def _shown(value: float | str | bool, unit: str) -> str:
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".rstrip()
