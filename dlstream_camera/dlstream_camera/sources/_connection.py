"""What a live camera's reader talks to: a network stream, a local device, a vendor's library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from dlstream_camera.sources._format import LossKind, Readback, StampSource
from dlstream_common import Image
from dlstream_common.calibration import Calibration


class DamagedFrameError(Exception):
    """A frame arrived that can't be used; the next one may be fine.

    Args:
        kind: "failed" if it came incomplete, "damaged" if it can't be decoded.
        missed: frames missing before this one, by the device's own numbers.
    """

    def __init__(self, text: str, kind: LossKind = "damaged", missed: int = 0) -> None:
        super().__init__(text)
        self.kind, self.missed = kind, missed


class DisconnectedError(Exception):
    """This connection delivers no more frames; the text says why, such as a stream that ended or fell silent."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A decoded image and its stamp.

    Attributes:
        stamp: the acquisition, or else the arrival: nanoseconds since the epoch.
        missed: frames missing before this one, by the device's own numbers.
        skipped: frames before this one that the driver says it left out; not among those missed.
    """

    image: Image
    stamp: int
    missed: int = 0
    skipped: int = 0


class Connection(ABC):
    """An open camera. A subclass sets those of its attributes that differ.

    Attributes:
        name: the device or what opens it, in words: "OpenCV V4L2", "Basler acA1300-60gm (GigE)".
        hardware_id: its serial number, or else its address.
        fps: frames per second, as the camera announces them; 0 if it doesn't.
        size: width and height of its images, if the device knows them before the first one.
        settings: what the device says of its settings.
        waits_for: what each frame waits for, such as "a trigger on Line1"; empty: frames come by themselves.
        silence: seconds after which a camera whose frames come by themselves is lost if no good one comes; 0: no limit,
            `read` has its own.
        stamp_source: what the last stamp was.
        uncertainty: greatest error of the stamps' conversion to this computer's time, nanoseconds; None: not converted.
        calibration: of its images, if the device knows it.
    """

    name: str = ""
    hardware_id: str = ""
    fps: float = 0.0
    size: tuple[int, int] | None = None
    settings: tuple[Readback, ...] = ()
    waits_for: str = ""
    silence: float = 0.0
    stamp_source: StampSource = "arrival"
    uncertainty: int | None = None
    calibration: Calibration | None = None

    @abstractmethod
    def read(self) -> Taken | None:
        """Waits for the next frame, at most half a second if `waits_for` or `silence` is set: None if none came.

        Raises:
            DamagedFrameError: one arrived that can't be used.
            DisconnectedError: no more frames will come.
        """

    @abstractmethod
    def close(self) -> None:
        """Releases the camera."""
