"""Folders of images, single images, and TIFF stacks page by page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dlstream_common.bits import few_bits
from dlstream_common.errors import SourceError
from dlstream_common.file_kinds import HEIC, VIDEOS, kind_of_file
from dlstream_common.frame import Image
from dlstream_common.quiet import quiet_opencv
from dlstream_common.video._doubts import doubt_about_numbers
from dlstream_common.video._imagej import check_stack, doubt_about_channels
from dlstream_common.video._items import LostFrame, VideoFrame, other_size
from dlstream_common.video._names import check_name
from dlstream_common.video._tiff import refuse_broken_chain
from dlstream_common.video._whole import is_whole_picture

IMAGE_ENDINGS = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
VIDEO_ENDINGS = frozenset(
    (".3gp", ".asf", ".avi", ".dv", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf")
    + (".ogv", ".seq", ".ts", ".vob", ".webm", ".wmv", ".264", ".265", ".h264", ".h265", ".hevc", ".mjpeg", ".mjpg")
)
"""Of the files in a folder that count as videos; raw streams without a rate say so when they are opened."""
_OTHERS = frozenset((".avif", ".dng", ".exr", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jxl", ".tga"))
"""Images that are not read."""
_SHOWN = 3
_STACKS = (".tif", ".tiff")
_MAY_MOVE = (".png", ".webp")
"""Images that can be animations."""
_USUAL_RATE = 30.0
_AS_IT_IS: Any = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH
_LOOKED_AT = 9
"""Images, spread over all of them, that show which size is the usual one."""
_AT_ONCE = 1 << 28
"""Bytes of pages that are in memory at once: OpenCV walks through all pages before those that it reads."""
_FIRST = 4
"""Pages that are read first; then twice as many at a time."""
_SECOND = 1_000_000_000


class ImageFiles:
    """Images as frames, see `FrameFile`. They have no times, so they are one period of the frame rate apart.

    Args:
        path: a folder, whose images are read in natural order (img2 before img10; names that begin with a dot are
            skipped), or one image. A TIFF file may have many pages.
        fps: frames per second; 0: 30.

    Images of another size than most of them are lost frames: their poses would be of another scale.

    Attributes:
        files: the image of each frame, in their order, or the one file that holds all of them; empty where several
            files hold more frames than one each.

    Raises:
        SourceError: there are no images, none can be read, or one of the files holds several of which only the first
            one could be read: an animation, or a large stack of ImageJ.
    """

    def __init__(self, path: Path, fps: float = 0.0) -> None:
        self.path = path
        self._files = _files(path)
        self._rate = Fraction(fps or _USUAL_RATE).limit_denominator(10**6)
        self.fps: float | None = float(self._rate)
        counts = [_pages(file) for file in self._files]
        self.expected = sum(counts)
        whole = len(self._files) == 1 or self.expected == len(self._files)
        self.files = tuple(self._files) if whole else ()
        first = self._usual(counts)
        self.height, self.width = first.shape[:2]
        remarks = [f"images have no times; {_USUAL_RATE:g} fps assumed. --fps (in a rig file: 'fps') sets another rate"]
        remarks = remarks if not fps and self.expected > 1 else []
        remarks += doubt_about_numbers([file.name for file in self._files])
        remarks += _doubt_about_others(path) if path.is_dir() else []
        if path.suffix.lower() in _STACKS and path.is_file():
            remarks += doubt_about_channels(path)
        if first.dtype == np.uint16 and first.ndim == 3 and (problem := few_bits(first)):
            remarks.append(problem)  # only 8 bits of 16-bit colour are passed on, which would hide the problem
        self.remarks = tuple(remarks)

    def frames(self) -> Iterator[VideoFrame | LostFrame]:
        """See `FrameFile`."""
        number = 0
        for file in self._files:
            for image in _images_of(file):
                time = int(number * _SECOND / self._rate)
                if isinstance(image, str):
                    yield LostFrame(number, time, image)
                elif image.shape[:2] != (self.height, self.width):
                    yield other_size(number, time, image, self.width, self.height, "the others")
                else:
                    yield VideoFrame(number, time, _published(image))
                number += 1

    def _usual(self, counts: list[int]) -> Image:
        """An image of the size that most of them have, as far as a few of them show.

        Args:
            counts: the pages of each file.
        """
        ends = np.cumsum(counts)
        found = []
        for number in sorted({number * (self.expected - 1) // (_LOOKED_AT - 1) for number in range(_LOOKED_AT)}):
            which = int(np.searchsorted(ends, number, side="right"))
            found.append(_page(self._files[which], number - int(ends[which]) + counts[which], counts[which]))
        images = [image for image in found if not isinstance(image, str)]
        if images:
            sizes = Counter(image.shape[:2] for image in images)
            return max(images, key=lambda image: sizes[image.shape[:2]])  # of several, the first one
        reason = ""
        for image in (image for file in self._files for image in _images_of(file)):
            if not isinstance(image, str):
                return image
            reason = reason or image
        raise SourceError(f"{self.path}: found no image that can be read ({reason}); expected at least one")


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        _check_file(path)
        return [path]
    try:
        shown = sorted(file for file in path.iterdir() if file.name[0] != ".")
    except OSError as error:
        raise SourceError(f"{path}: can't be read ({error.strerror}); expected a folder of images") from error
    files = [file for file in shown if file.suffix.lower() in IMAGE_ENDINGS]
    video = next((file for file in shown if file.suffix.lower() in VIDEO_ENDINGS), None)
    if not files and video is not None:
        raise SourceError(
            f"{path}: found a folder of videos; expected one of them, such as {video.name}, or a folder of images. "
            f"`dlstream track {path}` tracks all of them"
        )
    if not files:
        raise SourceError(f"{path}: found no images in it; expected files that end in {', '.join(IMAGE_ENDINGS)}")
    for file in files:
        if not file.name.isprintable():  # what is no UTF-8 isn't, and to resolve every path takes time
            check_name(file)
        with suppress(OSError):  # a lost frame
            _check_count(file)
    return sorted(files, key=_natural)


def _doubt_about_others(folder: Path) -> list[str]:
    """A remark on images of kinds that are not read."""
    names = sorted(file.name for file in folder.iterdir() if file.suffix.lower() in _OTHERS and file.name[0] != ".")
    if not names:
        return []
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return [
        f"{len(names)} images beside them are left out ({shown}): expected names that end in "
        f"{', '.join(IMAGE_ENDINGS)}. Convert or rename them"
    ]


def _check_file(path: Path) -> None:
    """Raises SourceError for a file of which cv2 would read nothing, or only the first picture, without a word."""
    try:
        kind = kind_of_file(path)
        if kind in VIDEOS:
            hint = f"Rename it, such as {path.stem}.mp4"
            raise SourceError(f"{path}: found {kind}; expected an image, by its ending. {hint}")
        if kind == HEIC and not cv2.haveImageReader(str(path)):
            hint = f"Convert it, such as by `heif-convert {path.name} {path.stem}.png`"
            raise SourceError(f"{path}: found {kind}; expected one that ends in {', '.join(IMAGE_ENDINGS)}. {hint}")
        _check_count(path)
    except OSError as error:
        raise SourceError(f"{path}: can't be read ({error.strerror}); expected an image") from error


def _check_count(path: Path) -> None:
    """Raises SourceError for a file of which cv2 would read only the first picture; OSError if it can't be read."""
    if path.suffix.lower() in _STACKS:
        check_stack(path)
        refuse_broken_chain(path)
    if path.suffix.lower() not in _MAY_MOVE:
        return
    with quiet_opencv():
        try:
            count = cv2.imcount(str(path))
        except cv2.error:
            return
    if count > 1:
        raise SourceError(
            f"{path}: found an animation of {count} pictures; expected one image. Convert it to a video, such as an MP4"
        )


def _natural(file: Path) -> tuple[list[tuple[int, str]], str]:
    """img2 comes before img10."""
    parts = re.split(r"(\d+)", file.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], file.name


def _pages(file: Path) -> int:
    if file.suffix.lower() not in _STACKS:
        return 1
    with quiet_opencv():
        try:
            return max(1, cv2.imcount(str(file)))
        except cv2.error:
            return 1


def _images_of(file: Path) -> Iterator[Image | str]:
    """Yields the image, or each page; or the reason why one can't be read."""
    pages = _pages(file)
    start, count = 0, _FIRST
    while start < pages:
        count = min(count, pages - start)
        found = _read(file) if pages == 1 else _read_each(file, start, count)
        for number, image in enumerate(found):
            where = file.name if pages == 1 else f"{file.name}, page {start + number + 1}"
            yield f"{where} can't be read as an image" if image is None else _checked(image, where)
        start += count
        largest = max((image.nbytes for image in found if image is not None), default=0)
        count = min(2 * count, max(_FIRST, _AT_ONCE // largest)) if largest else count


def _page(file: Path, number: int, pages: int) -> Image | str:
    """One page of a file, or why it can't be read."""
    found = (_read(file) if pages == 1 else _read_pages(file, number, 1)) or [None]
    return "" if found[0] is None else _checked(found[0], file.name)


def _read(file: Path) -> list[Any]:
    with quiet_opencv():
        try:
            data = file.read_bytes()
            return [cv2.imdecode(np.frombuffer(data, np.uint8), _AS_IT_IS) if is_whole_picture(data) else None]
        except (cv2.error, OSError):
            return [None]


def _read_pages(file: Path, start: int, count: int) -> list[Any]:
    with quiet_opencv():
        try:
            _, found = cv2.imreadmulti(str(file), start, count, flags=_AS_IT_IS)
        except cv2.error:
            return []
    return list(found)


def _read_each(file: Path, start: int, count: int) -> list[Any]:
    """As many pages as asked for; None for each that can't be read."""
    found = _read_pages(file, start, count)
    if len(found) == count:
        return found
    if count == 1:
        return [None]
    half = count // 2
    return _read_each(file, start, half) + _read_each(file, start + half, count - half)


def _checked(image: Image, where: str) -> Image | str:
    if image.dtype in (np.uint8, np.uint16):
        return image
    return f"{where} has values of type {image.dtype}; expected 8 or 16 bits without a sign. Convert it"


def _published(image: Image) -> Image:
    """The image as in a `VideoFrame`: 8-bit colour or 16-bit grey."""
    if image.dtype == np.uint16:
        return image if image.ndim == 2 else (image >> 8).astype(np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8) if image.ndim == 2 else image
