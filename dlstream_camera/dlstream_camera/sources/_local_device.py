"""A camera of this computer, read with OpenCV."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2

from dlstream_camera.sources._connection import Connection, DamagedFrameError, DisconnectedError, Taken
from dlstream_camera.sources._format import Notice, Readback
from dlstream_camera.sources._opencv_settings import OpenCVSettings
from dlstream_common import SourceError, now

_ROUNDED = 0.01


class LocalDevice(Connection):
    """An open device. See `Connection`.

    Args:
        tell: called with each setting that the camera has made something else of.

    Raises:
        SourceError: it can't be opened.
    """

    def __init__(self, settings: OpenCVSettings, tell: Callable[[Notice], None]) -> None:
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
        self.settings = tuple(self._read_back(settings))
        for item in self.settings:
            if item.differs and not _rounded(item):
                text = f"{item.key}: asked for {item.asked}, and the camera set {item.found}"
                hint = f"`v4l2-ctl -d {self._node} --list-formats-ext` lists what it has"
                tell(Notice("remark", f"camera '{device}': {text}. {hint}"))

    def _read_back(self, settings: OpenCVSettings) -> Iterator[Readback]:
        """What the driver says it has set; a driver says nothing, or 0, of what it does not know."""
        for key, asked, name in (
            ("width", settings.width, cv2.CAP_PROP_FRAME_WIDTH),
            ("height", settings.height, cv2.CAP_PROP_FRAME_HEIGHT),
            ("fps", settings.fps, cv2.CAP_PROP_FPS),
        ):
            found = self._capture.get(name)
            if found > 0:
                yield Readback(key, f"{asked:g}" if asked else "", f"{found:g}")
        code = max(0, int(self._capture.get(cv2.CAP_PROP_FOURCC)))
        fourcc = code.to_bytes(8, "little")[:4].decode("latin-1")
        if code and fourcc.isprintable():
            yield Readback("fourcc", settings.fourcc, fourcc)

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


def _rounded(item: Readback) -> bool:
    """Whether a rate is what was asked for as the camera's clock can make it, such as 29.97 for 30."""
    return item.key == "fps" and math.isclose(float(item.asked), float(item.found), rel_tol=_ROUNDED)
