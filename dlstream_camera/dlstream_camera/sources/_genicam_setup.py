"""Sets a GenICam camera up as its settings ask, and reads back what came of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress

from dlstream_camera.sources._aravis import AravisError, Device, Kind, Value
from dlstream_camera.sources._format import Readback
from dlstream_camera.sources._genicam_settings import GenicamSettings
from dlstream_common import did_you_mean
from dlstream_common.yaml.wording import shown

_TOLERANCE = 0.01
"""Cameras round numbers to what their clocks can do: what differs by more than this part is refused."""
_GAIN_STEP = 0.1
"""Gains are in steps, mostly of less than this many dB, and often start at 0."""
_EXPOSURE = ("ExposureTime", "ExposureTimeAbs", "ExposureTimeRaw")
_GAIN = ("Gain", "GainAbs", "GainRaw")
_RATE = ("AcquisitionFrameRate", "AcquisitionFrameRateAbs")
_RATE_ENABLE = ("AcquisitionFrameRateEnable", "AcquisitionFrameRateEnabled")
_TRIGGERS = ("FrameStart", "FrameBurstStart", "AcquisitionStart")
"""Selectors that start a frame, the best first: makers differ in which of them they have."""


class Setup:
    """Sets features one by one, and keeps what was asked and what is wrong.

    Attributes:
        problems: one sentence each; empty if the camera does what was asked.
        found: what the camera has, by the key of the settings, and what was asked for.
    """

    def __init__(self, device: Device, settings: GenicamSettings) -> None:
        self.problems: list[str] = []
        self.found: list[Readback] = []
        self._device, self._settings = device, settings
        self._asked: dict[str, tuple[str, str, Value]] = {}

    def run(self) -> None:
        """Sets everything that the settings ask for, and reads it all back."""
        for name, value in self._settings.feature_values.items():
            self._set_feature(name, value)
        self._triggers_off()
        if self._settings.pixel_format:
            self._set("pixel_format", "PixelFormat", self._settings.pixel_format)
        self._region()
        if self._device.kind("AcquisitionMode") and "AcquisitionMode" not in self._asked:
            self._set("", "AcquisitionMode", "Continuous")
        self._automatic("exposure", self._settings.exposure, "ExposureAuto", _EXPOSURE)
        self._automatic("gain", self._settings.gain, "GainAuto", _GAIN)
        self._rate()
        if self._settings.trigger != "off":
            self._trigger(self._settings.trigger)
        self._packet_size()
        self._read_back()
        self._left_to_the_camera()

    def rate(self) -> float:
        """Frames per second that the camera says it makes; 0 if it doesn't say."""
        name = self._first(_RATE)
        return float(self._device.get(name)) if name else 0.0

    def _set_feature(self, name: str, text: str) -> None:
        key, kind = f"features.{name}", self._device.kind(name)
        if kind is None:
            self.problems.append(f"{key}: found a feature that this camera doesn't have; expected one that it has")
        elif kind is Kind.COMMAND and text != "true":
            self.problems.append(f"{key}: found {_shown(text)}; expected true, which executes this command")
        else:
            try:
                self._set(key, name, _parsed(text, kind))
            except ValueError:
                wanted = "true or false" if kind is Kind.BOOLEAN else f"a number, of type {kind.value}"
                self.problems.append(f"{key}: found {_shown(text)}; expected {wanted}")

    def _set(self, key: str, name: str, value: Value, helps: bool = False) -> None:
        """Sets a feature if it can take the value; what it can't take is a problem.

        Args:
            key: the key of the settings that asks for it; empty: none does.
            helps: it is not itself what the key asks for.
        """
        try:
            problem = self._refused(name, value)
            if not problem:
                self._device.set(name, value)
                if self._device.kind(name) is not Kind.COMMAND:
                    label = name if helps or not key else key
                    self._asked[name] = (key or f"feature {name}", label, value)
        except AravisError as error:
            problem = f"found {_shown(value)}; expected a value that the camera takes. It says: {_line(error)}"
        if problem:
            self.problems.append(f"{key or f'feature {name}'}: {problem}")

    def _refused(self, name: str, value: Value) -> str:
        kind = self._device.kind(name)
        if kind is Kind.ENUMERATION:
            choices = self._device.choices(name)
            if value not in choices:
                hint = did_you_mean(str(value), choices)
                return f"found {_shown(value)}; expected one of {', '.join(choices)}. {hint}".rstrip()
        if kind in (Kind.INTEGER, Kind.FLOAT) and not isinstance(value, str):
            low, high = self._bounds(name, kind)
            step = self._step(name) if kind is Kind.INTEGER else 1
            if not low <= value <= high or (step > 1 and (int(value) - int(low)) % step):
                steps = f" in steps of {step}" if step > 1 else ""
                return f"found {_shown(value)}; expected {low:.10g} to {high:.10g}{steps}"
        return ""

    def _bounds(self, name: str, kind: Kind) -> tuple[float, float]:
        try:
            return self._device.bounds(name)
        except AravisError:  # the camera's description has none
            return (-math.inf, math.inf) if kind is Kind.FLOAT else (-(2**63), 2**63 - 1)

    def _step(self, name: str) -> int:
        try:
            return self._device.increment(name)
        except AravisError:
            return 1

    def _first(self, names: Sequence[str]) -> str:
        """The first of these features that the camera has; empty if it has none."""
        return next((name for name in names if self._device.kind(name) and self._device.is_available(name)), "")

    def _automatic(self, key: str, text: str, auto: str, names: Sequence[str]) -> None:
        """Exposure and gain: a number, or chosen by the camera."""
        if not text:
            return
        has_auto = bool(self._first([auto]))
        if text == "auto":
            if has_auto:
                self._set(key, auto, "Continuous")
            else:
                self.problems.append(f"{key}: found auto; expected a number: this camera has no automatic {key}")
            return
        if has_auto:
            self._set(key, auto, "Off", helps=True)
        name = self._first(names)
        if not name:
            self.problems.append(
                f"{key}: found {text}; expected no such key: this camera has none of {', '.join(names)}"
            )
            return
        number = float(text)
        is_whole = self._device.kind(name) is Kind.INTEGER
        if is_whole and not number.is_integer():
            self.problems.append(f"{key}: found {text}; expected a whole number, as this camera's {name} is")
            return
        self._set(key, name, int(number) if is_whole else number)

    def _region(self) -> None:
        wanted = self._settings
        for axis, size, offset in (("X", wanted.width, wanted.offset_x), ("Y", wanted.height, wanted.offset_y)):
            if not size and offset is None:
                continue
            name, edge = ("Width" if axis == "X" else "Height"), f"Offset{axis}"
            has_offset = bool(self._first([edge]))
            if size and has_offset:
                self._set("", edge, 0)  # the size can't reach beyond the sensor
            if size:
                self._set(name.lower(), name, size)
            if has_offset or offset:
                self._set(f"offset_{axis.lower()}", edge, offset or 0)

    def _rate(self) -> None:
        enable = self._first(_RATE_ENABLE)
        if self._settings.trigger != "off":
            if enable:  # it would suppress triggers that come faster
                self._set("trigger", enable, False, helps=True)
        elif self._settings.fps:
            if self._device.kind("AcquisitionFrameRateAuto"):
                self._set("fps", "AcquisitionFrameRateAuto", "Off", helps=True)
            if enable:
                self._set("fps", enable, True, helps=True)
            name = self._first(_RATE)
            if name:
                self._set("fps", name, self._settings.fps)
            else:
                self.problems.append(f"fps: found {self._settings.fps:g}; expected 0: this camera's rate can't be set")

    def _triggers_off(self) -> None:
        if not self._device.kind("TriggerMode"):
            return
        selectors = self._device.choices("TriggerSelector") if self._device.kind("TriggerSelector") else [""]
        for selector in selectors:
            if selector:
                self._set("", "TriggerSelector", selector)
            self._set("", "TriggerMode", "Off")
            self._asked.pop("TriggerMode", None)
        self._asked.pop("TriggerSelector", None)

    def _trigger(self, trigger: str) -> None:
        if not self._device.kind("TriggerMode") or not self._device.kind("TriggerSource"):
            self.problems.append(f"trigger: found {trigger}; expected off: this camera has no trigger")
            return
        if self._device.kind("TriggerSelector"):
            starts = [name for name in _TRIGGERS if name in self._device.choices("TriggerSelector")]
            if not starts:
                self.problems.append(f"trigger: found {trigger}; expected off: none of this camera's starts a frame")
                return
            self._set("trigger", "TriggerSelector", starts[0], helps=True)
        self._set("trigger", "TriggerSource", "Software" if trigger == "software" else trigger)
        self._set("trigger", "TriggerMode", "On", helps=True)

    def _packet_size(self) -> None:
        size = self._settings.packet_size
        if size and not self._device.is_gige:
            self.problems.append(f"packet_size: found {size}; expected 0: this camera has USB")
        elif size:
            self._set("packet_size", "ArvGevSCPSPacketSize", size)
        elif self._device.is_gige:
            try:
                self._device.do("gv_auto_packet_size", None)
            except AravisError as error:
                self.problems.append(
                    f"packet_size: found no size that passes ({_line(error)}); expected a number of bytes"
                )

    def _read_back(self) -> None:
        for name, (key, label, asked) in self._asked.items():
            try:
                found = self._device.get(name)
            except AravisError as error:
                self.problems.append(f"{key}: set to {_shown(asked)}, but it can't be read back: {_line(error)}")
                continue
            self.found.append(Readback(label, _shown(asked), _shown(found)))
            slack = _GAIN_STEP if key == "gain" else 0.0
            if not _agree(asked, found, slack):
                self.problems.append(
                    f"{key}: asked for {_shown(asked)}, but the camera made {_shown(found)} of it ({name})"
                )

    def _left_to_the_camera(self) -> None:
        """What was not asked for and yet tells what the frames are."""
        names = {
            "pixel_format": "PixelFormat",
            "width": "Width",
            "height": "Height",
            "fps": self._first(_RATE),
            "exposure": self._first(_EXPOSURE),
            "gain": self._first(_GAIN),
            "packet_size": "ArvGevSCPSPacketSize" if self._device.is_gige else "",
        }
        for key, name in names.items():
            if name and not any(item.key == key for item in self.found):
                with suppress(AravisError):
                    self.found.append(Readback(key, "", _shown(self._device.get(name))))


def _parsed(text: str, kind: Kind) -> Value:
    """Raises ValueError if the text is no value of this kind."""
    match kind:
        case Kind.BOOLEAN:
            if text not in ("true", "false", "1", "0"):
                raise ValueError
            return text in ("true", "1")
        case Kind.INTEGER:
            return int(text, 0)
        case Kind.FLOAT:
            value = float(text)
            if not math.isfinite(value):
                raise ValueError
            return value
    return text


def _line(error: AravisError) -> str:
    return " ".join(str(error).split())


def _shown(value: Value) -> str:
    if isinstance(value, str) and value.isprintable() and 0 < len(value) <= 80:
        return value
    return f"{value:.10g}" if isinstance(value, float) else shown(value)


def _agree(asked: Value, found: Value, slack: float) -> bool:
    if isinstance(asked, float) and isinstance(found, float):
        return math.isclose(asked, found, rel_tol=_TOLERANCE, abs_tol=slack)
    return asked == found
