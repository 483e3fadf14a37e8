"""Single pictures of sessions and videos, for a page that draws on them; it knows no ROS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlstream_common import DlstreamError, encoding_of, to_bgr

_QUALITY = 90


class FrameError(DlstreamError):
    """There is no such picture."""


@dataclass(frozen=True)
class Still:
    """A picture as a JPEG, and where it comes from in words, such as "frame 12 of 600"."""

    jpeg: bytes
    words: str


def session_frame(folder: Path, camera: str, at: float) -> Still:
    """A frame of a session's video.

    Args:
        at: where in the recording, from 0 (its first frame) to 1 (its last one).

    Raises:
        DlstreamError: the session has no video of this camera, or that has no such frame.
    """
    from dlstream_recorder import read_session  # here, as the panel of a rig that nobody draws on needs none of it
    from dlstream_recorder.report.report import is_depth, read_frame
    from dlstream_recorder.report.tables import read_frames, segment_stems, sibling

    cameras = dict(read_session(folder)["cameras"])
    stems = segment_stems(folder, camera) if camera in cameras else []
    parts = [(stem, len(read_frames(stem))) for stem in stems if sibling(stem, "mkv").exists()]
    total = sum(count for _, count in parts)
    if not total:
        others = f"; expected one of {', '.join(cameras)}" if cameras and camera not in cameras else ""
        raise FrameError(f"session {folder.name}: found no video of the camera '{camera}'{others}")
    row = number = round(min(max(at, 0.0), 1.0) * (total - 1))
    for stem, count in parts:
        if row < count:
            return Still(jpeg_of(read_frame(stem, row, is_depth(cameras[camera]))), f"frame {number} of {total}")
        row -= count
    raise AssertionError("a row below the total lies in one of the parts")


def video_frame(file: Path, at: float) -> Still:
    """A frame of a video file or a stack of images.

    Args:
        at: where in it, from 0 (its beginning) to 1 (its end).

    Raises:
        DlstreamError: it is no video, or has no frame that can be decoded.
    """
    from dlstream_common.video import VideoFile, VideoFrame, open_frames

    frames = open_frames(file, fps=1.0)
    image = None
    if isinstance(frames, VideoFile) and frames.seconds > 0 and at > 0:
        seconds = min(at, 1.0) * frames.seconds
        image, words = frames.image_at(seconds), f"at {seconds:.1f} of {frames.seconds:.1f} s"
    if image is None:
        image = next((item.image for item in frames.frames() if isinstance(item, VideoFrame)), None)
        words = "the first frame"
    if image is None:
        raise FrameError(f"{file.name}: found no frame that can be decoded; expected a video")
    return Still(jpeg_of(image), words)


def jpeg_of(image: Any) -> bytes:
    """An image, in OpenCV's channel order, as a JPEG."""
    import cv2

    done, data = cv2.imencode(".jpg", to_bgr(image, encoding_of(image)), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise FrameError("this picture can't be written as a JPEG")
    return bytes(data)
