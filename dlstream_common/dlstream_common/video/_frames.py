"""Opens any file or folder of recorded frames."""

from __future__ import annotations

from pathlib import Path

from dlstream_common.errors import SourceError
from dlstream_common.video._images import IMAGE_ENDINGS, ImageFiles
from dlstream_common.video._items import FrameFile, LostFrame, VideoFrame
from dlstream_common.video._names import check_name
from dlstream_common.video._video import VideoFile

__all__ = ["FrameFile", "LostFrame", "VideoFrame", "open_frames"]


def open_frames(path: Path, fps: float = 0.0) -> FrameFile:
    """Opens a video file, a folder of images, an image, or a TIFF stack.

    Args:
        fps: frames per second, instead of the file's own times; 0: its own times, and 30 for images.

    Raises:
        SourceError: it can't be read as any of these.
    """
    if not path.exists():
        raise SourceError(f"{path}: found no such file; expected a video or images")
    check_name(path)
    if path.is_file() and path.stat().st_size == 0:
        raise SourceError(f"{path}: found an empty file; expected a video or an image")
    if path.is_dir() or path.suffix.lower() in IMAGE_ENDINGS:
        return ImageFiles(path, fps)
    return VideoFile(path, fps)
