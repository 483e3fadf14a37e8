"""Keys of DeepLabStream's files that the import did not read: each is listed, as lost or as not needed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from dlstream.importing._ini import Ini, Note, Spot

_SETTINGS = {
    "Video": "a camera is used, not a video",
    "IPWEBCAM": "STREAMING_SOURCE names another one",
    "Classification": "the imported experiment has no classifier",
}
_TRIGGER = "TRIGGER names another one"
_CONFIG = {
    "BaseRegionTrigger": _TRIGGER,
    "BaseOutsideRegionTrigger": _TRIGGER,
    "BaseHeaddirectionTrigger": _TRIGGER,
    "BaseEgoHeaddirectionTrigger": _TRIGGER,
    "BaseScreenTrigger": _TRIGGER,
    "BaseHeaddirectionROITrigger": _TRIGGER,
    "BaseSpeedTrigger": _TRIGGER,
    "BaseFreezeTrigger": _TRIGGER,
    "BaseConditionalExperiment": "BASE names another one",
    "BaseTrialExperiment": "BASE names another one",
    "BaseOptogeneticExperiment": "BASE names another one",
    "RewardDispenser": "the experiment uses another process",
    "ScreenStimulation": "the experiment uses another process",
    "BaseStimulation": "the experiment uses another process",
    "BaseProtocolProcess": "the experiment uses another process",
}
STIMULATIONS = ("BaseStimulation", "RewardDispenser", "ScreenStimulation")
"""Sections of which the experiment uses the one that STIMULATION names."""
_KEYS = {
    "debug": "not needed: `dlstream run` shows what happens",
    "pass_separate": "not needed: poses keep each animal by its identity",
    "use_dlstream_posture_detection": "not needed: dlstream decodes the network's output itself",
    "exp_origin": "not needed: the name is enough",
    "trial_name": "not needed: the trial is called 'trial'",
    "crop_x": "not needed: CROP is off",
    "crop_y": "not needed: CROP is off",
    "camera_source": "not needed: STREAMING_SOURCE names another one",
    "repeat_video": "not needed: STREAMING_SOURCE names another one",
}
_PARTS = {"process": "BaseProtocolProcess", "stimulation": "BaseStimulation"}


def unread_settings(ini: Ini) -> list[Note]:
    """Of settings.ini."""
    return list(_unread(ini, _SETTINGS, _KEYS))


def unread_config(ini: Ini) -> list[Note]:
    """Of an experiment's .ini."""
    named = ini.peek("BaseProtocolProcess", "STIMULATION").lower()
    idle = {name.lower() for name in STIMULATIONS if named in map(str.lower, STIMULATIONS)} - {named}
    return list(_unread(ini, _CONFIG, {key: _KEYS[key] for key in ("debug", "trial_name")}, idle))


def _unread(
    ini: Ini, sections: Mapping[str, str], keys: Mapping[str, str], idle: Collection[str] = ()
) -> Iterator[Note]:
    """`idle`: sections of which the set-up uses nothing, also where a key was looked at."""
    unneeded = {name.lower(): why for name, why in sections.items()}
    for section, spots in ini.unused().items():
        looked_at = any(used == section and key in ini.sections[section] for used, key in ini.used)
        if section in unneeded and (section in idle or not looked_at):
            names = ", ".join(spot.key for spot in spots)
            yield Note(ini.where(section, ""), names or "nothing", f"left out, not needed: {unneeded[section]}")
            continue
        for spot in spots:
            value = ini.peek(section, spot.key)
            low = spot.key.lower()
            if low in keys or (low in _PARTS and value == _PARTS[low]):
                yield Note(str(spot), value, keys.get(low, "not needed: our template has it"))
            else:
                yield Note(str(spot), value or "nothing", _lost(ini, spot, list(sections)), lost=True)


def _lost(ini: Ini, spot: Spot, sections: list[str]) -> str:
    """What to do about a key, or a section without keys, that is not known, or that has no place in this setup."""
    section = spot.section.strip().lower()
    if spot.key and any(used == section for used, _ in ini.used):
        what, word, known = "the key", spot.key.lower(), {key.upper() for used, key in ini.used if used == section}
    else:
        what, word, known = "the section", section, {*sections, "EXPERIMENT", "Streaming", "Pose Estimation"}
    near = {name.lower(): name for name in known if name.lower() != word}
    best = get_close_matches(word, near, n=1, cutoff=0.75)
    hint = f". Did you mean {near[best[0]]}?" if best else ""
    return f"could not be imported: {what} is not known here, or has no place in this setup{hint}"
