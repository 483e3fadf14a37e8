"""What a reader of recorded frames returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dlstream_common.frame import Image


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """A frame as a viewer shows it: upright, and in colour unless the file has 16-bit grey.

    Attributes:
        number: 0, 1, 2, ... in the order of presentation, including lost frames.
        time: nanoseconds since the first frame, by the file's own stamps.
        image: (height, width, 3) uint8, blue, green, red; 16-bit grey is unchanged: (height, width) uint16.
    """

    number: int
    time: int
    image: Image


@dataclass(frozen=True, slots=True)
class LostFrame:
    """A frame in the file that can't be decoded, or is of another size; number and time as in a `VideoFrame`.

    Attributes:
        size: width and height of one that was lost only because of them.
    """

    number: int
    time: int
    reason: str
    size: tuple[int, int] | None = None


class FrameFile(Protocol):
    """Frames that can be read once or repeatedly.

    Attributes:
        width, height: of the upright frames, in pixels.
        fps: average frames per second, as given by the file or by the caller; None if unknown.
        expected: approximate number of frames, only for a progress bar; 0 if unknown.
        remarks: what users should know about how it is read, such as an assumed frame rate.
    """

    path: Path
    width: int
    height: int
    fps: float | None
    expected: int
    remarks: tuple[str, ...]

    def frames(self) -> Iterator[VideoFrame | LostFrame]:
        """All frames in order, from the first on. Closing the iterator closes the file."""


def other_size(number: int, time: int, image: Image, width: int, height: int, whose: str) -> LostFrame:
    """The lost frame for an image that has not the size that was expected, which is `whose`."""
    size = image.shape[1], image.shape[0]
    return LostFrame(number, time, f"it is {size[0]}x{size[1]}; expected {width}x{height}, the size of {whose}", size)
