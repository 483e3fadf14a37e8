"""Video files, at their own pace, at another, or as fast as they can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import cv2
from pydantic import Field

from dlstream_camera.quiet import quiet_opencv
from dlstream_camera.sources.base import Capture, Format, FrameSource, SourceSettings, SourceType
from dlstream_camera.sources.pace import Pace
from dlstream_common import ExistingFile, Image, SourceError, now


class VideoSettings(SourceSettings):
    """A video file in a camera's place."""

    source: Literal["video"] = "video"
    """Kind of the source."""
    path: ExistingFile
    """The video file."""
    fps: Annotated[float, Field(ge=0, le=10000)] = 0.0
    """Frames a second; 0: the file's own rate."""
    pace: bool = True
    """False: as fast as the frames can be read and published."""
    loop: bool = False
    """Begin again at the end; false: the camera node ends with the video."""

    def image_size(self) -> tuple[int, int]:
        check_video(self.path)
        return video_size(self.path)

    def frame_rate(self) -> float | None:
        return (self.fps or video_rate(self.path)) if self.pace else None


class VideoSource(FrameSource[VideoSettings]):
    """Reads every frame of a video file, in order; none is left out."""

    _capture: cv2.VideoCapture | None = None
    _announced = 0
    _next: Image | None = None
    _number = 0

    def open(self) -> Format:
        path = self.settings.path
        capture = _open(path)
        self._announced = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        check_end(capture, path, self._announced)
        capture.release()
        self._capture = _open(path)
        fps = self.settings.fps or self._capture.get(cv2.CAP_PROP_FPS)
        if self.settings.pace and not 0 < fps < 10000:
            self.close()
            raise SourceError(f"{path}: found a rate of {fps} fps; expected one above 0. Give 'fps' in the rig file")
        self._pace = Pace(fps)
        self._number = 0
        self._next = self._decode()
        if self._next is None:
            self.close()
            raise SourceError(f"{path}: found no frame in it; expected a video")
        height, width = self._next.shape[:2]
        return Format(width, height, fps if self.settings.pace else 0.0, f"video {path}", hardware_id=path.name)

    def read(self) -> Capture | None:
        image = self._next if self._next is not None else self._decode()
        self._next = None
        if image is None and self.settings.loop and self._capture is not None:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            self._number = 0
            image = self._decode()
        if image is None:
            self._check_whole()
            return None
        stamp = self._pace.wait() if self.settings.pace else now()
        self._number += 1
        return Capture(image, stamp, self._number - 1)

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _decode(self) -> Image | None:
        if self._capture is None:
            raise SourceError(f"{self.settings.path}: not open")
        ok, image = self._capture.read()
        return image if ok else None

    def _check_whole(self) -> None:
        if self._number < self._announced - _slack(self._announced):
            raise SourceError(
                f"{self.settings.path}: found {self._number} frames that can be decoded; expected the "
                f"{self._announced} that the file announces. It is damaged after frame {self._number - 1}"
            )


def check_video(path: Path) -> None:
    """Raises SourceError where a video can't be opened, has no frame, or ends before it should."""
    capture = _open(path)
    try:
        check_end(capture, path, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    finally:
        capture.release()


def video_size(path: Path) -> tuple[int, int]:
    """Width and height of a video's frames, in pixels. Raises SourceError where it can't be opened."""
    capture = _open(path)
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    finally:
        capture.release()


def video_rate(path: Path) -> float | None:
    """Frames a second by the file's own word; None where it has none. Raises SourceError where it can't be opened."""
    capture = _open(path)
    try:
        rate = float(capture.get(cv2.CAP_PROP_FPS))
        return rate if 0 < rate < 10000 else None
    finally:
        capture.release()


def check_end(capture: cv2.VideoCapture, path: Path, announced: int) -> None:
    """Raises SourceError where the last frames that the file announces can't be read: a truncated file."""
    if not capture.read()[0]:
        raise SourceError(f"{path}: found no frame that can be decoded; expected a video")
    if announced <= 1:
        return  # a stream without a count
    capture.set(cv2.CAP_PROP_POS_FRAMES, max(0, announced - 1 - _slack(announced)))
    if not capture.read()[0]:
        raise SourceError(
            f"{path}: found no frame at its end; expected the {announced} frames that the file announces. "
            "It is truncated: copy it anew, or repair it with 'ffmpeg -i FILE -c copy NEW'"
        )


def _slack(announced: int) -> int:
    """Frames by which a count may be off, since some containers only estimate it from their duration."""
    return max(2, announced // 500)


def _open(path: Path) -> cv2.VideoCapture:
    if not path.is_file():
        raise SourceError(f"{path}: found no such file; expected a video")
    if path.stat().st_size == 0:
        raise SourceError(f"{path}: found an empty file; expected a video")
    with quiet_opencv():
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise SourceError(
            f"{path}: found no video that can be read ({path.stat().st_size} bytes); expected a whole video file. "
            "Is it truncated, or not a video?"
        )
    return capture


SOURCE = SourceType("video", VideoSettings, VideoSource)
