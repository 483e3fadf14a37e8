"""What reading recorded frames gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dlstream_common.frame import Image


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """A frame as a person sees it: upright, and in colour unless the file has 16 bits of grey.

    Attributes:
        number: 0, 1, 2, ... in the order of presentation; lost frames are counted.
        time: nanoseconds since the first frame, by the file's own stamps.
        image: (height, width, 3) uint8, blue, green, red; 16 bits of grey as they are, (height, width) uint16.
    """

    number: int
    time: int
    image: Image


@dataclass(frozen=True, slots=True)
class LostFrame:
    """A frame that is in the file and can't be decoded; number and time as of a `VideoFrame`."""

    number: int
    time: int
    reason: str


class FrameFile(Protocol):
    """Frames that can be read once or more often.

    Attributes:
        width, height: of the upright frames, in pixels.
        fps: frames a second on average, as the file announces it or as asked for; None where it does not say.
        expected: about how many frames there are, for a progress bar and nothing else; 0 where that is not known.
        remarks: what a person should know of how it is read, such as a rate that was assumed.
    """

    path: Path
    width: int
    height: int
    fps: float | None
    expected: int
    remarks: tuple[str, ...]

    def frames(self) -> Iterator[VideoFrame | LostFrame]:
        """All frames from the first on, in order. Closing the iterator closes the file."""
