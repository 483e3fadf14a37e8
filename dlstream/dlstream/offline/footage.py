"""Frames that were recorded: every one of them, in order, as fast as they are wanted.

Stamps come from the files alone. A session's own video has those of the acquisition; another video has its presentation
times, counted from 2000-01-01; a folder of images has a rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd

from dlstream_camera import Camera, SourceSettings, crop_slices
from dlstream_camera.sources.video import VideoSettings, check_video
from dlstream_common import Frame, Image, SourceError, encoding_of
from dlstream_recorder import JOURNAL

EPOCH = 946_684_800_000_000_000
"""2000-01-01T00:00:00Z, in nanoseconds: when footage begins that does not say when."""
_IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}
_SECOND = 1_000_000_000


@dataclass(frozen=True)
class Footage:
    """Frames of one camera.

    Attributes:
        name: of the file or folder, without its ending.
        count: how many frames there should be.
        frames: gives them, once or more often.
        session: the session folder that they were recorded in, if they were.
    """

    name: str
    camera: str
    count: int
    frames: Callable[[], Iterator[Frame]]
    session: Path | None = None


def open_footage(path: Path, camera: str, options: SourceSettings, fps: float = 0.0) -> Footage:
    """A video file (a session's own or any other), or a folder of images in the order of their names.

    Args:
        options: crop and colour; a session's own video has them already.
        fps: in place of the file's own times; for images, 30 where it is 0.

    Raises:
        SourceError: it can't be read.
    """
    if path.is_dir():
        return _images(path, camera, options, fps or 30.0)
    table = path.with_name(f"{path.stem}.frames.csv")
    if path.suffix == ".mkv" and table.exists() and (path.parent / "session.json").exists() and not fps:
        return _recorded(path, table, camera)
    check_video(path)
    stamps = _presentation_times(path, fps)
    return Footage(path.stem, camera, len(stamps), lambda: _video(path, camera, options, stamps))


def _recorded(path: Path, table: Path, camera: str) -> Footage:
    frames = pd.read_csv(table, dtype="int64")
    camera = path.stem.split(".")[0] if camera == "" else camera

    def read() -> Iterator[Frame]:
        sequences, stamps = frames["sequence"].tolist(), frames["stamp_ns"].tolist()
        with av.open(str(path)) as container:
            decoded = container.decode(video=0)
            for sequence, stamp, picture in zip(sequences, stamps, decoded, strict=False):
                image, encoding = _pixels(picture)
                yield Frame(camera, sequence, stamp, image, encoding)

    session = path.parent if (path.parent / JOURNAL).exists() else None
    return Footage(path.stem, camera, len(frames), read, session)


def _pixels(picture: av.VideoFrame) -> tuple[Image, str]:
    """The image as it was recorded, bit by bit where the video is lossless."""
    if picture.format.name in ("gray", "gray16le"):
        image = picture.to_ndarray()
        return image, encoding_of(image)
    if picture.format.name == "yuv422p":
        brightness, blue, red = (
            np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
            for plane in picture.planes
        )
        image = np.empty((*brightness.shape, 2), np.uint8)
        image[:, :, 1], image[:, 0::2, 0], image[:, 1::2, 0] = brightness, blue, red
        return image, "uyvy"
    return picture.to_ndarray(format="bgr24"), "bgr8"


def _presentation_times(path: Path, fps: float) -> list[int]:
    """When each frame is shown, nanoseconds, in order."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet.pts for packet in container.demux(stream) if packet.size]
        tick = Fraction(stream.time_base or Fraction(1, 90_000))
        rate = Fraction(fps).limit_denominator(10**6) if fps else Fraction(stream.average_rate or 30)
    times = sorted(pts for pts in packets if pts is not None)
    if fps or len(times) < len(packets) or len(set(times)) < len(times):
        return [EPOCH + int(number * _SECOND / rate) for number in range(len(packets))]
    return [EPOCH + int((pts - times[0]) * tick * _SECOND) for pts in times]


def _video(path: Path, name: str, options: SourceSettings, stamps: list[int]) -> Iterator[Frame]:
    camera = Camera(name, VideoSettings(path=path, pace=False, crop=options.crop, color=options.color))
    camera.open()
    try:
        while (shot := camera.read()) is not None:
            frame = shot.frame
            if frame.sequence >= len(stamps):  # a packet may hold more than one frame
                step = stamps[-1] - stamps[-2] if len(stamps) > 1 else _SECOND // 30
                stamps.append(stamps[-1] + step)
            yield Frame(name, frame.sequence, stamps[frame.sequence], frame.image, frame.encoding)
    finally:
        camera.close()


def _images(folder: Path, camera: str, options: SourceSettings, fps: float) -> Footage:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _IMAGES)
    if not files:
        raise SourceError(f"{folder}: found no images in it; expected files that end in {', '.join(sorted(_IMAGES))}")
    rate = Fraction(fps).limit_denominator(10**6)

    def read() -> Iterator[Frame]:
        for number, path in enumerate(files):
            image = cv2.imread(str(path), cv2.IMREAD_COLOR if options.color else cv2.IMREAD_GRAYSCALE)
            if image is None:
                raise SourceError(f"{path}: found no image that can be read")
            rows, columns = crop_slices(options.crop, image.shape[1], image.shape[0])
            image = np.ascontiguousarray(image[rows, columns])
            yield Frame(camera, number, EPOCH + int(number * _SECOND / rate), image, encoding_of(image))

    return Footage(folder.resolve().name, camera, len(files), read)
