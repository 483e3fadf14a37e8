"""What sources say: the format of their images, each image, what happens to them, and how they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dlstream_common import FramePoses, Image
from dlstream_common.calibration import Calibration

StampSource = Literal["exposure", "device", "arrival"]
"""What a stamp is: the device's time of the exposure's start; a device's time of another moment, such as the readout's;
or the time at which the image arrived at this computer."""

LossKind = Literal["missed", "skipped", "failed", "damaged", "slow"]
"""How a frame got lost: `missed`: a gap in the device's own numbers; `skipped`: the driver left it out; `failed`: it
came incomplete; `damaged`: it can't be decoded; `slow`: this computer was too slow to take it."""


@dataclass(frozen=True, slots=True)
class Readback:
    """A setting: what was asked for, and what the device has, as it says itself. Empty `asked`: it was left to it."""

    key: str
    asked: str
    found: str

    @property
    def differs(self) -> bool:
        """Whether the device has something else than was asked for."""
        return bool(self.asked) and self.asked != self.found


@dataclass(frozen=True, slots=True)
class Format:
    """What a source delivers, as read back after opening, not as requested.

    Attributes:
        fps: frames per second; 0 if unknown, or if frames come as fast as they are read.
        description: the device, in words.
        settings: what the device says of its settings.
        calibration: of these images, if the device knows it.
    """

    width: int
    height: int
    fps: float
    description: str
    hardware_id: str = ""
    stamp_source: StampSource = "arrival"
    settings: tuple[Readback, ...] = ()
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """One image, as the source delivers it.

    Attributes:
        image: (height, width) or (height, width, 3) uint8, OpenCV's channel order; depth: see SourceSettings.is_depth.
        stamp: acquisition, nanoseconds since the epoch.
        frame_number: the source's own count.
        dropped: frames the source has lost so far.
        truth: where the keypoints really are, if the source knows it.
    """

    image: Image
    stamp: int
    frame_number: int
    dropped: int = 0
    truth: FramePoses | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened to a source which keeps running.

    Attributes:
        kind: "frames_lost", "disconnected", "reconnected", or "clock" if its stamps can't be trusted as before;
            "picture" if its pictures can't be right, "picture_back" if they are again; "remark" if it is no fault.
        text: one sentence for a person.
        values: figures by name, such as the number of the lost frame.
    """

    kind: Literal["frames_lost", "disconnected", "reconnected", "clock", "picture", "picture_back", "remark"]
    text: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source is, for diagnostics.

    Attributes:
        waiting: what it waits for before a frame can come, such as "a trigger on Line1"; empty: for nothing.
        lost: frames lost so far, by how.
        stamp_source: what the last frame's stamp is.
        uncertainty: greatest error of the stamps' conversion to this computer's time, nanoseconds; None: not converted.
    """

    waiting: str = ""
    lost: Mapping[LossKind, int] = field(default_factory=dict)
    stamp_source: StampSource = "arrival"
    uncertainty: int | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A connected camera, as `dlstream camera list` shows it.

    Attributes:
        serial: what identifies it in a rig file.
        interface: how it is connected, such as "USB3" or "GigE 192.168.0.12".
    """

    source: str
    serial: str
    model: str
    interface: str = ""
