"""A camera of this computer, read with OpenCV."""

from __future__ import annotations

from pathlib import Path

import cv2

from dlstream_camera.sources._connection import Connection, DamagedFrameError, DisconnectedError, Taken
from dlstream_camera.sources._opencv_settings import OpenCVSettings
from dlstream_common import SourceError, now


class LocalDevice(Connection):
    """An open device. See `Connection`.

    Raises:
        SourceError: it can't be opened.
    """

    def __init__(self, settings: OpenCVSettings) -> None:
        device = settings.device
        self._node = Path(f"/dev/video{device}" if device.isdigit() else device)
        if self._node.is_file():
            raise SourceError(f"camera '{device}': found a file; expected a camera. For a video: `source: video`")
        self._capture = cv2.VideoCapture(int(device) if device.isdigit() else device)
        if not self._capture.isOpened():
            raise SourceError(
                f"camera '{device}': found no camera that can be opened; expected an index, a path such as "
                "/dev/video0, or a URL. Is it plugged in, free, and may this user read it (group 'video')?"
            )
        if settings.fourcc:
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*settings.fourcc))
        for key, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, settings.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, settings.height),
            (cv2.CAP_PROP_FPS, settings.fps),
        ):
            if value:
                self._capture.set(key, value)
        self.name = self._capture.getBackendName()
        self.fps = max(0.0, self._capture.get(cv2.CAP_PROP_FPS))

    def read(self) -> Taken:
        if not self._capture.grab():
            if self._node.is_absolute() and not self._node.exists():
                raise DisconnectedError(f"the camera was unplugged: {self._node} is gone")
            raise DisconnectedError("the camera delivers no frames. Is its cable loose, or does its bus lack power?")
        stamp = now()
        done, image = self._capture.retrieve()
        if not done or image is None:
            raise DamagedFrameError("OpenCV can't decode it")
        return Taken(image, stamp)

    def close(self) -> None:
        self._capture.release()
