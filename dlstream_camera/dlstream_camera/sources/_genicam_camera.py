"""A GenICam camera that is open, set up and running."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from pathlib import Path

from dlstream_camera.sources._aravis import AravisError, CameraInfo, Device, list_cameras
from dlstream_camera.sources._aravis_stream import Buffer, Stream
from dlstream_camera.sources._connection import Connection, DamagedFrameError, DisconnectedError, Taken
from dlstream_camera.sources._device import the_device
from dlstream_camera.sources._device_stamps import DeviceStamps
from dlstream_camera.sources._feature_setup import EXPOSURE, Setup
from dlstream_camera.sources._features import FeatureError
from dlstream_camera.sources._format import Device as Listed
from dlstream_camera.sources._format import Notice, Readback, StampSource
from dlstream_camera.sources._frame_numbers import FrameNumbers
from dlstream_camera.sources._genicam_settings import GenicamSettings
from dlstream_camera.sources._pixel_formats import BY_CODE, BY_NAME, FORMATS, PixelFormat, image_of
from dlstream_common import SourceError

_LOOK_EVERY = 0.5
"""Seconds of waiting after which the camera is asked for, if it is still there."""
_KERNEL_BUFFER = Path("/proc/sys/net/core/rmem_max")


class GenicamSetup(Setup):
    def __init__(self, device: Device, settings: GenicamSettings) -> None:
        super().__init__(device, settings)
        self._device, self._wanted = device, settings

    def before_size(self) -> None:
        size = self._wanted.packet_size
        if size and not self._device.is_gige:
            self.problems.append(f"packet_size: found {size}; expected 0: this camera has USB")
        elif size:
            self.set("packet_size", "ArvGevSCPSPacketSize", size)
        elif self._device.is_gige:
            try:
                found = self._device.do("gv_auto_packet_size", ctypes.c_uint)
                self.found.append(Readback("packet_size", "", str(found)))
            except AravisError as error:
                self.problems.append(f"packet_size: found no size that passes ({error}); expected a number of bytes")

    def of_trigger(self) -> None:
        edge = {"rising": "RisingEdge", "falling": "FallingEdge"}[self._wanted.trigger_edge]
        if self._wanted.waits_for and self.first(["TriggerActivation"]):
            self.set("trigger_edge", "TriggerActivation", edge)


class GenicamCamera(Connection):
    """Opens, sets up and starts the camera.

    Args:
        tell: called with what the user should know of it.

    Raises:
        SourceError: it isn't there, belongs to another program, or doesn't do what the settings ask.
    """

    stamp_source: StampSource = "device"

    def __init__(self, settings: GenicamSettings, tell: Callable[[Notice], None]) -> None:
        info = choose(settings.serial)
        self.name, self.hardware_id = f"{info.vendor} {info.model} ({_interface(info)})", info.serial
        self._called, self._settings, self._tell = f"camera '{info.serial}'", settings, tell
        self._is_lost = self._has_come = False
        self._last = self._heard = self._next_trigger = time.monotonic()
        self._device = self._open(info)
        self._stream: Stream | None = None
        try:
            self._form = self._set_up()
            self._stream = Stream(self._device)
            self._stream.start()
        except FeatureError as error:
            self.close()
            raise SourceError(f"{self._called}: can't be started ({error}). Does another program use it?") from error
        except BaseException:
            self.close()
            raise
        self.waits_for = settings.waits_for
        # GigE Vision counts from 1 to 65535, or on from there in its second version, which comes to the same.
        self._numbers = FrameNumbers(16, first=1) if self._device.is_gige else FrameNumbers()
        self._stamps = DeviceStamps("device", tell, delay_bound=round(1e9 / self.fps) if self.fps else 0)
        self._last = self._heard = self._next_trigger = time.monotonic()
        self._remark(self._stream.payload)

    def read(self) -> Taken | None:
        """Waits half a second at most for the next frame; see `Connection`."""
        buffer = self._next()
        if buffer is None:
            self._see_to_it()
            return None
        self._heard = time.monotonic()
        if buffer.damage:
            raise self._unusable(buffer.damage)
        form = BY_CODE.get(buffer.pixel_format, self._form)
        try:
            image = image_of(buffer.data, form, buffer.width, buffer.height, buffer.padding)
        except ValueError as error:
            raise self._unusable(str(error)) from error
        self._last, self._has_come = self._heard, True
        stamp = self._stamps.stamp(buffer.device_time, buffer.arrival)
        self.stamp_source, self.uncertainty = self._stamps.source, self._stamps.uncertainty
        return Taken(image, stamp, self._numbers.missed(buffer.frame_id))

    def close(self) -> None:
        """Stops and releases it; does not wait for one that is lost, whose answers would be waited for 3 s and more."""
        if self._stream is not None:
            self._stream.close(answers=self._seems_there())
            self._stream = None
        if self._is_lost:
            threading.Thread(target=self._device.close, name=f"close {self._called}", daemon=True).start()
        else:
            self._device.close()

    def _seems_there(self) -> bool:
        """Whether it can be asked to stop. One that is not stopped may send frames into the next program's."""
        if self._is_lost or not self._device.is_controlled():
            return False
        return bool(self.waits_for) or time.monotonic() - self._heard < self._patience

    def _next(self) -> Buffer | None:
        """The next frame, whole or not; triggers it where this is up to us."""
        assert self._stream is not None
        if self._settings.trigger != "software":
            return self._stream.pop(_LOOK_EVERY)
        end = time.monotonic() + _LOOK_EVERY
        while (now := time.monotonic()) < end:
            if now >= self._next_trigger:
                self._trigger()
                self._next_trigger = max(self._next_trigger + 1 / self._settings.fps, now)
            buffer = self._stream.pop(max(0.0, min(end, self._next_trigger) - time.monotonic()))
            if buffer is not None:
                return buffer
        return None

    def _trigger(self) -> None:
        try:
            self._device.execute("TriggerSoftware")
        except AravisError as error:
            raise self._lost(f"it doesn't take a trigger any more ({error}). Is its cable loose?") from error

    def _unusable(self, why: str) -> DamagedFrameError | DisconnectedError:
        """What a frame that can't be used is: lost; the camera, too, where for long there was no other."""
        self._numbers.count_one()
        silent = self._heard - self._last
        if self.waits_for or silent < self._patience:
            return DamagedFrameError(why, "failed")
        return DisconnectedError(f"it sent only frames that can't be used for {silent:.1f} s ({why})")

    def _see_to_it(self) -> None:
        """No frame came for a while."""
        if not self._device.is_controlled():
            raise self._lost("it no longer answers, or another program took it. Is its cable loose?")
        if not self._device.is_gige:
            self._ask()  # Aravis looks after the control of GigE cameras alone
        silent = time.monotonic() - self._last
        if self.waits_for or silent < self._patience:
            return
        if self._has_come:
            raise self._lost(f"it sent no whole frame for {silent:.1f} s. Is its cable loose, or its power off?")
        self._ask()
        network = ". Do a firewall and the network let packets of this size pass?" if self._device.is_gige else ""
        raise self._lost(f"it answers, but sent no whole frame for {silent:.1f} s{network}")

    def _ask(self) -> None:
        """Whether the camera still answers; raises DisconnectedError."""
        try:
            self._device.get("PixelFormat")
        except AravisError as error:
            raise self._lost(f"it no longer answers ({error}). Is its cable loose?") from error

    def _lost(self, text: str) -> DisconnectedError:
        self._is_lost = True
        return DisconnectedError(text)

    def _remark(self, payload: int) -> None:
        """Tells what is lost by the user's choice or by this computer's settings."""
        if self._form.note:
            self._tell(Notice("remark", f"{self._called}: {self._form.note}"))
        if not self._device.is_gige or not _KERNEL_BUFFER.is_file():
            return
        room = int(_KERNEL_BUFFER.read_text())
        if room < 2 * payload:
            better = 1 << (4 * payload).bit_length()
            text = (
                f"{self._called}: this computer holds {room} bytes of packets at most, a frame has {payload}; expected "
                f"room for two, so that none is lost while it is busy: sudo sysctl -w net.core.rmem_max={better}"
            )
            self._tell(Notice("remark", text))

    def _open(self, info: CameraInfo) -> Device:
        try:
            device = Device(info)
        except AravisError as error:
            why = str(error)
            hint = "Does another program use it?"
            if "ACCESS" in why:
                hint = "This user may not: add a udev rule, see docs/how-to/genicam-cameras.md"
            raise SourceError(f"{self._called}: can't be opened ({why}). {hint}") from error
        if not device.is_controlled():
            device.close()
            raise SourceError(
                f"{self._called}: found it controlled by another program; expected it free. End that program; after a "
                "crash the camera is free 3 s later"
            )
        return device

    def _set_up(self) -> PixelFormat:
        setup = GenicamSetup(self._device, self._settings)
        setup.run()
        if setup.problems:
            raise SourceError("\n".join(f"{self._called}: {problem}" for problem in setup.problems))
        self.settings = tuple(setup.found)
        self.fps = setup.rate() if self._settings.trigger == "off" else self._settings.fps
        self.size = int(self._device.get("Width")), int(self._device.get("Height"))
        exposure = setup.first(EXPOSURE)
        longest = max(float(self._device.get(exposure)) / 1e6 if exposure else 0.0, 1 / self.fps if self.fps else 0.0)
        self._patience = self._settings.silence + 2 * longest
        name = str(self._device.get("PixelFormat"))
        if name not in BY_NAME:
            usable = [form.name for form in FORMATS if form.name in self._device.choices("PixelFormat")]
            raise SourceError(
                f"{self._called}: found the pixel format {name}; expected one that dlstream reads. Of these it has "
                f"{', '.join(usable) or 'none'}; set `pixel_format:`"
            )
        return BY_NAME[name]


def _interface(info: CameraInfo) -> str:
    """How it is connected, such as GigE 192.168.0.12."""
    return f"{info.protocol.removesuffix('Vision')} {info.address}".strip()


def listed(info: CameraInfo) -> Listed:
    """What `dlstream camera list` shows of it."""
    return Listed("genicam", info.serial, f"{info.vendor} {info.model}", _interface(info))


def choose(serial: str) -> CameraInfo:
    """The camera with that serial number; the only one if there is none given.

    Raises:
        SourceError: it isn't there, or can't be distinguished from others.
    """
    cameras = list_cameras()
    if not cameras:
        raise SourceError(
            f"camera '{serial}': no GigE Vision or USB3 Vision camera answers; expected one. Is it on? A GigE camera's "
            "address must be in this computer's network; a USB camera must be readable for this user"
        )
    return cameras[
        [listed(info) for info in cameras].index(the_device(serial, [listed(info) for info in cameras], "genicam"))
    ]
