"""What a live camera's reader talks to: a network stream or a local device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dlstream_common import Image


class DamagedFrameError(Exception):
    """A frame arrived that can't be decoded; the next one may be fine."""


class DisconnectedError(Exception):
    """This connection delivers no more frames; the text says why, such as a stream that ended or fell silent."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A decoded image, and when it arrived: nanoseconds since the epoch."""

    image: Image
    stamp: int


class Connection(Protocol):
    """An open camera.

    Attributes:
        name: what opens it: FFmpeg's or OpenCV's name for the kind of device.
        fps: frames per second, as the camera announces them; 0 if it doesn't.
    """

    name: str
    fps: float

    def read(self) -> Taken:
        """Waits for the next frame.

        Raises:
            DamagedFrameError: one arrived that can't be decoded.
            DisconnectedError: no more frames will come.
        """

    def close(self) -> None:
        """Releases the camera."""
