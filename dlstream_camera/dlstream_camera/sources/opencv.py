"""Cameras that OpenCV opens: an index, a V4L2 path, or a network stream's URL."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import cv2
from pydantic import BeforeValidator, Field

from dlstream_camera.sources.base import Capture, Format, FrameSource, SourceSettings, SourceType
from dlstream_common import Problem, SourceError, now


def _index_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class OpenCVSettings(SourceSettings):
    """A camera by OpenCV. Width, height and fps are requested; what the camera delivers is read back."""

    source: Literal["opencv"] = "opencv"
    """Kind of the source."""
    device: Annotated[str, BeforeValidator(_index_as_text, json_schema_input_type=int | str)] = "0"
    """Index (0, 1, ...), path (/dev/v4l/by-id/...), or URL (rtsp://..., http://...)."""
    width: Annotated[int, Field(ge=0, le=20000)] = 0
    """Width to request; 0: as the camera has it."""
    height: Annotated[int, Field(ge=0, le=20000)] = 0
    """Height to request; 0: as the camera has it."""
    fps: Annotated[float, Field(ge=0, le=10000)] = 0.0
    """Frames a second to request; 0: as the camera has it."""
    fourcc: Annotated[str, Field(pattern="^(.{4})?$")] = ""
    """Pixel format to request, such as MJPG or YUYV; empty: as the camera has it."""

    def check(self) -> list[Problem]:
        # What the camera delivers may differ from what is asked for, so that it is no `image_size`.
        return self.check_size(self.width, self.height) if self.width and self.height else []

    def frame_rate(self) -> float | None:
        return self.fps or None


class OpenCVSource(FrameSource[OpenCVSettings]):
    """Reads a camera by OpenCV.

    The stamp is taken when the driver hands the image over (`grab`), before it is decoded: exposure and transfer
    lie before it.
    """

    _capture: cv2.VideoCapture | None = None
    _count = 0

    def open(self) -> Format:
        wanted = self.settings
        index = int(wanted.device) if wanted.device.isdigit() else wanted.device
        capture = cv2.VideoCapture(index)
        if not capture.isOpened():
            raise SourceError(
                f"camera '{wanted.device}': found no camera that can be opened; expected an index, a path such as "
                "/dev/video0, or a URL. Is it plugged in, free, and may this user read it (group 'video')?"
            )
        self._capture = capture
        if wanted.fourcc:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*wanted.fourcc))
        for key, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, wanted.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, wanted.height),
            (cv2.CAP_PROP_FPS, wanted.fps),
        ):
            if value:
                capture.set(key, value)
        self._count = 0
        ok, image = capture.read()
        if not ok:
            self.close()
            raise SourceError(f"camera '{wanted.device}': opened, but found no image; expected one. Is it in use?")
        fps = capture.get(cv2.CAP_PROP_FPS)
        backend = capture.getBackendName()
        height, width = image.shape[:2]
        return Format(width, height, max(fps, 0.0), f"{backend} {wanted.device}", hardware_id=wanted.device)

    def read(self) -> Capture | None:
        if self._capture is None:
            raise SourceError(f"camera '{self.settings.device}': not open")
        if not self._capture.grab():
            raise SourceError(
                f"camera '{self.settings.device}': stopped giving frames after {self._count}; expected the next one. "
                "Was it unplugged?"
            )
        stamp = now()
        ok, image = self._capture.retrieve()
        if not ok:
            raise SourceError(f"camera '{self.settings.device}': frame {self._count} can't be decoded")
        self._count += 1
        return Capture(image, stamp, self._count - 1)

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None


SOURCE = SourceType("opencv", OpenCVSettings, OpenCVSource)
