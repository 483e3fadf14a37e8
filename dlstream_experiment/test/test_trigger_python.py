"""A trigger of one's own in a set: the one that comes as an example."""

from __future__ import annotations

from pathlib import Path

from trigger_tools import scene

from dlstream_experiment import load_experiment
from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet

EXAMPLE = Path(__file__).parents[2] / "config" / "experiments" / "python" / "python.yaml"


def test_the_example_takes_part_in_a_set():
    experiment = load_experiment(EXAMPLE, allow_python=True)
    triggers = TriggerSet(experiment.triggers, experiment.context)
    keypoints = sorted({name for item in experiment.triggers.values() for _, name in item.keypoints_used()})
    assert keypoints
    for camera in experiment.cameras:
        triggers.bind(camera, keypoints)
        center, corner = (320.0, 240.0), (2.0, 2.0)
        for time, place, expected in ((0, center, False), (1, corner, True), (2, center, False)):
            frame = scene(time, dict.fromkeys(keypoints, place), parts=keypoints)
            assert set(triggers.decide(camera, frame).values()) == {expected}
            assert set(triggers.changed.values()) == ({expected} if time else set())
