"""Triggers that can be read and yet never measured as they are meant, by what is known of the rig."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from dlstream_common import Problem, suggest
from dlstream_experiment._parts import Problems
from dlstream_experiment.experiment import Experiment
from dlstream_experiment.triggers import PoseSettings

Size = tuple[int, int]


def unknown_individuals(
    experiment: Experiment, problem: Problems, individuals: Collection[str] | None
) -> Iterator[Problem]:
    """Animals that the network never finds: such a trigger would never be measured."""
    if individuals is None:
        return
    for name, trigger in experiment.triggers.items():
        if not isinstance(trigger, PoseSettings):
            continue
        if trigger.type == "social" and len(individuals) < 2:
            found = "'social' with a network that finds one animal alone"
            yield problem(("triggers", name, "type"), found, "a network of two animals or more: it would never be true")
            continue
        for key in ("individual", "other"):
            who = getattr(trigger, key, "any")
            if who not in ("any", *individuals):
                known = suggest(who, list(individuals))
                yield problem(("triggers", name, key), f"'{who}'", "any, or an individual of the network", known)


def doubtful(
    experiment: Experiment, problem: Problems, sizes: Mapping[str, Size], rates: Mapping[str, float]
) -> Iterator[Problem]:
    """What can be measured, but is as a rule a slip: places outside the image, windows shorter than a frame."""
    for name, trigger in experiment.triggers.items():
        if not isinstance(trigger, PoseSettings):
            continue
        camera = trigger.camera_in(experiment.context)
        point, frame, window = (getattr(trigger, key, None) for key in ("point", "frame", "window"))
        if camera in sizes:
            width, height = sizes[camera]
            image = f"the image of camera '{camera}', {width}x{height}"
            if point is not None and not (-1 <= point[0] <= width and -1 <= point[1] <= height):
                x, y = point
                expected = f"a point inside {image}, unless it is meant to lie outside"
                yield problem(("triggers", name, "point"), f"({x:g}, {y:g})", expected)
            if frame is not None and tuple(frame) != (width, height):
                found = "an image of {}x{}".format(*frame)
                yield problem(("triggers", name, "frame"), found, f"{image}, unless another one is meant")
        if window is not None and camera in rates and window < 0.999 / rates[camera]:
            found = f"{window:g} s, shorter than a frame of camera '{camera}' ({1 / rates[camera]:.3g} s)"
            yield problem(
                ("triggers", name, "window"), found, "several frames: one frame's jitter decides as it stands"
            )
