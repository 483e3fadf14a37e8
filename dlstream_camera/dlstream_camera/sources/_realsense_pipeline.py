"""librealsense's pipeline of a device or a recording: which streams, at which sizes, and what to say where it can't."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from dlstream_camera.sources._device import the_device
from dlstream_camera.sources._format import Device
from dlstream_camera.sources._realsense_context import context, kept, new_context
from dlstream_camera.sources._realsense_recording import info, loaded, offers
from dlstream_camera.sources._realsense_settings import RealSenseSettings
from dlstream_camera.sources._realsense_stream import StreamRequest
from dlstream_common import SourceError

_FORMATS = {"color": "bgr8", "depth": "z16", "infrared": "y8"}


class Pipeline:
    """An open pipeline with some streams of a device or recording.

    Attributes:
        model: of the device, such as "D435".
        serial: its serial number; the file's name for a recording.
        is_recording: it plays a recording: every frame, as fast as they are taken.

    Raises:
        SourceError: there is no such device, or it lacks one of the streams.
    """

    def __init__(self, settings: RealSenseSettings, requests: Sequence[StreamRequest]) -> None:
        import pyrealsense2 as rs

        self._rs: Any = rs
        self.is_recording = settings.recording is not None
        self._context: Any = new_context() if self.is_recording else context()
        self._pipeline: Any = rs.pipeline(self._context)
        self._align: Any = None
        self._resumed: threading.Thread | None = None
        config: Any = rs.config()
        if settings.recording is not None:
            self.serial, self._where = settings.recording.name, f"recording '{settings.recording}'"
            self._device = loaded(self._context, str(settings.recording), self._where)
            rs.config.enable_device_from_file(config, str(settings.recording), repeat_playback=False)
        else:
            self.serial = the_device(settings.serial, devices(), "RealSense").serial
            there = [item for item in self._context.query_devices() if _serial_of(item) == self.serial]
            if not there:
                raise SourceError(
                    f"RealSense device '{self.serial}': found it gone again; expected it to stay connected"
                )
            self._device = there[0]
            self._where = f"RealSense device '{self.serial}'"
            config.enable_device(self.serial)
        self.model = info(self._device, rs.camera_info.name).removeprefix("Intel RealSense ")
        for request in merged(requests):
            form = rs.format.any if self.is_recording else getattr(rs.format, _FORMATS[request.kind])
            kind = getattr(rs.stream, request.kind)
            config.enable_stream(kind, request.index, request.width, request.height, form, request.fps)
        self._profile = self._started(config, requests)
        self._device = self._profile.get_device()
        if self.is_recording:
            for item in (self._pipeline, self._profile, self._device):
                kept(item)

    def _started(self, config: Any, requests: Sequence[StreamRequest]) -> Any:
        try:
            resolved = config.resolve(self._pipeline)
        except RuntimeError as error:
            wanted = " and ".join(_wanted(request) for request in merged(requests))
            offered = "; ".join(offers(self._device)) or "none"
            raise SourceError(
                f"{self._where}: found no way to deliver {wanted} ({error}); expected some of its streams: {offered}"
            ) from error
        try:
            if self.is_recording:
                playback = resolved.get_device().as_playback()
                playback.set_real_time(False)  # in real time it would leave frames out
                playback.pause()  # else it plays as soon as the first of its sensors has started: see `play`
            return self._pipeline.start(config)
        except RuntimeError as error:
            raise SourceError(f"{self._where}: can't be started ({error}). Is it in use by another program?") from error

    def profile(self, request: StreamRequest) -> Any:
        """The format of a stream.

        Raises:
            SourceError: the pipeline was opened without it.
        """
        kind = getattr(self._rs.stream, request.kind)
        for profile in self._profile.get_streams():
            if profile.stream_type() == kind and profile.stream_index() == request.index:
                return profile
        there = ", ".join(str(profile.stream_name()) for profile in self._profile.get_streams())
        raise SourceError(
            f"{self._where}: opened with the streams {there}; expected {request.name}, too. The cameras of a device "
            "must be in one rig file, which says what each of them needs"
        )

    def play(self) -> None:
        """Lets a recording run, which waits until then. Something must `wait` for its frames from now on."""
        if self._resumed is None:
            resume = self._device.as_playback().resume  # it may return only as frames are taken
            self._resumed = threading.Thread(target=resume, name="realsense playback", daemon=True)
            self._resumed.start()

    def set_emitter(self, on: bool) -> None:
        """Switches the projector.

        Raises:
            SourceError: there is none, or it did not do it.
        """
        option = self._rs.option.emitter_enabled
        sensors = [sensor for sensor in self._device.query_sensors() if sensor.supports(option)]
        if not sensors:
            raise SourceError(f"{self._where}: found no infrared projector; expected none of the key 'emitter'")
        for sensor in sensors:
            sensor.set_option(option, float(on))
            if bool(sensor.get_option(option)) != on:
                raise SourceError(f"{self._where}: found that the emitter stays {'off' if on else 'on'}; expected {on}")

    def wait(self, milliseconds: int) -> Any:
        """The next set of frames; None if none comes in this time."""
        came, frames = self._pipeline.try_wait_for_frames(milliseconds)
        return frames if came else None

    def aligned(self, frames: Any) -> Any:
        """The set with depth in the place of colour; None if one of them is missing."""
        if not (frames.get_depth_frame() and frames.get_color_frame()):
            return None
        if self._align is None:
            self._align = self._rs.align(self._rs.stream.color)
        return self._align.process(frames)

    @staticmethod
    def frame(frames: Any, request: StreamRequest) -> Any:
        """A stream's frame in a set; None if it has none."""
        if frames is None:
            return None
        if request.kind == "infrared":
            frame = frames.get_infrared_frame(request.index)
        else:
            frame = frames.get_depth_frame() if request.kind == "depth" else frames.get_color_frame()
        return frame or None

    @property
    def has_ended(self) -> bool:
        """Whether it plays a recording, and that has ended: librealsense says the same as of an unplugged device."""
        if self._resumed is None:
            return False
        return bool(self._device.as_playback().current_status() == self._rs.playback_status.stopped)

    @property
    def is_unplugged(self) -> bool:
        """Whether the device is gone."""
        there = [_serial_of(device) for device in self._context.query_devices()]
        return not self.is_recording and self.serial not in there

    def stop(self) -> None:
        """Closes the device."""
        with suppress(RuntimeError):  # it was unplugged
            self._pipeline.stop()


def merged(requests: Sequence[StreamRequest]) -> list[StreamRequest]:
    """One request for each stream, with what any of them asks for."""
    found: dict[str, StreamRequest] = {}
    for request in requests:
        other = found.get(request.name, request)
        found[request.name] = replace(
            request,
            width=request.width or other.width,
            height=request.height or other.height,
            fps=request.fps or other.fps,
        )
    return list(found.values())


def devices() -> list[Device]:
    """The connected devices.

    Raises:
        SourceError: librealsense can't list them.
    """
    import pyrealsense2 as rs

    with in_words("RealSense devices"):
        return [
            Device(
                "realsense",
                _serial_of(device),
                info(device, rs.camera_info.name),
                f"USB{info(device, rs.camera_info.usb_type_descriptor)}",
            )
            for device in context().query_devices()
        ]


@contextmanager
def in_words(what: str) -> Iterator[None]:
    """Says what failed where librealsense raises its own error: a device may go, or be busy, at any call."""
    try:
        yield
    except RuntimeError as error:
        raise SourceError(
            f"{what}: librealsense failed ({error}). Is its cable loose, or its USB port busy?"
        ) from error


def _serial_of(device: Any) -> str:
    import pyrealsense2 as rs

    return info(device, rs.camera_info.serial_number)


def _wanted(request: StreamRequest) -> str:
    size = f" {request.width}x{request.height}" if request.width else ""
    return f"{request.name}{size}{f' at {request.fps} fps' if request.fps else ''}"
