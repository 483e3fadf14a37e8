"""What of an experiment file could be understood, and whether its names refer to something."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml.comments import CommentedMap

from dlstream_common import OFF, Problem, line_of, suggest
from dlstream_common.yaml.salvage import Salvage
from dlstream_experiment._failing import failing_protocol, failing_trigger
from dlstream_experiment._trigger_problems import trigger_problems
from dlstream_experiment.experiment import Experiment
from dlstream_experiment.extension import ExtensionError
from dlstream_experiment.names import Location
from dlstream_experiment.plane import AnyCalibration, CameraPlane
from dlstream_experiment.protocols import AnyProtocol, ProtocolSettings
from dlstream_experiment.regions import AnyRegion, Region
from dlstream_experiment.triggers import AnyTrigger, Context, TriggerSettings


@dataclass(frozen=True)
class Problems:
    """Makes problems, with the lines of the file where there is one."""

    data: CommentedMap | None

    def __call__(self, place: Location, found: str, expected: str, hint: str = "") -> Problem:
        return Problem(place, found, expected, hint, line=line_of(self.data, place))


@dataclass(frozen=True)
class Parts:
    """What of an experiment file could be understood, and all the names that it gives."""

    camera: str
    regions: Mapping[str, Region]
    triggers: Mapping[str, TriggerSettings]
    protocol: ProtocolSettings | None
    protocol_is_whole: bool
    region_names: Sequence[str]
    trigger_names: Sequence[str]
    calibration: Mapping[str, float | CameraPlane]

    @classmethod
    def of_experiment(cls, experiment: Experiment) -> Parts:
        """All of a valid experiment."""
        e = experiment
        return cls(e.camera, e.regions, e.triggers, e.protocol, True, list(e.regions), list(e.triggers), e.calibration)

    @classmethod
    def of_data(cls, data: CommentedMap, salvaged: Salvage, context: dict[str, Any] | None = None) -> Parts:
        """The valid parts of a file that has mistakes elsewhere, so that one check finds all there is to find.

        Args:
            salvaged: its content without what is wrong in it.
        """
        sound = salvaged.data
        regions, triggers = _section(data, "regions"), _section(data, "triggers")
        understood = _valid(_section(sound, "triggers"), AnyTrigger, context)
        for name, trigger in understood.items():
            trigger.called(name)
        left = {"protocol": sound.get("protocol") if isinstance(sound, Mapping) else None}
        calibration = _section(data, "calibration")  # what is wrong with one is reported, and not that it is not there
        return cls(
            camera=str(data.get("camera", "")),
            regions=_valid(_section(sound, "regions"), AnyRegion, context),
            triggers=understood,
            protocol=_valid(left, AnyProtocol, context).get("protocol"),
            protocol_is_whole=salvaged.is_whole("protocol"),
            region_names=list(regions),
            trigger_names=list(triggers),
            calibration=dict.fromkeys(calibration, 1.0) | _valid(calibration, AnyCalibration, context),
        )


def _section(data: Any, key: str) -> dict[str, Any]:
    section = data.get(key) if isinstance(data, Mapping) else None
    return {str(name): value for name, value in section.items()} if isinstance(section, Mapping) else {}


def _valid(items: Mapping[str, Any], annotation: Any, context: dict[str, Any] | None) -> dict[str, Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    valid = {}
    for name, value in items.items():
        try:
            valid[name] = adapter.validate_json(json.dumps(value, default=str), strict=True, context=context)
        except (ValidationError, ValueError, TypeError, RecursionError):
            continue  # reported by the reading of the whole file
    return valid


def problems_within(parts: Parts, problem: Problems) -> Iterator[Problem]:
    """Classes of the user's that fail, and names that refer to nothing."""
    context = Context(parts.camera, parts.regions, parts.calibration)
    for name, trigger in parts.triggers.items():
        if error := failing_trigger(trigger, context):
            parts = replace(parts, triggers={key: item for key, item in parts.triggers.items() if key != name})
            yield _failing(problem, error)
    if parts.protocol is not None and (error := failing_protocol(parts.protocol)):
        parts = replace(parts, protocol=None)
        yield _failing(problem, error)
    for name, trigger in parts.triggers.items():
        for place, region in trigger.regions_used():
            if region not in parts.region_names:
                yield problem(
                    ("triggers", name, *place),
                    f"'{region}'",
                    "a region of this file",
                    suggest(region, parts.region_names),
                )
    for found in trigger_problems(parts.triggers, parts.trigger_names, context):
        yield problem(*found)
    if parts.protocol is not None:
        for place, trigger_name in parts.protocol.triggers_used():
            if trigger_name not in parts.trigger_names:
                hint = suggest(trigger_name, parts.trigger_names)
                yield problem(("protocol", *place), f"'{trigger_name}'", "a trigger of this file", hint)
        for place, stimulus in parts.protocol.stimuli_used():
            if stimulus.action == OFF:
                expected = "what the output does while the stimulus is on; it goes off by itself afterwards"
                yield problem(("protocol", *place, "action"), "'off'", expected)
        for finding in parts.protocol.findings() if parts.protocol_is_whole else ():
            if finding.error:
                yield problem(("protocol", *finding.place), finding.found, finding.expected, finding.hint)


def _failing(problem: Problems, error: ExtensionError) -> Problem:
    expected = "a class whose methods do what they promise (docs/how-to/experiment-files.md)"
    return problem((*error.place, "class"), f"'{error.named}', whose {error.reason}", expected)
