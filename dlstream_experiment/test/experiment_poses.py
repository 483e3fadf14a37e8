"""Poses and experiments for the tests of this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlstream_common import FramePoses, Individual
from dlstream_experiment import Command, Effect, Event, Experiment

SECOND = 1_000_000_000
NOON = 1_700_000_000 * SECOND
KEYPOINTS = ("snout", "neck")


def seconds(time: float) -> int:
    """A stamp, that many seconds after noon."""
    return NOON + round(time * SECOND)


def individual(points: Sequence[Sequence[float]], confidence: float = 1.0, name: str = "animal") -> Individual:
    """An animal with these keypoints."""
    array = np.array(points, np.float32).reshape(-1, 2)
    return Individual(name, array[:, 0], array[:, 1], np.full(len(array), confidence, np.float32))


def frame(
    time: float, *animals: Individual, keypoints: tuple[str, ...] = KEYPOINTS, camera: str = "top", sequence: int = 0
) -> FramePoses:
    """The poses of a frame acquired that many seconds after noon."""
    return FramePoses(camera, sequence, seconds(time), keypoints, animals)


def neck_at(time: float, x: float, y: float, sequence: int = 0) -> FramePoses:
    """A frame with one animal, whose neck is there."""
    return frame(time, individual([(x, y + 20), (x, y)]), sequence=sequence)


LEFT, RIGHT, BETWEEN = (372.0, 163.0), (550.0, 163.0), (100.0, 400.0)
"""The centres of the example's regions, and a point outside of both."""


_OF_PROTOCOL = ("trials", "lockout", "max_hits", "max_time", "finish_last_trial")


def example(**changes: Any) -> Experiment:
    """DeepLabStream's example; `changes` are settings of its protocol or of the experiment."""
    protocol = {
        "type": "region_trials",
        "trials": {
            name: {
                "trigger": f"in_{name}",
                "stimulus": {"output": "screen", "action": "show", "values": {"image": name}},
            }
            for name in ("right", "left")
        },
    }
    experiment: dict[str, Any] = {
        "experiment": "example",
        "camera": "top",
        "regions": {
            "right": {"type": "circle", "center": RIGHT, "radius": 87.5},
            "left": {"type": "circle", "center": LEFT, "radius": 87.5},
        },
        "triggers": {
            f"in_{name}": {"type": "region", "region": name, "keypoints": ["neck"]} for name in ("right", "left")
        },
        "protocol": protocol,
    }
    for key, value in changes.items():
        (protocol if key in _OF_PROTOCOL else experiment)[key] = value
    return Experiment.model_validate(experiment)


def brief(effects: Sequence[Effect]) -> list[str]:
    """Events and commands as short words, regions left out: "trial_started left", "screen show image=left"."""
    words = []
    for effect in effects:
        if isinstance(effect, Event):
            words.append(f"{effect.kind} {effect.name}")
        elif isinstance(effect, Command):
            values = [f"{key}={value}" for key, value in effect.values.items()]
            words.append(" ".join([effect.output, effect.action, *values]))
    return words
