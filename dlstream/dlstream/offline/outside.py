"""Values from outside in an offline run: those that the journal of a session has, and which triggers get none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from dlstream_experiment import Experiment
from dlstream_experiment.model.external import ExternalSource
from dlstream_experiment.runtime.inputs import Input, Poses, Value
from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet


@dataclass(frozen=True)
class Due:
    """A value, and the stamp of the earliest frame that is decided after it."""

    frame: int
    value: Value


def external_triggers(experiment: Experiment) -> dict[str, ExternalSource]:
    """The triggers of an experiment that decide on values from outside, each with the source of its values."""
    return TriggerSet(experiment.triggers, experiment.context).external_triggers


def values_of_run(inputs: Sequence[Input], camera: str) -> list[Due]:
    """The values of a recorded run, in the time of a camera.

    Live a value came while a frame was still on its way through the network: it was decided before that frame, though
    it is younger.
    """
    poses = [item for item in inputs if isinstance(item, Poses) and item.poses.camera == camera]
    ahead = poses[-1].ahead if poses else 0
    following: int | None = None
    found: list[Due] = []
    for item in reversed(inputs):
        if isinstance(item, Poses) and item.poses.camera == camera:
            following, ahead = item.poses.stamp, item.ahead
        elif isinstance(item, Value):
            stamp = item.stamp + ahead
            frame = stamp + 1 if following is None else min(following, stamp + 1)
            found.append(Due(frame, replace(item, stamp=stamp)))
    return found[::-1]


def without_values(experiment: Experiment, known: Collection[str]) -> str:
    """A warning of the triggers whose values are not there; empty where there is none.

    Args:
        known: the sources of the values that are there.
    """
    missing = {name: item for name, item in external_triggers(experiment).items() if item.source not in known}
    if not missing:
        return ""
    sources = ", ".join(dict.fromkeys(item.source for item in missing.values()))
    names = ", ".join(f"'{name}'" for name in missing)
    if len(missing) == 1:
        return f"found no values of {sources}: here the trigger {names} is never decided, nor what is composed of it"
    return f"found no values of {sources}: here the triggers {names} are never decided, nor what is composed of them"
