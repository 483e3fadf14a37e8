"""Video files and images: at their own times, at a fixed rate, or as fast as they can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from dlstream_camera.rate_limiter import Schedule
from dlstream_camera.sources._base import Capture, Format, FrameSource, Notice, SourceSettings
from dlstream_camera.sources._losses import Losses
from dlstream_common import ExistingFile, Problem, Severity, SourceError, now
from dlstream_common.video import LostFrame, PictureCheck, Remark, VideoFrame, open_frames

_LOOKED_AT = 10
"""Frames decoded before a run to see whether they look right."""


class VideoSettings(SourceSettings):
    """A video file in place of a camera."""

    source: Literal["video"] = "video"
    """The kind of source."""
    frozen_after: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """As of every camera; but what is recorded may stand still."""
    path: ExistingFile
    """The video file, or a TIFF stack."""
    fps: Annotated[float, Field(ge=0, le=10000)] = 0.0
    """Frames per second; 0: each frame at its own time in the file."""
    pace: bool = True
    """True: in real time; false: as fast as frames can be read and published."""
    loop: bool = False
    """True: start again at the end; false: the camera node ends with the video."""

    def image_size(self) -> tuple[int, int]:
        file = open_frames(self.path, self.fps)
        return file.width, file.height

    def frame_rate(self) -> float | None:
        return open_frames(self.path, self.fps).fps if self.pace else None

    def check(self) -> list[Problem]:
        problems = super().check()
        return problems if problems else [*self._remarks()]

    def _remarks(self) -> Iterator[Problem]:
        file = open_frames(self.path, self.fps)
        for remark in file.remarks:
            yield Problem(("path",), remark, "a video with times and a single stream", severity=Severity.WARNING)
        look = PictureCheck()
        said: list[Remark] = []
        for item, _ in zip(file.frames(), range(_LOOKED_AT), strict=False):
            said += look.add(item.image, item.number, item.time) if isinstance(item, VideoFrame) else []
        for one in said or look.finish():
            yield Problem(("path",), one.text, "pictures that show something", severity=Severity.WARNING)


class VideoSource(FrameSource[VideoSettings]):
    """Reads every frame of a video file, in order; one that can't be decoded is reported and counted."""

    _items: Iterator[VideoFrame | LostFrame] | None = None
    _held: VideoFrame | None = None
    """A frame that was waiting for its time when `stop` was called."""
    _number = 0

    def __init__(self, settings: VideoSettings) -> None:
        super().__init__(settings)
        self._schedule = Schedule()

    def open(self) -> Format:
        settings = self.settings
        self._file = open_frames(settings.path, settings.fps)
        self._remarks = list(self._file.remarks)
        self._losses = Losses(lambda notice: self.on_notice(notice))
        self._held = None
        self._schedule.restart()
        self._items = self._file.frames()
        self._number = 0
        fps = (self._file.fps or 0.0) if settings.pace else 0.0
        path = settings.path
        return Format(self._file.width, self._file.height, fps, f"video {path}", hardware_id=path.name)

    def read(self) -> Capture | None:
        item, self._held = self._held or self._next(), None
        if item is None and self.settings.loop and self._number:
            self._items = self._file.frames()
            self._number = 0
            self._schedule.restart()
            item = self._next()
        self._losses.tick()
        if item is None:
            self._losses.flush()
            return None
        stamp = self._schedule.wait(item.time / 1e9) if self.settings.pace else now()
        if stamp is None:
            self._held = item
            return None
        self._number += 1
        return Capture(item.image, stamp, item.number, self._losses.count)

    def stop(self) -> None:
        self._schedule.stop()

    def close(self) -> None:
        if self._items is not None:
            self._items.close()  # type: ignore[attr-defined]
            self._items = None

    def _next(self) -> VideoFrame | None:
        """The next frame that can be decoded."""
        if self._items is None:
            raise SourceError(f"{self.settings.path}: not open")
        while self._remarks:
            self.on_notice(Notice("remark", self._remarks.pop(0)))
        for item in self._items:
            if isinstance(item, VideoFrame):
                return item
            self._losses.add(item.number, item.reason)
        return None
