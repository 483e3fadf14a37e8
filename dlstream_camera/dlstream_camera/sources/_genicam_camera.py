"""A GenICam camera that is open, set up and running."""

from __future__ import annotations

import time
from dataclasses import dataclass

from dlstream_camera.sources._aravis import AravisError, CameraInfo, Device, list_cameras
from dlstream_camera.sources._aravis_stream import Buffer, Stream
from dlstream_camera.sources._connection import DamagedFrameError, DisconnectedError
from dlstream_camera.sources._frame_ids import FrameIds
from dlstream_camera.sources._genicam_settings import GenicamSettings
from dlstream_camera.sources._genicam_setup import Setup
from dlstream_camera.sources._pixel_formats import BY_CODE, BY_NAME, FORMATS, PixelFormat, image_of
from dlstream_common import Image, SourceError, did_you_mean

_BUFFERS = 16
_LOOK_EVERY = 0.5
"""Seconds of waiting after which the camera is asked for, if it is still there."""


@dataclass(frozen=True, slots=True)
class Grabbed:
    """A frame.

    Attributes:
        image: (height, width) or (height, width, 3) uint8, BGR; its own array.
        frame_id: the camera's number.
        missing: frames that the camera sent and that never came, since the last whole one, without damaged ones.
        device_time: by the camera's clock, nanoseconds.
        arrival: of its first packet, nanoseconds since the epoch.
    """

    image: Image
    frame_id: int
    missing: int
    device_time: int
    arrival: int


class GenicamCamera:
    """Opens, sets up and starts the camera.

    Attributes:
        fps: frames per second, as the camera says; with a trigger, as the settings say. 0: unknown.

    Raises:
        SourceError: it isn't there, belongs to another program, or doesn't do what the settings ask.
    """

    def __init__(self, settings: GenicamSettings) -> None:
        self.info = _choose(settings.serial, list_cameras())
        self.name = f"camera '{self.info.serial}'"
        self._settings = settings
        self._device = self._open()
        self._stream: Stream | None = None
        try:
            self.form, self.width, self.height = self._set_up()
            self._stream = Stream(self._device, _BUFFERS)
            self._stream.start()
        except AravisError as error:
            self.close()
            raise SourceError(f"{self.name}: can't be started ({error}). Does another program use it?") from error
        except BaseException:
            self.close()
            raise
        self._ids = FrameIds(wraps=self._device.is_gige)
        self._damaged = 0
        self._last = self._next_trigger = time.monotonic()

    def read(self) -> Grabbed | None:
        """Waits for the next frame; None while the camera waits for a trigger, each half a second.

        Raises:
            DamagedFrameError: one came that can't be used.
            DisconnectedError: the camera is gone, or sends nothing.
        """
        buffer = self._next()
        if buffer is None:
            return None
        self._last = time.monotonic()
        if buffer.damage:
            self._damaged += 1
            raise DamagedFrameError(buffer.damage)
        form = BY_CODE.get(buffer.pixel_format, self.form)
        try:
            image = image_of(buffer.data, form, buffer.width, buffer.height, buffer.padding)
        except ValueError as error:
            self._damaged += 1
            raise DamagedFrameError(str(error)) from error
        missing = max(0, self._ids.missing_before(buffer.frame_id) - self._damaged)
        self._damaged = 0
        return Grabbed(image, buffer.frame_id, missing, buffer.device_time, buffer.arrival)

    def trigger(self) -> None:
        """Takes a frame, with `trigger: software`.

        Raises:
            DisconnectedError: the camera doesn't take the command.
        """
        try:
            self._device.execute("TriggerSoftware")
        except AravisError as error:
            raise DisconnectedError(f"it doesn't take a trigger ({error})") from error

    def underruns(self) -> int:
        """Frames that came while this computer still worked on those before."""
        return self._stream.underruns() if self._stream is not None else 0

    def close(self) -> None:
        """Stops and releases it. One that no longer answers takes 3 s."""
        if self._stream is not None:
            self._stream.close(answers=self._device.is_controlled())
            self._stream = None
        self._device.close()

    def _next(self) -> Buffer | None:
        assert self._stream is not None
        while True:
            wait = _LOOK_EVERY
            if self._settings.trigger == "software":
                wait = self._trigger_when_due()
            buffer = self._stream.pop(wait)
            if buffer is not None:
                return buffer
            if wait == _LOOK_EVERY or time.monotonic() - self._last > _LOOK_EVERY:
                self._see_to_it()
                if self._settings.trigger not in ("off", "software"):
                    return None

    def _trigger_when_due(self) -> float:
        """Seconds until the next trigger."""
        now, period = time.monotonic(), 1 / self._settings.fps
        if now >= self._next_trigger:
            self.trigger()
            self._next_trigger = max(self._next_trigger + period, now)
        return min(_LOOK_EVERY, max(0.0, self._next_trigger - time.monotonic()))

    def _see_to_it(self) -> None:
        """No frame came for a while."""
        silent = time.monotonic() - self._last
        if not self._device.is_controlled():
            raise DisconnectedError("it no longer answers, or another program took it. Is its cable loose?")
        if self._settings.trigger not in ("off", "software") or silent < self._settings.silence:
            return
        try:
            self._device.get("PixelFormat")
        except AravisError as error:
            raise DisconnectedError(f"it no longer answers ({error}). Is its cable loose?") from error
        network = " Do a firewall and the network let packets of this size pass?" if self._device.is_gige else ""
        raise DisconnectedError(f"it answers, but sends no frame for {silent:.1f} s.{network}")

    def _open(self) -> Device:
        try:
            device = Device(self.info)
        except AravisError as error:
            why = str(error)
            hint = "Does another program use it?"
            if "ACCESS" in why:
                hint = "This user may not: a udev rule is missing, see the page on GenICam cameras"
            raise SourceError(f"{self.name}: can't be opened ({why}). {hint}") from error
        if not device.is_controlled():
            device.close()
            raise SourceError(f"{self.name}: found it controlled by another program; expected it free. Close that one")
        return device

    def _set_up(self) -> tuple[PixelFormat, int, int]:
        setup = Setup(self._device, self._settings)
        setup.run()
        if setup.problems:
            raise SourceError("\n".join(f"{self.name}: {problem}" for problem in setup.problems))
        self.fps = setup.rate() if self._settings.trigger == "off" else self._settings.fps
        name = str(self._device.get("PixelFormat"))
        if name not in BY_NAME:
            usable = [form.name for form in FORMATS if form.name in self._device.choices("PixelFormat")]
            raise SourceError(
                f"{self.name}: found the pixel format {name}; expected one that dlstream reads. Of these it has "
                f"{', '.join(usable) or 'none'}; set `pixel_format:`"
            )
        return BY_NAME[name], int(self._device.get("Width")), int(self._device.get("Height"))


def _choose(serial: str, cameras: list[CameraInfo]) -> CameraInfo:
    """The camera with that serial number or id; the only one if there is none given."""
    if not cameras:
        raise SourceError(
            f"camera '{serial}': found no GigE Vision or USB3 Vision camera; expected one. Is it on? A GigE "
            "camera's address must be in the network of this computer's"
        )
    chosen = [camera for camera in cameras if not serial or serial in (camera.serial, camera.id)]
    if len(chosen) == 1:
        return chosen[0]
    there = ", ".join(f"{camera.serial} ({camera.vendor} {camera.model}, {camera.address})" for camera in cameras)
    if serial and not chosen:
        hint = did_you_mean(serial, [camera.serial for camera in cameras])
        raise SourceError(
            f"camera '{serial}': found the cameras {there}; expected one of this serial number. {hint}".rstrip()
        )
    raise SourceError(
        f"camera '{serial}': found {len(chosen)} cameras: {there}; expected `serial:` with the number of one"
    )
