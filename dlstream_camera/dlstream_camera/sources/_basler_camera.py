"""A Basler camera that is open, set up and running."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import Field

from dlstream_camera.sources._connection import Connection, DamagedFrameError, DisconnectedError, Taken
from dlstream_camera.sources._device import the_device
from dlstream_camera.sources._device_stamps import DeviceStamps
from dlstream_camera.sources._feature_settings import FeatureSettings
from dlstream_camera.sources._feature_setup import EXPOSURE, Setup
from dlstream_camera.sources._features import FeatureError, Kind
from dlstream_camera.sources._format import Notice, StampSource
from dlstream_camera.sources._frame_numbers import FrameNumbers
from dlstream_camera.sources._pylon import PylonFeatures, first_line, infos, listed
from dlstream_common import Image, SourceError, now

_WAIT = 0.5
"""Seconds to wait for a frame before looking whether the camera is still there."""
_BUFFERS = 20
_NO_NUMBER = 2**64 - 1
_BINNINGS = ("BinningHorizontal", "BinningVertical")
_LATCHES = (("TimestampLatch", "TimestampLatchValue"), ("GevTimestampControlLatch", "GevTimestampValue"))
_TICK_RATE = "GevTimestampTickFrequency"


class BaslerSettings(FeatureSettings):
    """A Basler camera by its maker's library. What it can't set as asked for is refused; what is left out stays."""

    source: Literal["basler"] = "basler"
    """The kind of source."""
    binning: Annotated[int, Field(ge=0, le=16)] = 0
    """Pixels that are joined to one, across and down; 0: as the camera is set."""
    trigger_edge: Literal["rising", "falling"] = "rising"
    """Edge of the input on which a triggered frame starts."""


class _BaslerSetup(Setup):
    def __init__(self, camera: PylonFeatures, settings: BaslerSettings) -> None:
        super().__init__(camera, settings)
        self._wanted = settings

    def before_size(self) -> None:
        if self._wanted.binning and not self.first(_BINNINGS):
            self.problems.append(f"binning: found {self._wanted.binning}; expected 0: this camera can't join pixels")
        for name in _BINNINGS:
            if self._wanted.binning and self.first([name]):
                self.set("binning", name, self._wanted.binning, helps=name != self.first(_BINNINGS))

    def of_trigger(self) -> None:
        if self._wanted.waits_for:
            edge = {"rising": "RisingEdge", "falling": "FallingEdge"}[self._wanted.trigger_edge]
            if self.first(["TriggerActivation"]):
                self.set("trigger_edge", "TriggerActivation", edge)


class BaslerCamera(Connection):
    """Opens, sets up and starts the camera.

    Args:
        tell: called with what the user should know of it.

    Raises:
        SourceError: it isn't there, belongs to another program, or doesn't do what the settings ask.
    """

    def __init__(self, settings: BaslerSettings, tell: Callable[[Notice], None]) -> None:
        from pypylon import genicam, pylon

        found = infos()
        device = the_device(settings.serial, [listed(info) for info in found], "basler")
        info = next(info for info in found if info.GetSerialNumber() == device.serial)
        self._settings, self._pylon, self._error = settings, pylon, genicam.GenericException
        self._called = f"camera 'basler {device.serial}'"
        self.name, self.hardware_id = f"Basler {device.model} ({device.interface})", device.serial
        self.waits_for = settings.waits_for
        try:
            self._camera = pylon.InstantCamera(pylon.TlFactory.GetInstance().CreateDevice(info))
            self._camera.Open()
        except genicam.GenericException as error:
            raise SourceError(
                f"{self._called}: can't be opened ({first_line(error)}). Does another program use it?"
            ) from error
        try:
            self._set_up()
            self._stamps = self._make_stamps(tell)
            is_gige = info.GetDeviceClass() == "BaslerGigE"  # 16 bits from 1, or on from there, which comes to the same
            self._numbers = FrameNumbers(16, first=1) if is_gige else FrameNumbers()
            self._camera.MaxNumBuffer.Value = _BUFFERS
            self._camera.StartGrabbing(pylon.GrabStrategy_OneByOne)
        except (genicam.GenericException, FeatureError) as error:
            self.close()
            raise SourceError(f"{self._called}: can't be started ({first_line(error)})") from error
        except BaseException:
            self.close()
            raise
        self._next_trigger = self._triggered_at = time.monotonic()
        self._triggered: tuple[int, int] | None = None
        """When the frame that is on its way was triggered, and how long that took."""

    def read(self) -> Taken | None:
        try:
            if self._settings.trigger == "software" and not self._is_triggered():
                return None
            with self._camera.RetrieveResult(round(_WAIT * 1000), self._pylon.TimeoutHandling_Return) as result:
                arrived = now()
                if result.IsValid():
                    return self._taken(result, arrived)
            self._see_to_it()
            if self._triggered is not None and time.monotonic() - self._triggered_at > self._overdue:
                self._triggered = None  # its frame got lost on its way, as the next one's number will tell
            return None
        except (self._error, FeatureError) as error:
            self._see_to_it()
            raise DisconnectedError(f"it can't be read any more ({first_line(error)}). Is its cable loose?") from error

    def close(self) -> None:
        with suppress(self._error):  # an unplugged camera can't be asked to stop
            self._camera.StopGrabbing()
        with suppress(self._error):
            self._camera.DestroyDevice()

    def _taken(self, result: Any, arrived: int) -> Taken:
        triggered, self._triggered = self._triggered, None
        number = result.GetBlockID()
        missed = 0
        if number == _NO_NUMBER:
            self._numbers.count_one()
        else:
            missed = self._numbers.missed(number)
        if not result.GrabSucceeded():
            raise DamagedFrameError(result.GetErrorDescription().rstrip("."), "failed", missed)
        if triggered is not None:
            self.stamp_source, self.uncertainty = "exposure", triggered[1]
            return Taken(self._image(result), triggered[0], missed)
        stamp = self._stamps.stamp(result.GetTimeStamp(), arrived, self._exposure)
        self.stamp_source, self.uncertainty = self._stamps.source, self._stamps.uncertainty
        return Taken(self._image(result), stamp, missed)

    def _see_to_it(self) -> None:
        """No frame came. Pylon doesn't say why, but a camera that was taken away grabs no more."""
        if self._camera.IsCameraDeviceRemoved():
            raise DisconnectedError("it was unplugged")
        if not self._camera.IsGrabbing():
            raise DisconnectedError("it was stopped. Did another program take it?")

    def _is_triggered(self) -> bool:
        """Triggers a frame if none is on its way, when it is due and as soon as the camera is ready."""
        if self._triggered is not None:
            return True
        due = self._next_trigger - time.monotonic()
        time.sleep(min(max(0.0, due), _WAIT))
        if due > _WAIT:
            return False
        if not self._camera.WaitForFrameTriggerReady(round(_WAIT * 1000), self._pylon.TimeoutHandling_Return):
            self._see_to_it()
            return False
        self._next_trigger = max(self._next_trigger + 1 / self._settings.fps, time.monotonic())
        before, self._triggered_at = now(), time.monotonic()
        self._camera.ExecuteSoftwareTrigger()
        self._triggered = before, now() - before
        return True

    def _image(self, result: Any) -> Image:
        if result.GetPixelType() in self._as_they_are:
            image: Image = result.GetArray()  # pypylon copies it out of the buffer
        else:
            image = self._converter.Convert(result).GetArray()
        return image

    def _set_up(self) -> None:
        features = PylonFeatures(self._camera)
        setup = _BaslerSetup(features, self._settings)
        setup.run()
        if setup.problems:
            raise SourceError("\n".join(f"{self._called}: {problem}" for problem in setup.problems))
        self._features = features
        self.settings = tuple(setup.found)
        self.fps = setup.rate() if self._settings.trigger == "off" else self._settings.fps
        self.size = int(features.get("Width")), int(features.get("Height"))
        name = setup.first(EXPOSURE)
        is_fixed = self._settings.exposure not in ("", "auto")
        exposure = round(float(features.get(name)) * 1000) if name else 0
        self._exposure = exposure if is_fixed else 0
        self._overdue = max(_WAIT, exposure / 1e9 + (2 / self.fps if self.fps else 0.0))
        longest = max(self._exposure / 1e9, 1 / self.fps if self.fps else 0.0)
        self.silence = self._settings.silence + 2 * longest
        self._choose_pixels(str(features.get("PixelFormat")))

    def _choose_pixels(self, form: str) -> None:
        """Grey stays grey; all else becomes BGR, or grey if no colour is wanted."""
        pylon = self._pylon
        self._as_they_are = {pylon.PixelType_Mono8, pylon.PixelType_BGR8packed}
        self._converter = pylon.ImageFormatConverter()
        is_grey = form.startswith("Mono") or not self._settings.color
        self._converter.OutputPixelFormat = pylon.PixelType_Mono8 if is_grey else pylon.PixelType_BGR8packed
        self._converter.OutputBitAlignment.Value = "MsbAligned"

    def _make_stamps(self, tell: Callable[[Notice], None]) -> DeviceStamps:
        """The device's own time is when the exposure began, in ticks; the emulation has none."""
        features = self._features
        rate = float(features.get(_TICK_RATE)) if features.kind(_TICK_RATE) else 1e9
        latch = next((names for names in _LATCHES if all(map(features.kind, names))), None)

        def latched() -> int:
            assert latch is not None
            features.set(latch[0], True)
            return int(features.get(latch[1]))

        bound = round(1e9 / self.fps) if self.fps else 0
        meaning: StampSource = "exposure" if _has_clock(features) else "arrival"
        self.stamp_source = meaning
        return DeviceStamps("exposure", tell, 1e9 / rate, delay_bound=bound, latch=latched if latch else None)


def _has_clock(features: PylonFeatures) -> bool:
    return any(features.kind(name) is not None for pair in _LATCHES for name in pair) or (
        features.kind(_TICK_RATE) is Kind.INTEGER
    )
