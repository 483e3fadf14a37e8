"""What comes out of the engine: events, commands to outputs, and the states of regions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class Cause:
    """The frame on which something was decided. Stamp of its acquisition in nanoseconds."""

    camera: str
    sequence: int
    stamp: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: `kind` is a word of dlstream_msgs/Event or a protocol's own."""

    stamp: int
    kind: str
    name: str
    values: Mapping[str, str] = field(default_factory=dict)
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """What an output is to do.

    Attributes:
        trigger: whose change caused it; empty where none did (a timer, the operator, the end).
        value: what that trigger measured, in the unit of its type; NaN where nothing was.
    """

    stamp: int
    output: str
    action: str
    values: Mapping[str, str] = field(default_factory=dict)
    cause: Cause | None = None
    trigger: str = ""
    value: float = math.nan


@dataclass(frozen=True, slots=True)
class RegionStates:
    """Which regions of a camera are active: a trigger of theirs is true."""

    camera: str
    active: Mapping[str, bool]


Effect = Event | Command | RegionStates


class Phase(Enum):
    """Where an experiment stands; the values are those of dlstream_msgs/ExperimentStatus."""

    IDLE = 0
    RUNNING = 1
    FINISHED = 2
    FAULT = 3


@dataclass(frozen=True, slots=True)
class Status:
    """Where the experiment stands. `elapsed` in seconds."""

    phase: Phase
    experiment: str
    state: str = ""
    elapsed: float = 0.0
    reason: str = ""
    active_triggers: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
