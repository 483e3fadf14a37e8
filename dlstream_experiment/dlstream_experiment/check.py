"""Does an experiment fit its rig? Found before an animal is in the arena."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from dlstream_common import InputError, Problem, Severity, did_you_mean, suggest
from dlstream_experiment._failing import failing_protocol, failing_trigger
from dlstream_experiment._measurable import always_or_never, doubtful, unknown_individuals
from dlstream_experiment._parts import Parts, Problems, problems_within
from dlstream_experiment._units import slips_of_units
from dlstream_experiment.experiment import Experiment
from dlstream_experiment.names import Location
from dlstream_experiment.plane import CameraPlane

Size = tuple[int, int]

_LARGEST = 20_000


class ChecksCommands(Protocol):
    """What is known of an output."""

    def check_command(self, action: str, values: Mapping[str, str]) -> Problem | None:
        """See OutputSettings.check_command."""


def check_experiment(
    experiment: Experiment,
    *,
    cameras: Collection[str] | None = None,
    image_sizes: Mapping[str, Size] | None = None,
    asked_sizes: Mapping[str, Size] | None = None,
    keypoints: Collection[str] | None = None,
    outputs: Mapping[str, ChecksCommands] | Collection[str] | None = None,
    individuals: Collection[str] | None = None,
    rates: Mapping[str, float] | None = None,
) -> list[Problem]:
    """Checks an experiment against what is known of its rig; None: not known.

    Args:
        image_sizes: (width, height) by camera.
        asked_sizes: the same, asked of cameras that may deliver others: what does not fit them is a warning.
        keypoints: what the network gives.
        outputs: settings by name, so that commands are checked as well; or the names alone.
        individuals: the animals that the network tells apart.
        rates: frames a second, by camera.

    Returns:
        What deserves a look and yet is no error: regions and triggers that nothing uses, places outside the image.

    Raises:
        InputError: names every problem, each with line, key, value found and what was expected.
    """
    parts, problem = Parts.of_experiment(experiment), Problems(experiment.data)
    asked_sizes = {name: size for name, size in (asked_sizes or {}).items() if name not in (image_sizes or {})}
    image_sizes = _drawn_for(experiment) | dict(image_sizes or {})
    problems = list(problems_within(parts, problem))
    if any(failing_trigger(item, experiment.context) for item in experiment.triggers.values()) or failing_protocol(
        experiment.protocol
    ):
        raise InputError(experiment.path, sorted(problems, key=lambda item: item.line or 0))
    problems += [
        *_cameras(experiment, problem, cameras),
        *_sizes(experiment, problem, image_sizes),
        *_keypoints(experiment, problem, keypoints),
        *_outputs(experiment, problem, outputs),
        *unknown_individuals(experiment, problem, individuals),
    ]
    if problems:
        raise InputError(experiment.path, sorted(problems, key=lambda item: item.line or 0))
    sizes, rates = image_sizes | asked_sizes, rates or {}
    warnings = [
        *_sizes(experiment, problem, sizes),
        *doubtful(experiment, problem, sizes, rates),
        *always_or_never(experiment, problem, rates),
        *slips_of_units(experiment, problem, sizes),
        *_unused(experiment, problem),
    ]
    return [replace(item, severity=Severity.WARNING) for item in warnings]


def _cameras(experiment: Experiment, problem: Problems, cameras: Collection[str] | None) -> Iterator[Problem]:
    if cameras is None:
        return
    named: list[tuple[Location, str]] = [(("camera",), experiment.camera)]
    named += [(("regions", name, "camera"), item.camera) for name, item in experiment.regions.items() if item.camera]
    named += [(("calibration", name), name) for name in experiment.calibration]
    for place, camera in named:
        if camera not in cameras:
            yield problem(place, f"'{camera}'", "a camera of the rig", suggest(camera, sorted(cameras)))


def _drawn_for(experiment: Experiment) -> dict[str, Size]:
    return {experiment.camera: experiment.image_size} if experiment.image_size is not None else {}


def _sizes(experiment: Experiment, problem: Problems, sizes: Mapping[str, Size]) -> Iterator[Problem]:
    drawn, camera = experiment.image_size, experiment.camera
    if drawn is not None and drawn != sizes.get(camera, drawn):
        width, height = sizes[camera]
        found, expected = "{}x{}".format(*drawn), f"{width}x{height}, the image of camera '{camera}'"
        hint = "Regions and points stand elsewhere in another image: draw them anew, or set the camera's size."
        if drawn == (height, width):
            hint = "Width and height are swapped, here or at the camera."
        yield problem(("image_size",), found, expected, hint)
    for camera, item in experiment.calibration.items():
        if isinstance(item, CameraPlane) and item.size != sizes.get(camera, item.size):
            found = f"the calibration of a camera of {item.size[0]}x{item.size[1]} pixels"
            expected = f"one of camera '{camera}', {sizes[camera][0]}x{sizes[camera][1]}"
            yield problem(("calibration", camera, "camera_info"), found, expected)
    for name, region in experiment.regions.items():
        camera = region.camera or experiment.camera
        left, top, right, bottom = region.bounds
        found = f"x {left:g} to {right:g}, y {top:g} to {bottom:g}"
        if camera not in sizes:
            if max(right - left, bottom - top) > _LARGEST:
                expected = f"a region inside an image of {_LARGEST}x{_LARGEST} pixels: no camera has a larger one"
                yield problem(("regions", name), found, expected)
            continue
        width, height = sizes[camera]
        image = f"the image of camera '{camera}', {width}x{height}"
        if camera not in sizes:
            image = f"an image of {width}x{height} pixels: no camera has a larger one"
        if region.beyond_image:
            if right < 0 or bottom < 0 or left > width - 1 or top > height - 1:
                yield problem(("regions", name), found, f"a region of which a part is inside {image}")
        elif left < -1 or top < -1 or right > width or bottom > height:
            hint = "If it is meant to reach beyond it, write `beyond_image: true`." if camera in sizes else ""
            yield problem(("regions", name), found, f"a region inside {image}", hint)


def _keypoints(experiment: Experiment, problem: Problems, keypoints: Collection[str] | None) -> Iterator[Problem]:
    if keypoints is None:
        return
    for name, trigger in experiment.triggers.items():
        for place, keypoint in trigger.keypoints_used():
            if keypoint not in keypoints:
                hint = f"{did_you_mean(keypoint, list(keypoints))} Known: {', '.join(keypoints)}.".lstrip()
                yield problem(("triggers", name, *place), f"'{keypoint}'", "a keypoint of the network", hint)


def _outputs(
    experiment: Experiment, problem: Problems, outputs: Mapping[str, ChecksCommands] | Collection[str] | None
) -> Iterator[Problem]:
    if outputs is None:
        return
    for place, stimulus in experiment.protocol.stimuli_used():
        if stimulus.output not in outputs:
            hint = suggest(stimulus.output, sorted(outputs)) or "The rig has no outputs."
            yield problem(("protocol", *place, "output"), f"'{stimulus.output}'", "an output of the rig", hint)
        elif isinstance(outputs, Mapping):
            wrong = outputs[stimulus.output].check_command(stimulus.action, stimulus.texts())
            if wrong is not None:
                yield problem(("protocol", *place, *wrong.place), wrong.found, wrong.expected, wrong.suggestion)


def _unused(experiment: Experiment, problem: Problems) -> Iterator[Problem]:
    regions = {region for trigger in experiment.triggers.values() for _, region in trigger.regions_used()}
    triggers = {trigger for _, trigger in experiment.protocol.triggers_used()}
    triggers |= {used for trigger in experiment.triggers.values() for _, used in trigger.triggers_used()}
    for section, names, found, expected in (
        ("regions", _missing(experiment.regions, regions), "that no trigger uses", "a trigger of it; it is only drawn"),
        (
            "triggers",
            _missing(experiment.triggers, triggers),
            "that the protocol does not use",
            "a use; it is only logged",
        ),
    ):
        if len(names) == 1:
            yield problem((section, names[0]), f"a {section[:-1]} {found}", expected)
        elif names:
            listed = ", ".join(names)
            yield replace(
                problem((section, names[0]), f"{section} {found}: {listed}", f"{expected}, each"), place=(section,)
            )
    for finding in experiment.protocol.findings():
        if not finding.error:
            yield problem(("protocol", *finding.place), finding.found, finding.expected, finding.hint)


def _missing(names: Iterable[str], used: Collection[str]) -> list[str]:
    return [name for name in names if name not in used]
