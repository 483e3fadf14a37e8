"""Intel RealSense depth cameras: colour, depth and infrared, from a device or a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from dlstream_camera.sources._connection import DisconnectedError
from dlstream_camera.sources._device import DeviceSource
from dlstream_camera.sources._format import Capture, Device, Format, SourceState
from dlstream_camera.sources._losses import Losses
from dlstream_camera.sources._realsense_device import RealSenseDevice, StreamCamera
from dlstream_camera.sources._realsense_settings import RealSenseSettings
from dlstream_common import SourceError


class RealSenseSource(DeviceSource[RealSenseSettings]):
    """One stream of a device, which other sources of this process may share.

    A recording is played whole: it waits until each camera of it is ready, and for the slowest of them.
    """

    requires: ClassVar[Mapping[str, str]] = {"pyrealsense2": "pyrealsense2"}

    _played: StreamCamera | None = None
    _number = 0

    def connect(self) -> StreamCamera:
        return RealSenseDevice.join(self.settings, lambda notice: self.on_notice(notice))

    @classmethod
    def devices(cls) -> Sequence[Device]:
        from dlstream_camera.sources._realsense_pipeline import devices

        return devices()

    @property
    def title(self) -> str:
        recording = self.settings.recording
        return f"{super().title if recording is None else f'realsense {recording}'}, {self.settings.request.name}"

    def open(self) -> Format:
        if self.settings.recording is None:
            return super().open()
        self.close()
        self._played = camera = self.connect()
        self._losses, self._number = Losses(lambda notice: self.on_notice(notice)), 0
        assert camera.size is not None
        fps = camera.fps if self.settings.pace else 0.0
        text = f"{camera.name}, recording {self.settings.recording}"
        return Format(*camera.size, fps, text, camera.hardware_id, "arrival", camera.settings, camera.calibration)

    def read(self) -> Capture | None:
        camera = self._played
        if camera is None:
            return super().read()
        camera.begin()
        taken = None
        while taken is None:
            try:
                taken = camera.read()
            except DisconnectedError as error:
                raise SourceError(f"camera '{self.title}': {error}, after {self._number} frames") from error
            self._losses.tick()
            if taken is None and (camera.ended or not camera.wanted):
                if camera.ended and camera.rest:
                    self._losses.add(self._number, "librealsense does not deliver it", "skipped", camera.rest)
                    camera.rest = 0
                self._losses.flush()
                return None
        self._losses.add(self._number, "it is not in the recording", "missed", taken.missed)
        self._number += taken.missed + 1
        return Capture(taken.image, taken.stamp, self._number - 1, self._losses.count)

    def state(self) -> SourceState:
        return super().state() if self._played is None else SourceState(lost=self._losses.kinds)

    def stop(self) -> None:
        super().stop()
        if self._played is not None:
            self._played.stop()

    def close(self) -> None:
        super().close()
        if self._played is not None:
            self._played.close()
            self._played = None
