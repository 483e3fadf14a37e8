"""Frames that were recorded: every one of them, in order, as fast as they are read.

Stamps come only from the files. A session's own video has those of the acquisition; another video has its presentation
times, counted from when it was recorded, if that is known, else from 2000-01-01; images have a rate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd

from dlstream.offline.outside import Due
from dlstream.offline.recorded_at import Recorded, recorded_at
from dlstream.offline.rows import in_rows, times_of_rows
from dlstream_camera import SourceSettings, crop_slices
from dlstream_common import DlstreamError, Frame, Image, RecordingError, SourceError, encoding_of
from dlstream_common.video import (
    FrameFile,
    ImageFiles,
    LostFrame,
    ToImage,
    VideoFile,
    VideoFrame,
    ahead,
    check_name,
    open_frames,
)
from dlstream_recorder import JOURNAL, read_session
from dlstream_recorder.report.report import is_depth
from dlstream_recorder.writers.session_file import UNDATED

EPOCH = UNDATED
"""2000-01-01T00:00:00Z, in nanoseconds: the start of footage without a date."""


@dataclass(frozen=True)
class Lost:
    """A frame that can't be decoded, in the place of a `Frame`: its number, its stamp, and why."""

    sequence: int
    stamp: int
    reason: str


@dataclass(frozen=True)
class Footage:
    """Frames of one camera.

    Attributes:
        name: of the file or folder, without its ending.
        count: about how many frames there are; 0 where that is not known.
        frames: gives them, once or more often.
        session: the session folder that they were recorded in, if they were.
        remarks: what a person should know of how they are read.
        values: from outside, such as those of a bag's other topics; a session's are in its journal.
        date_from: what a video's date is from, `said` or `file`; empty: it has none, or its own stamps.
        images: as `ImageFiles.files`; empty where it is no images.
    """

    name: str
    camera: str
    count: int
    frames: Callable[[], Iterator[Frame | Lost]]
    session: Path | None = None
    remarks: tuple[str, ...] = ()
    values: Sequence[Due] = ()
    date_from: str = ""
    images: tuple[Path, ...] = ()


def open_footage(
    path: Path, camera: str, options: SourceSettings, fps: float = 0.0, recorded: str | None = None
) -> Footage:
    """A video file (a session's own or any other), an image stack, or a folder of images.

    Args:
        options: crop and colour; a session's own video has them already.
        fps: in place of the file's own times; for images, 30 where it is 0.
        recorded: when, see `recorded_at`; empty: as the file says; None: stamps shall begin on 2000-01-01.

    Raises:
        SourceError: it can't be read. Also at the end of its frames, if more than half of them were of another size
            than the first one of a video, or than a few of many images: that size was not the right one.
    """
    table = path.parent / f"{path.stem}.frames.csv"  # the path may be "."
    if path.suffix == ".mkv" and table.exists() and (path.parent / "session.json").exists() and not fps:
        check_name(path)
        if recorded:
            raise DlstreamError(
                f"--recorded-at: found '{recorded}', and the video of a session, whose stamps say when it was "
                "recorded; expected only one of them: omit --recorded-at"
            )
        return _recorded(path, table, camera)
    file = open_frames(path, fps)
    date = Recorded() if recorded is None else recorded_at(path, recorded)
    remarks = (*file.remarks, *([date.remark] if date.remark else []))
    name = path.resolve().name if path.is_dir() else path.stem
    return Footage(
        name,
        camera,
        file.expected,
        lambda: ahead(_frames(file, camera, options, date.stamp)),
        remarks=remarks,
        date_from=date.source,
        images=file.files if isinstance(file, ImageFiles) else (),
    )


def _frames(file: FrameFile, camera: str, options: SourceSettings, start: int) -> Iterator[Frame | Lost]:
    rows, columns = crop_slices(options.crop, file.width, file.height)
    count, others = 0, Counter[tuple[int, int]]()
    for item in file.frames():
        count += 1
        if isinstance(item, LostFrame):
            others.update([item.size] if item.size else [])
            yield Lost(item.number, start + item.time, item.reason)
            continue
        image = np.ascontiguousarray(item.image[rows, columns])
        if not options.color and image.ndim == 3:
            image = _grey(image)
        yield Frame(camera, item.number, start + item.time, image, encoding_of(image))
    if 2 * others.total() > count:
        usual, found = others.most_common(1)[0]
        raise SourceError(
            f"{file.path}: found {found} of {count} frames of {usual[0]}x{usual[1]}; expected most of "
            f"{file.width}x{file.height}, {_sized_by(file)}"
        )


def _sized_by(file: FrameFile) -> str:
    if isinstance(file, VideoFile):
        return "as its first frame. Cut it where its size changes, such as by `ffmpeg -ss SECONDS -i FILE -c copy NEW`"
    return "as most of a few that were looked at before. Put the images of each size into a folder of their own"


def _grey(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), image.dtype)


def _recorded(path: Path, table: Path, camera: str) -> Footage:
    """A session's own video, whose table has each frame's number and stamp."""
    rows = pd.read_csv(table, dtype="int64")
    camera = path.stem.split(".")[0] if camera == "" else camera
    file, depth = VideoFile(path, pixels=_AsRecorded, origin=0), _shows_depth(path)

    def read() -> Iterator[Frame | Lost]:
        sequences, stamps = _numbers(rows["sequence"].tolist()), rows["stamp_ns"].tolist()
        for row, item in in_rows(file.frames(), times_of_rows(rows)):
            if isinstance(item, VideoFrame):
                yield Frame(camera, sequences[row], stamps[row], item.image, _encoding(item.image, depth))
            else:
                yield Lost(sequences[row], stamps[row], item.reason if item else "its video lacks it")

    session = path.parent if (path.parent / JOURNAL).exists() else None
    return Footage(path.stem, camera, len(rows), lambda: ahead(read()), session)


def _numbers(sequences: Sequence[int]) -> list[int]:
    """The camera's numbers; where a recovered session does not know one, the count goes on from the frame before."""
    numbers: list[int] = []
    for sequence in sequences:
        following = numbers[-1] + 1 if numbers else 0
        numbers.append(following if sequence < 0 else sequence)
    return numbers


class _AsRecorded(ToImage):
    """Images as they were recorded, bit by bit where the video is lossless."""

    def __call__(self, picture: av.VideoFrame) -> Image:
        if picture.format.name == "gray":
            return picture.to_ndarray()
        if picture.format.name == "yuv422p":
            brightness, blue, red = (
                np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
                for plane in picture.planes
            )
            image = np.empty((*brightness.shape, 2), np.uint8)
            image[:, :, 1], image[:, 0::2, 0], image[:, 1::2, 0] = brightness, blue, red
            return image
        return super().__call__(picture)


def _encoding(image: Image, depth: bool) -> str:
    encoding = "uyvy" if image.ndim == 3 and image.shape[2] == 2 else encoding_of(image)
    return "16UC1" if depth and encoding == "mono16" else encoding


def _shows_depth(path: Path) -> bool:
    """Whether a session's own video is of a depth camera: the file itself only says that it has grey of 16 bits."""
    try:
        cameras = read_session(path.parent)["cameras"]
    except RecordingError:
        return False
    stem = path.stem.split(".")[0]
    return any(is_depth(about) for name, about in cameras.items() if name.replace("/", "_") == stem)
