"""A camera that is a folder of images, given one after the other."""

from pathlib import Path
from typing import Annotated

import cv2
from pydantic import Field

from dlstream_camera import Capture, Format, FrameSource, RateLimiter, SourceSettings
from dlstream_common import AnyPath, SourceError


class ImageFolderSettings(SourceSettings):
    """The PNG images of a folder, in the order of their names."""

    folder: AnyPath
    """The folder."""
    fps: Annotated[float, Field(gt=0, le=1000)] = 30.0
    """Frames a second."""

    def images(self) -> list[Path]:
        """The files, of which there is one at least."""
        files = sorted(self.folder.glob("*.png"))
        if not files:
            raise SourceError(f"{self.folder}: found no image; expected files that end in .png")
        return files

    # What `dlstream check` asks before anything starts: crops and regions are held against it.
    def image_size(self) -> tuple[int, int]:
        height, width = cv2.imread(str(self.images()[0])).shape[:2]
        return width, height

    def frame_rate(self) -> float:
        return self.fps


class ImageFolder(FrameSource[ImageFolderSettings]):
    """See ImageFolderSettings."""

    def open(self) -> Format:
        self._files = self.settings.images()
        self._next = 0
        self._limiter = RateLimiter(self.settings.fps)
        return Format(*self.settings.image_size(), self.settings.fps, f"images in {self.settings.folder}")

    def read(self) -> Capture | None:
        if self._next == len(self._files):
            return None  # the end
        stamp = self._limiter.wait()
        number, self._next = self._next, self._next + 1
        return Capture(cv2.imread(str(self._files[number])), stamp, number)

    def close(self) -> None:
        self._files = []
