"""What comes out of the engine: events, commands to outputs, and the states of regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from dlstream_common import Command, Event


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
