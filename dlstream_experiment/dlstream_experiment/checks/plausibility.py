"""Triggers that are valid, but can't work as intended on this rig."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from dlstream_common import Problem, suggest
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.parsed_sections import ParsedSections
from dlstream_experiment.model.problems import warning
from dlstream_experiment.model.triggers import PoseSettings
from dlstream_experiment.model.triggers._bounded import Angled, Bounded
from dlstream_experiment.model.triggers.composition import CountSettings
from dlstream_experiment.model.triggers.direction import EgoHeadDirectionSettings
from dlstream_experiment.model.triggers.motion import AccelerationSettings

Size = tuple[int, int]
_OF_MOTION = ("speed", "freeze", "acceleration")


def unknown_individuals(sections: ParsedSections, individuals: Collection[str] | None) -> Iterator[Problem]:
    """Animals that the network never finds: such a trigger could never be measured."""
    if individuals is None:
        return
    for name, trigger in sections.triggers.items():
        if not isinstance(trigger, PoseSettings):
            continue
        if trigger.type == "social" and len(individuals) < 2:
            found = "'social' with a network that finds only one animal"
            yield Problem(("triggers", name, "type"), found, "a network of two animals or more: it would never be true")
            continue
        for key in ("individual", "other"):
            who = getattr(trigger, key, "any")
            if who not in ("any", *individuals):
                known = suggest(who, list(individuals))
                yield Problem(("triggers", name, key), f"'{who}'", "any, or an individual of the network", known)


def doubtful(experiment: Experiment, sizes: Mapping[str, Size], rates: Mapping[str, float]) -> Iterator[Problem]:
    """What is probably a mistake: places outside the image, windows shorter than a frame."""
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
                expected = f"a point inside {image}, unless it is meant to be outside"
                yield warning(("triggers", name, "point"), f"({x:g}, {y:g})", expected)
            if frame is not None and tuple(frame) != (width, height):
                found = "an image of {}x{}".format(*frame)
                hint = "Width and height are swapped." if tuple(frame) == (height, width) else ""
                yield warning(("triggers", name, "frame"), found, f"{image}, unless another one is meant", hint)
        if window is not None and camera in rates and window < 0.999 / rates[camera]:
            found = f"{window:g} s, shorter than a frame of camera '{camera}' ({1 / rates[camera]:.3g} s)"
            yield warning(
                ("triggers", name, "window"), found, "several frames, so that the jitter of one frame does not decide"
            )


def moved_by_prediction(experiment: Experiment, predicted: bool) -> Iterator[Problem]:
    """Motion of poses that are each predicted by another time: it is divided by the time between the frames."""
    for name, trigger in experiment.triggers.items():
        if predicted and isinstance(trigger, PoseSettings) and trigger.type in _OF_MOTION:
            found = f"'{trigger.type}' of poses with `predict: now`, each predicted by as long as its frame took"
            expected = "poses that are not predicted, or all by the same time, as by `predict: ahead`"
            hint = "Motion is divided by the time between the frames, so that a late pose looks like a fast animal."
            yield warning(("triggers", name, "type"), found, expected, hint)


def always_or_never(experiment: Experiment, rates: Mapping[str, float]) -> Iterator[Problem]:
    """Bounds that are met whatever is measured, and counts that can't be reached."""
    for name, trigger in experiment.triggers.items():
        if isinstance(trigger, Bounded) and _holds_always(trigger):
            key = "at_most" if trigger.at_most is not None else "at_least"
            expected = "a bound that not every value meets; with this one the trigger is always true"
            yield warning(("triggers", name, key), trigger.bounds, expected)
        if isinstance(trigger, CountSettings) and trigger.trigger in experiment.triggers:
            least = (trigger.times - 1) * _between_rises(experiment, trigger.trigger, rates)
            if least > trigger.within:
                found = f"{trigger.times} times within {trigger.within:g} s"
                expected = f"a time in which '{trigger.trigger}' can become true that often: {least:.3g} s or more"
                yield warning(("triggers", name, "times"), found, expected)


def _holds_always(trigger: Bounded) -> bool:
    if isinstance(trigger, AccelerationSettings):
        return False  # it has values below 0
    if isinstance(trigger, EgoHeadDirectionSettings) and trigger.side != "both":
        return False  # true only on that side
    below = trigger.at_most is None or (isinstance(trigger, Angled) and trigger.at_most >= 180)
    return below and not trigger.at_least


def _between_rises(experiment: Experiment, name: str, rates: Mapping[str, float]) -> float:
    """The shortest time between two rises of a trigger, as far as it is known: it must be false in between."""
    frame = 1 / rate if (rate := _rate(experiment, name, rates)) else 0.0
    trigger = experiment.triggers[name]
    return frame + max(frame, trigger.refractory, trigger.dwell)


def _rate(experiment: Experiment, name: str, rates: Mapping[str, float]) -> float:
    """How often a second a trigger can decide; 0: not known."""
    cameras, todo, seen = set[str](), [name], set[str]()
    while todo:
        trigger = experiment.triggers[used := todo.pop()]
        seen.add(used)
        camera = trigger.camera_in(experiment.context)
        below = [other for _, other in trigger.triggers_used()]
        if (camera is None and not below) or (camera is not None and camera not in rates):
            return 0.0  # a topic: as often as a message comes
        cameras |= {camera} if camera is not None else set()
        todo += [other for other in below if other not in seen]
    return sum(rates[camera] for camera in cameras)
