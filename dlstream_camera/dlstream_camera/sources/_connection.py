"""What a live camera's reader talks to: a stream over the network, or a device of this computer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dlstream_common import Image


class DamagedFrameError(Exception):
    """One frame came and can't be decoded; the next one may be whole."""


class DisconnectedError(Exception):
    """No more frames come by this connection; the text says why: its end, silence, or a device that is gone."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A decoded image, and when it came: nanoseconds since the epoch."""

    image: Image
    stamp: int


class Connection(Protocol):
    """An open camera.

    Attributes:
        name: how it is opened, such as FFmpeg's or OpenCV's name of the kind of device.
        fps: frames a second as the camera announces them; 0 where it does not.
    """

    name: str
    fps: float

    def read(self) -> Taken:
        """Waits for the next frame.

        Raises:
            DamagedFrameError: one came that can't be decoded.
            DisconnectedError: none comes any more.
        """

    def close(self) -> None:
        """Gives the camera back."""
