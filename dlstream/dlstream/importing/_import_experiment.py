"""DeepLabStream's experiments and their configuration as experiment files: our template, with the values put in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from dlstream.authoring.draft import Draft
from dlstream.authoring.explain import Known
from dlstream.authoring.templates import Template, find_template, templates
from dlstream.importing._import_direction import body_of, direction_of
from dlstream.importing._import_rig import frame_rate, frame_size, is_given, min_confidence
from dlstream.importing._ini import Ini, Note
from dlstream_common import DlstreamError, Place, key_of, suggest

CUSTOM = {
    "ExampleExperiment": "example",
    "ExampleMultipleAnimalExperiment": "multiple_animals",
    "ExampleSocialInteractionExperiment": "social_interaction",
    "SimbaBehaviorPoolExperiment": "behaviour_pool",
    "BsoidBehaviorPoolExperiment": "behaviour_class",
    "SpeedExperiment": "speed",
    "FirstExperiment": "second_order_conditioning",
    "SecondExperiment": "staged",
    "OptogenExperiment": "optogenetic",
    "Reward_PreTraining": "reward_pretraining",
}
BASES = {
    "BaseConditionalExperiment": "base_conditional",
    "BaseTrialExperiment": "base_trial",
    "BaseOptogeneticExperiment": "base_optogenetic",
}


class ImportedDraft(Draft):
    """A template into which values of DeepLabStream's files are put; it knows which values are still the template's."""

    def __init__(self, template: Template, file: Path) -> None:
        super().__init__(template, file, Known())
        self._origin = f"Imported by `dlstream import` into the template '{template.name}'."
        self._given: set[Place] = set()

    def give(self, ini: Ini, place: Place, value: Any) -> None:
        """Puts a value in; one that does not fit is noted."""
        self.give_all(ini, {place: value})

    def give_all(self, ini: Ini, values: Mapping[Place, Any]) -> None:
        """Puts values in that only fit together, or notes that they do not fit."""
        try:
            self.set_all(values)
        except DlstreamError as error:
            todo = f"not imported, the template's value is kept: {error}"
            place, value = next(iter(values.items()))
            ini.notes.append(Note(f"{self.file.name}: {key_of(place)}", str(value), todo, lost=True))
        else:
            self._given.update(values)

    def of_the_template(self) -> list[tuple[str, str]]:
        """Keys and values that the user's files did not set: numbers, conditions, and all of the triggers."""
        found = []
        for place in self.leaves(()):
            value = self.get(place)
            numbers = value if isinstance(value, list) else [value]
            plain = all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in numbers)
            listed = plain or place[-1] in ("if", "reason") or place[0] == "triggers"
            if listed and not any(place[: len(given)] == given for given in self._given):
                found.append((key_of(place), self.show(value)))
        return found


_POINTED = ("BaseHeaddirectionTrigger", "BaseHeaddirectionROITrigger")


def template_of(settings: Ini, config: Ini | None) -> str:
    """The template for an experiment; empty, with a note, where there is none."""
    name, origin = settings.text("Experiment", "EXP_NAME"), settings.text("Experiment", "EXP_ORIGIN").upper()
    if config is not None:
        base = config.text("EXPERIMENT", "BASE") or next((item for item in BASES if config.has(item)), "")
        base = base or (name if name in BASES else "")
        if base not in BASES:
            config.note("EXPERIMENT", "BASE", f"expected one of {', '.join(BASES)}. {suggest(base, list(BASES))}", True)
            return ""
        supply = config.text("BaseProtocolProcess", "TYPE").lower() == "supply"
        return "base_conditional_supply" if supply and base == "BaseConditionalExperiment" else BASES[base]
    if not name and settings.text("Experiment", "EXP_NUMBER"):
        settings.note("Experiment", "EXP_NUMBER", "the first DeepLabStream had only ExampleExperiment: it is used")
        return "example"
    if name in BASES or origin in ("BASE", "BASIC"):
        todo = "give its .ini as the second argument: dlstream import settings.ini experiment.ini"
        settings.note("Experiment", "EXP_NAME", todo, True)
        return ""
    if name in CUSTOM:
        settings.note("Experiment", "EXP_NAME", f"our '{CUSTOM[name]}' is used; if you changed its code, edit the file")
        return CUSTOM[name]
    if name:
        hint = suggest(name, list(CUSTOM))
        todo = "your own experiment in Python: write it again with `dlstream experiment new`"
        settings.note("Experiment", "EXP_NAME", f"{todo} (docs/how-to/experiment-files.md). {hint}", True)
    return ""


def experiment_of(settings: Ini, config: Ini | None, name: str, file: Path) -> ImportedDraft | None:
    """The unfinished experiment file; None, with a note, if its template is not included."""
    if name not in [item.name for item in templates()]:
        settings.notes.append(Note(settings.where("Experiment", "EXP_NAME"), name, "its template is not installed"))
        return None
    draft = ImportedDraft(find_template(name), file)
    target = config or settings
    draft.give(target, ("experiment",), file.stem)
    if config is not None:
        for place, value in _values(config, name):
            draft.give(config, place, value)
        if name == "base_optogenetic":
            _without_total(draft, config)
        triggers = {"condition": "TRIGGER", "begin": "TRIGGER", "task": "TRIAL_TRIGGER"}
        base = next((key for key, template in BASES.items() if name.startswith(template)), "")
        for trigger, key in triggers.items():
            if draft.get(("triggers", trigger)) is not None:
                kind = config.text(config.section_of(key, base, "EXPERIMENT"), key)
                _trigger(draft, settings, config, trigger, key, kind)
        _unused(draft)
        experimenter = config.text("EXPERIMENT", "EXPERIMENTER")
        if experimenter:
            draft.give(config, ("metadata",), {"experimenter": experimenter[:200]})
    confidence = min_confidence(settings)
    if confidence is not None:
        for trigger, item in (draft.get(("triggers",)) or {}).items():
            if item.get("type") not in ("and", "or", "not", "count", "sequence", "topic"):
                draft.give(settings, ("triggers", trigger, "min_confidence"), confidence)
    _bodyparts(draft, settings)
    return draft


def _values(ini: Ini, template: str) -> Iterator[tuple[Place, Any]]:
    """Where each value of the base experiments stands in our templates."""
    base = next(key for key, name in BASES.items() if template.startswith(name))

    def number(key: str, low: float = 0.0) -> float | None:
        return ini.number(ini.section_of(key, base, "EXPERIMENT"), key, low)

    pause, most, stop = number("INTERTRIAL_TIME"), number("EXP_TIME", 1), ("protocol", "stop")
    states = ("protocol", "states")
    stimulus = (*states, "stimulus", "transitions")
    if most is not None:
        yield (*stop, 0, "longer_than"), most
    if template.startswith("base_conditional"):
        length = number("EXP_LENGTH", 1)
        if length is not None:
            yield (*stop, 1, "if"), f"stimulations >= {length:.0f}"
        if pause is not None and template == "base_conditional":
            yield (*stimulus, 1, "longer_than"), pause
            yield (*states, "pause", "transitions", 0, "longer_than"), pause
            yield (*stop, 1, "longer_than"), pause
        elif pause is not None:
            yield (*stimulus, 0, "longer_than"), pause
        device = ini.text("BaseProtocolProcess", "STIMULATION") or "BaseStimulation"
        seconds = ini.number(device, "STIM_TIME") if template == "base_conditional_supply" else None
        if seconds:
            yield (*states, "stimulus", "enter", 1, "seconds"), seconds
            yield (*stop, 1, "longer_than"), seconds
    elif template == "base_optogenetic":
        longest, shortest, total = number("MAX_STIM_TIME"), number("MIN_STIM_TIME"), number("MAX_TOTAL_STIM_TIME")
        if longest is not None:
            yield (*stimulus, 0, "longer_than"), longest
        if shortest is not None:
            yield (*stimulus, 1, "after"), shortest
            if longest and shortest > longest:
                ini.note(base, "MIN_STIM_TIME", f"more than MAX_STIM_TIME ({longest:g} s), which comes first")
        if pause is not None:
            yield (*states, "pause", "transitions", 0, "longer_than"), pause
        if total:
            yield (*stop, 1, "reaches"), total
            yield ("protocol", "limits", "laser", "session"), total
    else:
        trial, cue, enough = number("TRIAL_TIME"), number("STIMULUS_TIME"), number("EXP_COMPLETION", 1)
        length = number("EXP_LENGTH", 1)
        if trial is not None:
            yield (*states, "cue", "transitions", 0, "longer_than"), trial
            yield (*states, "met", "transitions", 0, "longer_than"), trial
        if cue:
            yield (*states, "cue", "enter", 0, "seconds"), cue
        if pause is not None:
            yield (*states, "pause", "transitions", 0, "longer_than"), pause
        if length is not None:
            yield ("protocol", "trials", "repeat"), int(length)
        if enough is not None:
            yield (*states, "success", "transitions", 0, "if"), f"success >= {enough:.0f}"
            yield (*states, "success", "transitions", 0, "reason"), f"{enough:.0f} trials were successful"
        section = ini.section_of("RESULT_FUNC", base, "EXPERIMENT")
        if ini.text(section, "RESULT_FUNC").lower() == "all":
            ini.note(
                section, "RESULT_FUNC", "our base_trial is for `any`; its first comment says what to change for `all`"
            )


def _without_total(draft: ImportedDraft, ini: Ini) -> None:
    """Takes out the template's total where the file says that there is none."""
    section = ini.section_of("MAX_TOTAL_STIM_TIME", "BaseOptogeneticExperiment", "EXPERIMENT")
    total = ini.text(section, "MAX_TOTAL_STIM_TIME").lower()
    if total == "none" or (total and not total.strip("0.")):
        draft.remove(("protocol", "stop", 1))
        draft.remove(("protocol", "limits"))
        todo = "no total, as in DeepLabStream: how much light there may be in all is not limited; see `limits`"
        ini.note(section, "MAX_TOTAL_STIM_TIME", todo)


def _trigger(draft: ImportedDraft, settings: Ini, ini: Ini, name: str, key: str, kind: str) -> None:
    """Puts a trigger of DeepLabStream's in the place of the template's."""
    if not ini.has(kind):
        found = f"there is no section [{kind}]" if kind else "nothing"
        todo = f"expected {key} = a trigger, and its section; the template's is kept: edit triggers.{name}"
        ini.notes.append(Note(f"{ini.file.name}: {key}", found, todo, lost=True))
        return
    parts = ini.words(kind, "BODYPARTS") or ini.words(kind, "ROI_BODYPARTS")
    if not parts:
        parts = settings.words("Pose Estimation", "ALL_BODYPARTS") or ["neck"]
        _default(ini, kind, "BODYPARTS", ", ".join(parts))
    region = f"{name}_region"
    made = _made(ini, settings, kind, parts, region)
    if made is None:
        todo = f"no such trigger in dlstream, the template's is kept: edit triggers.{name}"
        ini.notes.append(Note(ini.where(kind, ""), kind, todo, lost=True))
        return
    needs_region = "region" in made
    if needs_region:
        shape = _region(ini, kind)
        if shape is None:
            return
        draft.give(ini, ("regions", region), shape)
    draft.give(ini, ("triggers", name), made)


def _made(ini: Ini, settings: Ini, kind: str, parts: list[str], region: str) -> dict[str, Any] | None:
    at_most, point = 30.0, [0.0, 0.0]
    if kind in (*_POINTED, "BaseEgoHeaddirectionTrigger", "BaseScreenTrigger"):
        angle = ini.number(kind, "ANGLE", 0, 180)
        at_most = _default(ini, kind, "ANGLE", at_most) if angle is None else angle
    if kind in _POINTED:
        given = ini.pair(kind, "POINT", -20000, 20000)
        point = list(given) if given else _default(ini, kind, "POINT", point)
    if kind in ("BaseRegionTrigger", "BaseOutsideRegionTrigger"):
        made: dict[str, Any] = {"type": "region", "region": region, "keypoints": parts}
        return made if kind == "BaseRegionTrigger" else {**made, "inside": False, "match": "all"}
    if kind == "BaseHeaddirectionTrigger":
        neck, nose = direction_of(ini, kind, "BODYPARTS", parts, at_most)
        return {"type": "head_direction", "neck": neck, "nose": nose, "point": point, "at_most": at_most}
    if kind == "BaseEgoHeaddirectionTrigger":
        side = ini.text(kind, "HEADDIRECTION", "both").lower()
        neck, nose, tail = body_of(ini, kind, "BODYPARTS", parts)
        made = {"type": "ego_head_direction", "tailroot": tail, "neck": neck, "nose": nose}
        return {**made, "side": side, "at_least": 180 - at_most}
    if kind == "BaseScreenTrigger":
        edge = ini.text(kind, "DIRECTION", "north").lower()
        start, end = direction_of(ini, kind, "BODYPARTS", parts, at_most)
        made = {"type": "direction", "start": start, "end": end, "edge": edge}
        return {**made, "frame": list(frame_size(settings)), "at_most": at_most}
    if kind == "BaseHeaddirectionROITrigger":
        angles = ini.words(kind, "ANGLE_BODYPARTS")
        neck, nose = direction_of(ini, kind, "ANGLE_BODYPARTS", angles or parts, at_most)
        ini.note(kind, "ROI_BODYPARTS", "DeepLabStream's two versions disagree: here true outside, or `inside: true`")
        made = {"type": "head_direction_region", "neck": neck, "nose": nose, "point": point, "at_most": at_most}
        return {**made, "region": region, "inside": False, "keypoint": parts[0]}
    if kind in ("BaseSpeedTrigger", "BaseFreezeTrigger"):
        rate = frame_rate(settings)
        if [part.lower() for part in parts] == ["any"]:
            parts = settings.words("Pose Estimation", "ALL_BODYPARTS") or ["neck"]
        threshold = ini.number(kind, "THRESHOLD")
        speed = (_default(ini, kind, "THRESHOLD", 0.0) if threshold is None else threshold) * rate
        ini.note(kind, "THRESHOLD", f"in pixels per frame; this is {speed:g} px/s at {rate:g} frames per second")
        window = round(0.9 / rate, 4)
        if kind == "BaseSpeedTrigger":
            return {"type": "speed", "keypoints": parts, "match": "all", "at_least": speed, "window": window}
        return {"type": "freeze", "keypoints": parts, "match": "any", "at_most": speed, "window": window}
    return None


T = TypeVar("T")


def _default(ini: Ini, kind: str, key: str, value: T) -> T:
    """A value for a key that is not in the file, with a note that says so."""
    if not ini.peek(kind, key):
        ini.notes.append(Note(ini.where(kind, key), "nothing", f"not given: {value} is used"))
    return value


def _region(ini: Ini, kind: str) -> dict[str, Any] | None:
    center, radius = ini.pair(kind, "CENTER", -20000, 20000), ini.number(kind, "RADIUS", 0.001, 20000)
    if center is None or radius is None:
        todo = "the template's trigger and region are kept: edit them"
        ini.notes.append(Note(ini.where(kind, ""), "no usable CENTER and RADIUS", todo, lost=True))
        return None
    x, y = center
    shape = ini.text(kind, "TYPE", "circle").lower()
    if shape == "square":
        return {"type": "rectangle", "left": x - radius, "top": y - radius, "right": x + radius, "bottom": y + radius}
    if shape != "circle":
        ini.note(kind, "TYPE", "expected circle or square; a circle is used")
    return {"type": "circle", "center": [x, y], "radius": radius}


def _unused(draft: Draft) -> None:
    """Removes the template's regions that no trigger of the file uses any more."""
    triggers = draft.get(("triggers",)) or {}
    used = {item.get("region") for item in triggers.values()}
    for name in [name for name in draft.get(("regions",)) or {} if name not in used]:
        draft.remove(("regions", name))


def _bodyparts(draft: Draft, settings: Ini) -> None:
    parts = settings.words("Pose Estimation", "ALL_BODYPARTS")
    known = [part for part in parts if is_given(part) and not part.startswith("bp")]
    if not known:
        return
    for place in draft.leaves(("triggers",)):
        value = draft.get(place)
        for name in value if isinstance(value, list) else [value]:
            if place[-1] in ("keypoints", "keypoint", "neck", "nose", "tailroot", "start", "end") and name not in known:
                where = settings.where("Pose Estimation", "ALL_BODYPARTS")
                todo = f"triggers.{place[1]} needs '{name}': use the network's own name. {suggest(str(name), known)}"
                settings.notes.append(Note(where, ", ".join(known)[:80], todo))
