"""Whether an experiment fits its rig: found out before an animal is in the arena."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from dlstream_common import InputError, Problem, Severity, did_you_mean, line_of, suggest
from dlstream_common.part_faults import PartFault
from dlstream_experiment.checks.plausibility import always_or_never, doubtful, unknown_individuals
from dlstream_experiment.checks.unit_checks import slips_of_units
from dlstream_experiment.model.consistency import inconsistencies
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.extension_check import failing_protocol, failing_trigger
from dlstream_experiment.model.names import Location
from dlstream_experiment.model.parsed_sections import ParsedSections
from dlstream_experiment.model.plane import CameraPlane
from dlstream_experiment.model.problems import warning, with_lines
from dlstream_experiment.model.triggers import PoseSettings

Size = tuple[int, int]

_LARGEST = 20_000


class ChecksCommands(Protocol):
    """What checks the commands of an output."""

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
    depths: Collection[str] | None = None,
) -> list[Problem]:
    """Checks an experiment against what is known of its rig; None: not known.

    Args:
        image_sizes: (width, height) by camera.
        asked_sizes: the same, asked of cameras that may deliver others: what does not fit them is a warning.
        keypoints: what the network gives.
        outputs: settings by name, so that commands are checked as well; or only the names.
        individuals: the animals that the network distinguishes.
        rates: frames a second, by camera.
        depths: the cameras whose poses have the depth of their keypoints.

    Returns:
        Warnings: regions and triggers that nothing uses, places outside the image, and the like.

    Raises:
        InputError: names every problem, each with line, key, value found and what was expected.
    """
    data = experiment.data
    asked_sizes = {name: size for name, size in (asked_sizes or {}).items() if name not in (image_sizes or {})}
    image_sizes = _drawn_for(experiment) | dict(image_sizes or {})
    problems = list(inconsistencies(ParsedSections.of_experiment(experiment)))
    triggers = experiment.triggers.values()
    if any(failing_trigger(item, experiment.context) for item in triggers) or failing_protocol(experiment.protocol):
        raise InputError(experiment.path, with_lines(problems, data))
    problems += [
        *_cameras(experiment, cameras),
        *_sizes(experiment, image_sizes),
        *_keypoints(experiment, keypoints),
        *_outputs(experiment, outputs),
        *unknown_individuals(experiment, individuals),
        *_depths(experiment, depths),
    ]
    if problems:
        raise InputError(experiment.path, with_lines(problems, data))
    sizes, rates = image_sizes | asked_sizes, rates or {}
    warnings = [
        *_sizes(experiment, sizes),
        *doubtful(experiment, sizes, rates),
        *always_or_never(experiment, rates),
        *slips_of_units(experiment, sizes),
        *_unused(experiment),
    ]
    return with_lines([replace(item, severity=Severity.WARNING) for item in warnings], data)


def _cameras(experiment: Experiment, cameras: Collection[str] | None) -> Iterator[Problem]:
    if cameras is None:
        return
    named: list[tuple[Location, str]] = [(("camera",), experiment.camera)]
    named += [(("regions", name, "camera"), item.camera) for name, item in experiment.regions.items() if item.camera]
    named += [(("calibration", name), name) for name in experiment.calibration]
    reported = {camera for _, camera in named}
    for name, trigger in experiment.triggers.items():
        camera = trigger.camera_in(experiment.context)
        if camera is not None and camera not in reported:
            named.append((("triggers", name, "camera"), camera))
    for place, camera in named:
        if camera not in cameras:
            yield Problem(place, f"'{camera}'", "a camera of the rig", suggest(camera, sorted(cameras)))


def _drawn_for(experiment: Experiment) -> dict[str, Size]:
    return {experiment.camera: experiment.image_size} if experiment.image_size is not None else {}


def _sizes(experiment: Experiment, sizes: Mapping[str, Size]) -> Iterator[Problem]:
    drawn, camera = experiment.image_size, experiment.camera
    if drawn is not None and drawn != sizes.get(camera, drawn):
        width, height = sizes[camera]
        found, expected = "{}x{}".format(*drawn), f"{width}x{height}, the image of camera '{camera}'"
        hint = "Regions and points are elsewhere in another image: draw them again, or set the camera's size."
        if drawn == (height, width):
            hint = "Width and height are swapped, here or at the camera."
        yield Problem(("image_size",), found, expected, hint)
    for camera, item in experiment.calibration.items():
        if isinstance(item, CameraPlane) and item.size != sizes.get(camera, item.size):
            found = f"the calibration of a camera of {item.size[0]}x{item.size[1]} pixels"
            expected = f"one of camera '{camera}', {sizes[camera][0]}x{sizes[camera][1]}"
            yield Problem(("calibration", camera, "camera_info"), found, expected)
    for name, region in experiment.regions.items():
        camera = region.camera or experiment.camera
        left, top, right, bottom = region.bounds
        found = f"x {left:g} to {right:g}, y {top:g} to {bottom:g}"
        if camera not in sizes:
            if max(right - left, bottom - top) > _LARGEST:
                expected = f"a region inside an image of {_LARGEST}x{_LARGEST} pixels: no camera has a larger one"
                yield Problem(("regions", name), found, expected)
            continue
        width, height = sizes[camera]
        image = f"the image of camera '{camera}', {width}x{height}"
        if region.beyond_image:
            if right < 0 or bottom < 0 or left > width - 1 or top > height - 1:
                yield Problem(("regions", name), found, f"a region of which a part is inside {image}")
        elif left < -1 or top < -1 or right > width or bottom > height:
            hint = "If it should reach beyond it, write `beyond_image: true`."
            yield Problem(("regions", name), found, f"a region inside {image}", hint)


def _keypoints(experiment: Experiment, keypoints: Collection[str] | None) -> Iterator[Problem]:
    if keypoints is None:
        return
    for name, trigger in experiment.triggers.items():
        for place, keypoint in trigger.keypoints_used():
            if keypoint not in keypoints and keypoint not in experiment.keypoints:
                yield _no_keypoint(("triggers", name, *place), keypoint, [*keypoints, *experiment.keypoints])
    for name, point in experiment.keypoints.items():
        if name in keypoints:
            yield Problem(("keypoints", name), f"'{name}'", "another name: the network has a keypoint of this one")
        for part in point.middle:
            if part not in keypoints:
                yield _no_keypoint(("keypoints", name, "middle", part), part, keypoints)


def _no_keypoint(place: Location, keypoint: str, known: Collection[str]) -> Problem:
    hint = f"{did_you_mean(keypoint, list(known))} Known: {', '.join(known)}.".lstrip()
    return Problem(place, f"'{keypoint}'", "a keypoint of the network", hint)


def _depths(experiment: Experiment, depths: Collection[str] | None) -> Iterator[Problem]:
    for name, trigger in experiment.triggers.items():
        camera = trigger.camera_in(experiment.context)
        if isinstance(trigger, PoseSettings) and trigger.needs_depth and depths is not None and camera not in depths:
            found = f"'{trigger.type}', but the poses of camera '{camera}' have no depth"
            hint = f"In the rig: a depth camera, and `pose: {{depth: {{{camera}: NAME}}}}` (docs/how-to/realsense.md)."
            yield Problem(("triggers", name, "type"), found, "poses with the depth of each keypoint", hint)


def _outputs(
    experiment: Experiment, outputs: Mapping[str, ChecksCommands] | Collection[str] | None
) -> Iterator[Problem]:
    if outputs is None:
        return
    for place, stimulus in experiment.protocol.stimuli_used():
        if stimulus.output not in outputs:
            hint = suggest(stimulus.output, sorted(outputs)) or "The rig has no outputs."
            yield Problem(("protocol", *place, "output"), f"'{stimulus.output}'", "an output of the rig", hint)
        elif isinstance(outputs, Mapping):
            try:
                wrong = outputs[stimulus.output].check_command(stimulus.action, stimulus.texts())
            except PartFault as fault:
                wrong = fault.problem("action")
            if wrong is not None:
                yield wrong.below("protocol", *place)


def _unused(experiment: Experiment) -> Iterator[Problem]:
    regions = {region for trigger in experiment.triggers.values() for _, region in trigger.regions_used()}
    triggers = {trigger for _, trigger in experiment.protocol.triggers_used()}
    triggers |= {used for trigger in experiment.triggers.values() for _, used in trigger.triggers_used()}
    unused = {
        "regions": ([name for name in experiment.regions if name not in regions], "that no trigger uses"),
        "triggers": ([name for name in experiment.triggers if name not in triggers], "that the protocol does not use"),
    }
    use = {
        "regions": "a trigger that uses it; now it is only drawn",
        "triggers": "a use in the protocol; now it is only recorded",
    }
    for section, (names, found) in unused.items():
        if len(names) == 1:
            yield warning((section, names[0]), f"a {section[:-1]} {found}", use[section])
        elif names:
            item = warning((section,), f"{section} {found}: {', '.join(names)}", f"{use[section]}, each")
            yield replace(item, line=line_of(experiment.data, (section, names[0])))
    for item in experiment.protocol.problems():
        if item.is_warning:
            yield item.below("protocol")
