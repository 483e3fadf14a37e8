"""Sets a camera with GenICam features up as its settings ask, and reads back what came of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress

from dlstream_camera.sources._feature_settings import FeatureSettings
from dlstream_camera.sources._features import FeatureError, Features, Kind, Value, parsed, shown
from dlstream_camera.sources._format import Readback
from dlstream_common import did_you_mean

_TOLERANCE = 0.01
"""Cameras round numbers to what their clocks can do: what differs by more than this part is refused."""
_GAIN_STEP = 0.1
"""Gains are in steps, mostly of less than this many dB, and often start at 0."""
EXPOSURE = ("ExposureTime", "ExposureTimeAbs", "ExposureTimeRaw")
_GAIN = ("Gain", "GainAbs", "GainRaw")
_RATE = ("AcquisitionFrameRate", "AcquisitionFrameRateAbs")
_RESULT = (
    "ResultingFrameRate",
    "ResultingFrameRateAbs",
    "AcquisitionResultingFrameRate",
    "BslResultingAcquisitionFrameRate",
    "BslResultingFrameRate",
)
"""The rate that exposure, size and bus allow, where a camera tells it."""
_RATE_ENABLE = ("AcquisitionFrameRateEnable", "AcquisitionFrameRateEnabled")
_TRIGGERS = ("FrameStart", "FrameBurstStart", "AcquisitionStart")
"""Selectors that start a frame, the best first: makers differ in which of them they have."""


class Setup:
    """Sets features one by one, and keeps what was asked and what is wrong.

    Attributes:
        problems: one sentence each; empty if the camera does what was asked.
        found: what the camera has, by the key of the settings, and what was asked for.
    """

    def __init__(self, camera: Features, settings: FeatureSettings) -> None:
        self.problems: list[str] = []
        self.found: list[Readback] = []
        self._camera, self._settings = camera, settings
        self._asked: dict[str, tuple[str, str, Value]] = {}

    def run(self) -> None:
        """Sets everything that the settings ask for, and reads it all back."""
        for pair in self._settings.features:
            name, _, value = pair.partition("=")
            self._set_feature(name, value)
            self._read_back()  # at once: the next one may select another line or trigger
        self._triggers_off()
        if self._settings.pixel_format:
            self.set("pixel_format", "PixelFormat", self._settings.pixel_format)
        self.before_size()
        self._region()
        by_user = any(item.key == "features.AcquisitionMode" for item in self.found)
        if self._camera.kind("AcquisitionMode") and not by_user:
            self.set("", "AcquisitionMode", "Continuous")
        self._exposure_and_rate()
        if self._settings.trigger != "off":
            self._trigger(self._settings.trigger)
        self._read_back()
        self._left_to_the_camera()
        self._resulting_rate()

    def before_size(self) -> None:
        """Sets what changes the sizes that are possible, such as the binning."""

    def of_trigger(self) -> None:
        """Sets more of the trigger that is selected, such as its edge."""

    def rate(self) -> float:
        """Frames per second that the camera says it makes; 0 if it doesn't say."""
        name = self.first((*_RESULT, *_RATE))
        return float(self._camera.get(name)) if name else 0.0

    def set(self, key: str, name: str, value: Value, helps: bool = False) -> None:
        """Sets a feature if it can take the value; what it can't take is a problem.

        Args:
            key: the key of the settings that asks for it; empty: none does.
            helps: it is not itself what the key asks for.
        """
        try:
            problem = self._refused(name, value)
            if not problem:
                self._camera.set(name, value)
                if self._camera.kind(name) is not Kind.COMMAND:
                    self._asked[name] = (key or f"feature {name}", name if helps or not key else key, value)
        except FeatureError as error:
            problem = f"found {shown(value)}; expected a value that the camera takes. It says: {error}"
        if problem:
            self.problems.append(f"{key or f'feature {name}'}: {problem}")

    def first(self, names: Sequence[str]) -> str:
        """The first of these features that the camera has; empty if it has none."""
        return next((name for name in names if self._camera.kind(name) and self._camera.is_available(name)), "")

    def _set_feature(self, name: str, text: str) -> None:
        key, kind = f"features.{name}", self._camera.kind(name)
        if kind is None:
            self.problems.append(f"{key}: found a feature that this camera doesn't have; expected one that it has")
        elif kind is Kind.COMMAND and text != "true":
            self.problems.append(f"{key}: found {shown(text)}; expected true, which executes this command")
        else:
            try:
                self.set(key, name, parsed(text, kind))
            except ValueError:
                wanted = "true or false" if kind is Kind.BOOLEAN else f"a number, of type {kind.value}"
                self.problems.append(f"{key}: found {shown(text)}; expected {wanted}")

    def _refused(self, name: str, value: Value) -> str:
        kind = self._camera.kind(name)
        if kind is Kind.ENUMERATION:
            choices = self._camera.choices(name)
            if value not in choices:
                hint = did_you_mean(str(value), choices)
                return f"found {shown(value)}; expected one of {', '.join(choices)}. {hint}".rstrip()
        if kind in (Kind.INTEGER, Kind.FLOAT) and not isinstance(value, str):
            low, high = self._bounds(name, kind)
            step = self._step(name) if kind is Kind.INTEGER else 1
            if not low <= value <= high or (step > 1 and (int(value) - int(low)) % step):
                steps = f" in steps of {step}" if step > 1 else ""
                return f"found {shown(value)}; expected {low:.10g} to {high:.10g}{steps}"
        return ""

    def _bounds(self, name: str, kind: Kind) -> tuple[float, float]:
        try:
            return self._camera.bounds(name)
        except FeatureError:  # the camera's description has none
            return (-math.inf, math.inf) if kind is Kind.FLOAT else (-(2**63), 2**63 - 1)

    def _step(self, name: str) -> int:
        try:
            return self._camera.increment(name)
        except FeatureError:
            return 1

    def _automatic(self, key: str, text: str, auto: str, names: Sequence[str]) -> None:
        """Exposure and gain: a number, or chosen by the camera."""
        if not text:
            return
        has_auto = bool(self.first([auto]))
        if text == "auto":
            if has_auto:
                self.set(key, auto, "Continuous")
            else:
                self.problems.append(f"{key}: found auto; expected a number: this camera has no automatic {key}")
            return
        if has_auto:
            self.set(key, auto, "Off", helps=True)
        name = self.first(names)
        if not name:
            has_none = f"this camera has none of {', '.join(names)}"
            self.problems.append(f"{key}: found {text}; expected no such key: {has_none}")
            return
        number = float(text)
        is_whole = self._camera.kind(name) is Kind.INTEGER
        if is_whole and not number.is_integer():
            self.problems.append(f"{key}: found {text}; expected a whole number, as this camera's {name} is")
            return
        self.set(key, name, int(number) if is_whole else number)

    def _exposure_and_rate(self) -> None:
        """The exposure first, since it limits the rate; where the rate limits the exposure, too, once more after it."""
        wanted = self._settings
        enable = self.first(_RATE_ENABLE)
        if enable and wanted.exposure and (wanted.fps or wanted.trigger != "off"):
            with suppress(FeatureError):  # the rate that it had ends here, and need not leave room for this exposure
                self._camera.set(enable, False)
        before = len(self.problems)
        self._automatic("exposure", wanted.exposure, "ExposureAuto", EXPOSURE)
        refused = self.problems[before:]
        self._automatic("gain", wanted.gain, "GainAuto", _GAIN)
        self._rate()
        if wanted.fps and wanted.trigger == "off" and (refused or self._has_moved(self.first(EXPOSURE))):
            del self.problems[before : before + len(refused)]
            self._automatic("exposure", wanted.exposure, "ExposureAuto", EXPOSURE)

    def _has_moved(self, name: str) -> bool:
        """Whether what was set has changed with what was set after it."""
        try:
            return name in self._asked and not _agree(self._asked[name][2], self._camera.get(name), 0.0)
        except FeatureError:
            return False

    def _region(self) -> None:
        wanted = self._settings
        for axis, size, offset in (("X", wanted.width, wanted.offset_x), ("Y", wanted.height, wanted.offset_y)):
            if not size and offset is None:
                continue
            name, edge = ("Width" if axis == "X" else "Height"), f"Offset{axis}"
            has_offset = bool(self.first([edge]))
            if size and has_offset:
                self.set("", edge, 0)  # the size can't reach beyond the sensor
            if size:
                self.set(name.lower(), name, size)
            if has_offset or offset:
                self.set("" if offset is None else f"offset_{axis.lower()}", edge, offset or 0)

    def _rate(self) -> None:
        enable = self.first(_RATE_ENABLE)
        if self._settings.trigger != "off":
            if enable:  # it would suppress triggers that come faster
                self.set("trigger", enable, False, helps=True)
        elif self._settings.fps:
            if enable:
                self.set("fps", enable, True, helps=True)
            if self.first(
                ["AcquisitionFrameRateAuto"]
            ):  # of older FLIR cameras, which lock it unless the rate is enabled
                self.set("fps", "AcquisitionFrameRateAuto", "Off", helps=True)
            name = self.first(_RATE)
            if name:
                self.set("fps", name, self._settings.fps)
            else:
                self.problems.append(f"fps: found {self._settings.fps:g}; expected 0: this camera's rate can't be set")

    def _resulting_rate(self) -> None:
        """A rate can be set, and yet exposure, size and bus may not allow it."""
        name = self.first(_RESULT)
        if name and self._settings.fps and self._settings.trigger == "off" and not self.problems:
            allowed = float(self._camera.get(name))
            if allowed < self._settings.fps * (1 - _TOLERANCE):
                self.problems.append(
                    f"fps: asked for {self._settings.fps:g}, but exposure, size and bus allow {allowed:.4g} ({name})"
                )

    def _triggers_off(self) -> None:
        if not self._camera.kind("TriggerMode"):
            return
        selectors = self._camera.choices("TriggerSelector") if self._camera.kind("TriggerSelector") else [""]
        for selector in selectors:
            if selector:
                self.set("", "TriggerSelector", selector)
            self.set("", "TriggerMode", "Off")
            self._asked.pop("TriggerMode", None)
        self._asked.pop("TriggerSelector", None)

    def _trigger(self, trigger: str) -> None:
        if not self._camera.kind("TriggerMode") or not self._camera.kind("TriggerSource"):
            self.problems.append(f"trigger: found {trigger}; expected off: this camera has no trigger")
            return
        if self._camera.kind("TriggerSelector"):
            starts = [name for name in _TRIGGERS if name in self._camera.choices("TriggerSelector")]
            if not starts:
                self.problems.append(f"trigger: found {trigger}; expected off: none of this camera's starts a frame")
                return
            self.set("trigger", "TriggerSelector", starts[0], helps=True)
        self.set("trigger", "TriggerSource", "Software" if trigger == "software" else trigger)
        self.of_trigger()
        self.set("trigger", "TriggerMode", "On", helps=True)

    def _read_back(self) -> None:
        for name, (key, label, asked) in self._asked.items():
            try:
                found = self._camera.get(name)
            except FeatureError as error:
                self.problems.append(f"{key}: set to {shown(asked)}, but it can't be read back: {error}")
                continue
            self.found.append(Readback(label, shown(asked) if label == key else "", shown(found)))
            slack = _GAIN_STEP if key == "gain" else 0.0
            if not _agree(asked, found, slack):
                self.problems.append(
                    f"{key}: asked for {shown(asked)}, but the camera made {shown(found)} of it ({name})"
                )
        self._asked.clear()

    def _left_to_the_camera(self) -> None:
        """What was not asked for and yet tells what the frames are."""
        names = {
            "pixel_format": "PixelFormat",
            "width": "Width",
            "height": "Height",
            "fps": self.first(_RATE),
            "exposure": self.first(EXPOSURE),
            "gain": self.first(_GAIN),
        }
        for key, name in names.items():
            if name and not any(item.key == key for item in self.found):
                with suppress(FeatureError):
                    self.found.append(Readback(key, "", shown(self._camera.get(name))))


def _agree(asked: Value, found: Value, slack: float) -> bool:
    if isinstance(asked, float) and isinstance(found, float):
        return math.isclose(asked, found, rel_tol=_TOLERANCE, abs_tol=slack)
    return asked == found
