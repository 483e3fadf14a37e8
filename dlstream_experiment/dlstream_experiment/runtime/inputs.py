"""The inputs of the engine: its effects depend on them and their order, and on nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from dlstream_common import FramePoses


@dataclass(frozen=True, slots=True)
class Start:
    """A run begins; all its random draws follow from the seed."""

    stamp: int
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Poses:
    """The poses of a frame arrived.

    Attributes:
        arrived: when; None where nobody waited for them (offline).
        ahead: nanoseconds by which the camera's clock, of another host, is ahead of this one's.
        doubt: greatest error of that.
    """

    poses: FramePoses
    arrived: int | None = None
    ahead: int = 0
    doubt: int = 0


@dataclass(frozen=True, slots=True)
class Tick:
    """The clock's time, while no poses come."""

    stamp: int


@dataclass(frozen=True, slots=True)
class Value:
    """A value from outside, such as a ROS topic's, arrived.

    Attributes:
        age: nanoseconds that it had arrived before, as the last one of a source had before the run began.
    """

    stamp: int
    source: str
    value: float | str
    age: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """Something went wrong outside, such as an output that does not answer."""

    stamp: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The run is ended from outside; `fault`: because of a fault."""

    stamp: int
    reason: str
    fault: bool = False


Input = Start | Poses | Tick | Value | Fault | Stop
