"""One RealSense device, open once in this process, and the cameras that show its streams.

librealsense lets one process open a device, and once only. So the cameras of a device share it: the first one opens all
streams that any of them wants (`streams` says which), a thread reads sets of frames and gives each camera its own, and
the last one to leave closes it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from dlstream_camera.rate_limiter import Schedule
from dlstream_camera.sources._connection import Connection, DisconnectedError, Taken
from dlstream_camera.sources._device import read_back
from dlstream_camera.sources._format import Notice, Readback
from dlstream_camera.sources._realsense_frames import Stamps, calibration_of, image_of
from dlstream_camera.sources._realsense_pipeline import Pipeline, in_words
from dlstream_camera.sources._realsense_recording import recorded_count
from dlstream_camera.sources._realsense_settings import RealSenseSettings
from dlstream_camera.sources._realsense_stream import StreamRequest
from dlstream_common import now

_BEHIND = 10
"""Frames of a camera that may wait before the oldest is dropped, or a recording waits."""
_QUIET = 5.0
"""Seconds without a frame after which a recording that has ended has no more, although there should be some."""
_POLL = 0.2
"""Seconds between looks whether the device is still wanted, and still there."""

Tell = Callable[[Notice], None]


class StreamCamera(Connection):
    """One camera's share of a device. See `Connection`.

    Attributes:
        wanted: whether it takes frames.
        ended: whether no more will come.
        rest: frames of a recording that are still to come; None: unknown.
    """

    def __init__(self, device: RealSenseDevice, settings: RealSenseSettings, tell: Tell) -> None:
        self.request, self.aligned = settings.request, settings.align == "color"
        shown = StreamRequest("color") if self.aligned else self.request
        profile = device.pipeline.profile(shown)
        video = profile.as_video_stream_profile()
        self.size = (video.width(), video.height())
        own = device.pipeline.profile(self.request)
        self.fps = float(own.fps())
        self.name = f"RealSense {device.pipeline.model}, {self.request.name}" + (", aligned" if self.aligned else "")
        self.hardware_id = device.pipeline.serial
        self.calibration = calibration_of(profile)
        self.silence = 0.0 if device.pipeline.is_recording else settings.silence
        self.stamps = Stamps(tell, round(1e9 / self.fps))
        self._readbacks = _readbacks(settings, profile, self.fps, str(own.format()).rpartition(".")[2])
        self.wanted, self.ended = not device.pipeline.is_recording, False
        self.last_number: int | None = None
        self.rest = None if settings.recording is None else recorded_count(settings.recording, self.request)
        self._device = device
        self._change = threading.Condition()
        self._waiting: deque[Taken] = deque()
        self._skipped = 0
        self._error = ""

    def begin(self) -> None:
        """From now on it takes frames; a recording starts to play as soon as all cameras of it do."""
        with self._change:
            self.wanted = True
        self._device.look()

    def stop(self) -> None:
        """Wakes a waiting `read`, and takes no more frames until `begin`."""
        with self._change:
            self.wanted = False
            self._waiting.clear()
            self._change.notify_all()

    @property
    def settings(self) -> tuple[Readback, ...]:  # type: ignore[override]
        domain = self.stamps.domain
        return (*self._readbacks, Readback("timestamp_domain", "", domain)) if domain else self._readbacks

    def read(self) -> Taken | None:
        with self._change:
            if not self._waiting and not self.ended:
                self._change.wait(_POLL)
            if self._waiting:
                taken = self._waiting.popleft()
                self._change.notify_all()
                return taken
            if self._error:
                raise DisconnectedError(self._error)
            return None

    def close(self) -> None:
        self.stop()
        self._device.leave(self)

    def give(self, taken: Taken, blocking: bool) -> None:
        """Adds a frame; if it is too many, waits for room or drops the oldest. On the device's thread."""
        with self._change:
            while blocking and len(self._waiting) >= _BEHIND and self.wanted:
                self._change.wait()
            if not self.wanted:
                return
            if len(self._waiting) >= _BEHIND:
                lost = self._waiting.popleft()
                self._skipped += 1 + lost.missed + lost.skipped
            self._waiting.append(Taken(taken.image, taken.stamp, taken.missed, self._skipped))
            self._skipped = 0
            self._change.notify_all()

    def end(self, error: str = "") -> None:
        """No more frames will come: the recording has ended, or there is an error. On the device's thread."""
        with self._change:
            self.ended, self._error = True, error
            self._change.notify_all()


class RealSenseDevice:
    """An open device or recording. See the module.

    Raises:
        SourceError: it can't be opened, or does not have a stream that is asked for.
    """

    # By RealSenseSettings.shared_device().
    _open: dict[str, RealSenseDevice] = {}
    _lock = threading.Lock()

    @classmethod
    def join(cls, settings: RealSenseSettings, tell: Tell) -> StreamCamera:
        """A camera of the device that the settings name, which is opened if it is not.

        Raises:
            SourceError: see the class; or the open device lacks the camera's stream, or goes meanwhile.
        """
        key = settings.shared_device()
        with cls._lock, in_words(key):
            device = cls._open.get(key)
            if device is None or device.failed:
                device = cls._open[key] = cls(settings)
            try:
                return device._add(settings, tell)
            except BaseException:
                device._close_if_unused()
                raise

    def __init__(self, settings: RealSenseSettings) -> None:
        self._key = settings.shared_device()
        requests = [StreamRequest.of(text) for text in settings.streams] or [settings.request]
        self._expected = len(requests)
        if settings.align == "color" or any(request.kind == "color" for request in requests):
            requests = _with_color(requests)
        self.pipeline = Pipeline(settings, requests)
        self._pace = settings.pace
        self._schedule = Schedule()
        self._first: float | None = None
        self.failed = False
        self._cameras: list[StreamCamera] = []
        self._closing = threading.Event()
        self._changed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self._key, daemon=True)

    def _add(self, settings: RealSenseSettings, tell: Tell) -> StreamCamera:
        camera = StreamCamera(self, settings, tell)
        if settings.emitter is not None:
            self.pipeline.set_emitter(settings.emitter)
        self._cameras = [*self._cameras, camera]
        if not self._thread.is_alive():
            self._thread.start()
        return camera

    def leave(self, camera: StreamCamera) -> None:
        """A camera needs it no more; the last one closes it."""
        with self._lock:
            if camera in self._cameras:
                self._cameras = [other for other in self._cameras if other is not camera]
                self._expected -= 1
                self._changed.set()
                self._close_if_unused()

    def look(self) -> None:
        """A camera has changed."""
        self._changed.set()

    def _close_if_unused(self) -> None:
        if self._cameras:
            return
        if self._open.get(self._key) is self:
            del self._open[self._key]
        self._closing.set()
        self._changed.set()
        self._schedule.stop()
        if self._thread.is_alive():
            self._thread.join()
        self.pipeline.stop()

    # The device's thread.

    def _run(self) -> None:
        try:
            if self.pipeline.is_recording:
                self._wait_for_all()
                self.pipeline.play()
            error = self._pump()
        except Exception as problem:  # a thread that has died must not look like a silent camera
            error = f"reading it has failed: {problem!r}"
        self.failed = bool(error)
        for camera in self._cameras:
            camera.end(error)

    def _wait_for_all(self) -> None:
        """A recording waits until each of its cameras takes frames, so that none misses the first ones."""
        while not self._closing.is_set():
            self._changed.clear()
            if sum(camera.wanted for camera in self._cameras) >= self._expected:
                return
            self._changed.wait()

    def _pump(self) -> str:
        """Gives frames to the cameras until there are no more; returns why, '' at the end of a recording."""
        heard = time.monotonic()
        while not self._closing.is_set():
            if self.pipeline.is_recording and not any(camera.wanted for camera in self._cameras):
                self._wait_for_all()
                continue
            frames = self.pipeline.wait(round(_POLL * 1000))
            if frames is not None:
                self._share(frames, now())
                heard = time.monotonic()
                if all(camera.rest == 0 for camera in self._cameras):
                    return ""
            elif self.pipeline.has_ended and time.monotonic() - heard > _QUIET:
                return ""
            elif self.pipeline.is_unplugged:
                return "the device was unplugged"
            elif not self.pipeline.is_recording and time.monotonic() - heard > self._patience():
                # Its cameras leave one by one as they notice, and the first would join the same hung pipeline again.
                return f"the device has delivered no frames for {self._patience():g} s"
        return ""

    def _patience(self) -> float:
        """Seconds without a frame after which a device hangs: those of its least patient camera."""
        return min((camera.silence for camera in self._cameras), default=math.inf)

    def _share(self, frames: Any, arrival: int) -> None:
        recorded = self.pipeline.is_recording
        if recorded and self._pace:
            paced = self._schedule.wait(self._since_first(frames))
            if paced is None:
                return  # it is being closed
            arrival = paced
        aligned: Any = None
        for camera in sorted(self._cameras, key=lambda one: one.aligned):  # the others do not wait for it
            if camera.aligned and aligned is None:
                aligned = self.pipeline.aligned(frames)
            frame = self.pipeline.frame(aligned if camera.aligned else frames, camera.request)
            if not frame:
                continue
            number = frame.get_frame_number()
            if number == camera.last_number:
                continue  # a slower stream's frame comes again with each set
            gap = 0 if camera.last_number is None else number - camera.last_number - 1
            camera.last_number = number
            camera.rest = camera.rest and camera.rest - 1
            stamp = arrival if recorded else self._stamp(camera, frame, arrival)
            camera.give(Taken(image_of(frame), stamp, max(0, gap)), recorded)

    def _since_first(self, frames: Any) -> float:
        """Seconds of the recording, by its frames' own times."""
        time_of = float(frames.get_timestamp()) / 1000
        if self._first is None or time_of < self._first:
            self._first = time_of
        return time_of - self._first

    @staticmethod
    def _stamp(camera: StreamCamera, frame: Any, arrival: int) -> int:
        domain = str(frame.get_frame_timestamp_domain()).rpartition(".")[2]
        stamp = camera.stamps.of(domain, frame.get_timestamp(), arrival)
        camera.stamp_source, camera.uncertainty = camera.stamps.source, camera.stamps.uncertainty
        return stamp


def _with_color(requests: list[StreamRequest]) -> list[StreamRequest]:
    has = any(request.kind == "color" for request in requests)
    return requests if has else [*requests, StreamRequest("color")]


def _readbacks(settings: RealSenseSettings, profile: Any, fps: float, form: str) -> tuple[Readback, ...]:
    video = profile.as_video_stream_profile()
    return (
        read_back("width", settings.width or None, video.width()),
        read_back("height", settings.height or None, video.height()),
        read_back("fps", settings.fps or None, fps),
        Readback("format", "", form),
    )
