"""The sections of an experiment file that could be parsed, so that one check finds all there is to find."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml.comments import CommentedMap

from dlstream_common import Place
from dlstream_common.yaml.salvage import Salvage
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.names import Location
from dlstream_experiment.model.plane import AnyCalibration, CameraPlane
from dlstream_experiment.model.protocols import AnyProtocol, ProtocolSettings
from dlstream_experiment.model.regions import AnyRegion, Region
from dlstream_experiment.model.triggers import TRIGGERS, AnyTrigger, Context, TriggerSettings
from dlstream_experiment.model.virtual import VirtualKeypoint


@dataclass(frozen=True)
class ParsedSections:
    """The valid parts of an experiment file, and all the names that it gives."""

    camera: str
    regions: Mapping[str, Region]
    triggers: Mapping[str, TriggerSettings]
    protocol: ProtocolSettings | None
    protocol_is_whole: bool
    region_names: Sequence[str]
    trigger_names: Sequence[str]
    calibration: Mapping[str, float | CameraPlane]
    image_size: tuple[int, int] | None = None
    keypoints: Mapping[str, VirtualKeypoint | None] = field(default_factory=dict)
    """Virtual keypoints; None for one that could not be parsed."""
    removed: Collection[Place] = ()
    """The places of known keys and items that could not be parsed."""
    invalid: Mapping[str, TriggerSettings] = field(default_factory=dict)
    """Triggers that could not be parsed, with their values as written: only for the names that they use."""

    @property
    def context(self) -> Context:
        """What the triggers may refer to."""
        return Context(self.camera, self.regions, self.calibration)

    def is_whole(self, *place: str | int) -> bool:
        """Whether everything below a place could be parsed."""
        return not any(gone[: len(place)] == place[: len(gone)] for gone in self.removed)

    def names_used(
        self, of: Callable[[TriggerSettings], Iterable[tuple[Location, str]]]
    ) -> Iterator[tuple[Location, str]]:
        """The names that triggers use, each with its place in the file; also those of triggers with other mistakes."""
        for name, trigger in self.triggers.items():
            for place, used in of(trigger):
                yield ("triggers", name, *place), used
        for name, trigger in self.invalid.items():
            with suppress(Exception):  # whatever its wrong values lead to: they are reported
                for place, used in list(of(trigger)):
                    if isinstance(used, str):
                        yield ("triggers", name, *place), used

    @classmethod
    def of_experiment(cls, experiment: Experiment) -> ParsedSections:
        """All of a valid experiment."""
        e = experiment
        names = list(e.regions), list(e.triggers)
        return cls(e.camera, e.regions, e.triggers, e.protocol, True, *names, e.calibration, e.image_size, e.keypoints)

    @classmethod
    def of_data(cls, data: CommentedMap, salvaged: Salvage, context: dict[str, Any] | None = None) -> ParsedSections:
        """The valid parts of a file that has mistakes elsewhere.

        Args:
            salvaged: its content without what is wrong in it.
        """
        sound = salvaged.data
        regions, triggers = _section(data, "regions"), _section(data, "triggers")
        understood = _valid(_section(sound, "triggers"), AnyTrigger, context)
        for name, trigger in understood.items():
            trigger.set_name(name)
        left = {"protocol": sound.get("protocol") if isinstance(sound, Mapping) else None}
        calibration = _section(data, "calibration")  # a wrong one is reported elsewhere, and is not missing
        size = sound.get("image_size") if isinstance(sound, Mapping) else None
        return cls(
            camera=str(data.get("camera", "")),
            regions=_valid(_section(sound, "regions"), AnyRegion, context),
            triggers=understood,
            protocol=_valid(left, AnyProtocol, context).get("protocol"),
            protocol_is_whole=salvaged.is_whole("protocol"),
            region_names=list(regions),
            trigger_names=list(triggers),
            calibration=dict.fromkeys(calibration, 1.0) | _valid(calibration, AnyCalibration, context),
            image_size=(size[0], size[1]) if size and salvaged.is_whole("image_size") else None,
            keypoints=dict.fromkeys(_section(data, "keypoints"))
            | _valid(_section(sound, "keypoints"), VirtualKeypoint, context),
            removed=tuple(salvaged.removed),
            invalid=_as_written({name: item for name, item in triggers.items() if name not in understood}),
        )


def _section(data: Any, key: str) -> dict[str, Any]:
    section = data.get(key) if isinstance(data, Mapping) else None
    return {str(name): value for name, value in section.items()} if isinstance(section, Mapping) else {}


def _as_written(items: Mapping[str, Any]) -> dict[str, TriggerSettings]:
    """Triggers of known types that are not valid, made without a check."""
    made: dict[str, TriggerSettings] = {}
    for name, value in items.items():
        with suppress(Exception):
            made[name] = TRIGGERS[value["type"]].model_construct(**value)
    return made


def _valid(items: Mapping[str, Any], annotation: Any, context: dict[str, Any] | None) -> dict[str, Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    valid = {}
    for name, value in items.items():
        try:
            valid[name] = adapter.validate_json(json.dumps(value, default=str), strict=True, context=context)
        except (ValidationError, ValueError, TypeError, RecursionError):
            continue  # reported by the reading of the whole file
    return valid
