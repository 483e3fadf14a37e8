"""Whether an experiment fits its rig: found out before an animal is in the arena."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from dlstream_common import InputError, Problem, Severity, did_you_mean, line_of, suggest
from dlstream_common.part_faults import PartFault
from dlstream_experiment.checks.plausibility import always_or_never, doubtful, moved_by_prediction, unknown_individuals
from dlstream_experiment.checks.unit_checks import slips_of_units
from dlstream_experiment.model.consistency import inconsistencies, without_failing
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.loading import load_experiment
from dlstream_experiment.model.names import Location
from dlstream_experiment.model.parsed_sections import ParsedSections
from dlstream_experiment.model.plane import CameraPlane
from dlstream_experiment.model.problems import warning, with_lines
from dlstream_experiment.model.protocols import Stimulus
from dlstream_experiment.model.triggers import PoseSettings
from dlstream_experiment.model.triggers.input import InputSettings

Size = tuple[int, int]

_LARGEST = 20_000


class ChecksCommands(Protocol):
    """What checks the commands of an output."""

    def check_command(self, action: str, values: Mapping[str, str]) -> Problem | None:
        """See OutputSettings.check_command."""


@dataclass(frozen=True)
class KnownRig:
    """What is known of the rig that an experiment is for; None: not known.

    Attributes:
        image_sizes: (width, height) by camera.
        asked_sizes: the same, asked of cameras that may deliver others: what does not fit them is a warning.
        frame_size: of a picture from the experiment's camera.
        keypoints: what the network gives.
        outputs: settings by name, so that commands are checked as well; or only the names.
        individuals: the animals that the network distinguishes.
        inputs: names of the rig's inputs.
        rates: frames a second, by camera.
        depths: the cameras whose poses have the depth of their keypoints.
        predicted: whether poses are predicted to the time at which they are published.
    """

    cameras: Collection[str] | None = None
    image_sizes: Mapping[str, Size] = field(default_factory=dict)
    asked_sizes: Mapping[str, Size] = field(default_factory=dict)
    frame_size: Size | None = None
    keypoints: Collection[str] | None = None
    outputs: Mapping[str, ChecksCommands] | Collection[str] | None = None
    individuals: Collection[str] | None = None
    inputs: Collection[str] | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    depths: Collection[str] | None = None
    predicted: bool = False

    def sizes(self, camera: str, drawn: Size | None) -> dict[str, Size]:
        """The images' sizes that are sure, for an experiment that watches a camera.

        Args:
            drawn: the size for which the experiment was drawn.
        """
        own = {camera: drawn} if drawn is not None else {}
        return own | dict(self.image_sizes) | ({camera: self.frame_size} if self.frame_size is not None else {})


def load_checked(path: str | Path, rig: KnownRig, allow_python: bool = False) -> tuple[Experiment, list[Problem]]:
    """Reads an experiment file and checks it against what is known of its rig; the experiment and its warnings.

    Raises:
        InputError: names every problem, also what does not fit the rig in a file that has other mistakes.
    """
    experiment = load_experiment(path, allow_python, further=lambda sections: _misfits(sections, rig))
    return experiment, _checked(experiment, rig)


def check_experiment(
    experiment: Experiment,
    *,
    cameras: Collection[str] | None = None,
    image_sizes: Mapping[str, Size] | None = None,
    asked_sizes: Mapping[str, Size] | None = None,
    keypoints: Collection[str] | None = None,
    outputs: Mapping[str, ChecksCommands] | Collection[str] | None = None,
    individuals: Collection[str] | None = None,
    inputs: Collection[str] | None = None,
    rates: Mapping[str, float] | None = None,
    depths: Collection[str] | None = None,
) -> list[Problem]:
    """Checks an experiment against what is known of its rig; None: not known. The arguments are those of `KnownRig`.

    Returns:
        Warnings: regions and triggers that nothing uses, places outside the image, and the like.

    Raises:
        InputError: names every problem, each with line, key, value found and what was expected.
    """
    sizes = image_sizes or {}, asked_sizes or {}
    rig = KnownRig(cameras, *sizes, None, keypoints, outputs, individuals, inputs, rates or {}, depths)
    return _checked(experiment, rig)


def _checked(experiment: Experiment, rig: KnownRig) -> list[Problem]:
    data = experiment.data
    sections, problems = without_failing(ParsedSections.of_experiment(experiment))
    problems += [*inconsistencies(sections), *_misfits(sections, rig)]
    if problems:
        raise InputError(experiment.path, with_lines(problems, data))
    sure = rig.sizes(experiment.camera, experiment.image_size)
    known = {*rig.image_sizes, *([experiment.camera] if rig.frame_size is not None else [])}
    sizes = sure | {name: size for name, size in rig.asked_sizes.items() if name not in known}
    warnings = [
        *_sizes(sections, sizes),
        *doubtful(experiment, sizes, rig.rates),
        *moved_by_prediction(experiment, rig.predicted),
        *always_or_never(experiment, rig.rates),
        *slips_of_units(experiment, sizes),
        *_unused(experiment),
    ]
    return with_lines([replace(item, severity=Severity.WARNING) for item in warnings], data)


def _misfits(sections: ParsedSections, rig: KnownRig) -> Iterator[Problem]:
    """What does not fit the rig, in what could be parsed of an experiment file."""
    yield from _cameras(sections, rig.cameras)
    yield from _sizes(sections, rig.sizes(sections.camera, sections.image_size))
    yield from _keypoints(sections, rig.keypoints)
    yield from _outputs(sections, rig.outputs)
    yield from _inputs(sections, rig.inputs)
    yield from unknown_individuals(sections, rig.individuals)
    yield from _depths(sections, rig.depths)


def _cameras(sections: ParsedSections, cameras: Collection[str] | None) -> Iterator[Problem]:
    if cameras is None:
        return
    named: list[tuple[Location, str]] = [(("camera",), sections.camera)] if sections.camera else []
    named += [(("regions", name, "camera"), item.camera) for name, item in sections.regions.items() if item.camera]
    named += [(("calibration", name), name) for name in sections.calibration]
    reported = {camera for _, camera in named}
    for name, trigger in sections.triggers.items():
        camera = trigger.camera_in(sections.context)
        if camera is not None and camera not in reported:
            named.append((("triggers", name, "camera"), camera))
    for place, camera in named:
        if camera not in cameras:
            yield Problem(place, f"'{camera}'", "a camera of the rig", suggest(camera, sorted(cameras)))


def _sizes(sections: ParsedSections, sizes: Mapping[str, Size]) -> Iterator[Problem]:
    drawn, camera = sections.image_size, sections.camera
    if drawn is not None and drawn != sizes.get(camera, drawn):
        width, height = sizes[camera]
        found, expected = "{}x{}".format(*drawn), f"{width}x{height}, the image of camera '{camera}'"
        hint = "Regions and points are elsewhere in another image: draw them again, or set the camera's size."
        if drawn == (height, width):
            hint = "Width and height are swapped, here or at the camera."
        yield Problem(("image_size",), found, expected, hint)
    for camera, item in sections.calibration.items():
        if isinstance(item, CameraPlane) and item.size != sizes.get(camera, item.size):
            found = f"the calibration of a camera of {item.size[0]}x{item.size[1]} pixels"
            expected = f"one of camera '{camera}', {sizes[camera][0]}x{sizes[camera][1]}"
            yield Problem(("calibration", camera, "camera_info"), found, expected)
    for name, region in sections.regions.items():
        camera = region.camera or sections.camera
        if not sections.is_whole("regions", name):
            continue  # its bounds are not those that are meant
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


def _keypoints(sections: ParsedSections, keypoints: Collection[str] | None) -> Iterator[Problem]:
    if keypoints is None:
        return
    known = list(dict.fromkeys([*keypoints, *sections.keypoints]))
    for place, keypoint in sections.names_used(lambda trigger: trigger.keypoints_used()):
        if keypoint not in known:
            yield _no_keypoint(place, keypoint, known)
    for name, point in sections.keypoints.items():
        if name in keypoints:
            yield Problem(("keypoints", name), f"'{name}'", "another name: the network has a keypoint of this one")
        for part in point.middle if point is not None else ():
            if part not in keypoints:
                yield _no_keypoint(("keypoints", name, "middle", part), part, keypoints)


def _no_keypoint(place: Location, keypoint: str, known: Collection[str]) -> Problem:
    hint = f"{did_you_mean(keypoint, list(known))} Known: {', '.join(known)}.".lstrip()
    return Problem(place, f"'{keypoint}'", "a keypoint of the network", hint, choices=tuple(known))


def _depths(sections: ParsedSections, depths: Collection[str] | None) -> Iterator[Problem]:
    for name, trigger in sections.triggers.items():
        camera = trigger.camera_in(sections.context)
        if isinstance(trigger, PoseSettings) and trigger.needs_depth and depths is not None and camera not in depths:
            found = f"'{trigger.type}', but the poses of camera '{camera}' have no depth"
            hint = f"In the rig: a depth camera, and `pose: {{depth: {{{camera}: NAME}}}}` (docs/how-to/realsense.md)."
            yield Problem(("triggers", name, "type"), found, "poses with the depth of each keypoint", hint)


def _outputs(
    sections: ParsedSections, outputs: Mapping[str, ChecksCommands] | Collection[str] | None
) -> Iterator[Problem]:
    if outputs is None or sections.protocol is None:
        return
    for place, stimulus in sections.protocol.stimuli_used():
        if stimulus.output not in outputs:
            hint = suggest(stimulus.output, sorted(outputs)) or "The rig has no outputs."
            yield Problem(("protocol", *place, "output"), f"'{stimulus.output}'", "an output of the rig", hint)
        elif isinstance(outputs, Mapping) and sections.is_whole("protocol", *place):
            for item in _wrong_values(outputs[stimulus.output], stimulus):
                yield item.below("protocol", *place)


def _wrong_values(output: ChecksCommands, stimulus: Stimulus) -> Iterator[Problem]:
    """All that is wrong with a command: each wrong value is taken out, so that it does not hide the next."""
    values, reported = stimulus.texts(), set[Location]()
    while True:
        try:
            wrong = output.check_command(stimulus.action, values)
        except PartFault as fault:
            wrong = fault.problem("action")
        if wrong is None or wrong.place in reported:  # again: a value that it needs was taken out
            return
        yield wrong
        reported.add(wrong.place)
        match wrong.place:
            case ("values", str(key)) if key in values:
                values = {name: text for name, text in values.items() if name != key}
            case _:
                return


def _inputs(sections: ParsedSections, inputs: Collection[str] | None) -> Iterator[Problem]:
    for name, trigger in sections.triggers.items():
        if inputs is not None and isinstance(trigger, InputSettings) and trigger.input not in inputs:
            hint = suggest(trigger.input, sorted(inputs)) or "The rig has no inputs: add a section `inputs`."
            yield Problem(("triggers", name, "input"), f"'{trigger.input}'", "an input of the rig", hint)


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
