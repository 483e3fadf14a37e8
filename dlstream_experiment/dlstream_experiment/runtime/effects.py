"""What comes out of the engine: events, commands to outputs, and the states of regions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum

from dlstream_common import Command, Event
from dlstream_experiment.model.experiment import Experiment


@dataclass(frozen=True, slots=True)
class RegionStates:
    """Which regions of a camera are active: a trigger on them is true."""

    camera: str
    active: Mapping[str, bool]


Effect = Event | Command | RegionStates


class Phase(Enum):
    """Where an experiment is; the values are those of dlstream_msgs/ExperimentStatus."""

    IDLE = 0
    RUNNING = 1
    FINISHED = 2
    FAULT = 3


@dataclass(frozen=True, slots=True)
class Status:
    """Where an experiment is. `elapsed` in seconds."""

    phase: Phase
    experiment: str
    state: str = ""
    elapsed: float = 0.0
    reason: str = ""
    active_triggers: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


def region_states(experiment: Experiment, true_triggers: Collection[str]) -> list[RegionStates]:
    """The states of all regions when these triggers are true, camera by camera."""
    active = {region for name in true_triggers for _, region in experiment.triggers[name].regions_used()}
    by_camera: dict[str, dict[str, bool]] = {}
    for name, region in experiment.regions.items():
        by_camera.setdefault(region.camera or experiment.camera, {})[name] = name in active
    return [RegionStates(camera, states) for camera, states in by_camera.items()]
