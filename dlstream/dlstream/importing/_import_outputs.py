"""DeepLabStream's stimulation devices as outputs of the rig file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dlstream.importing._import_experiment import ImportedDraft
from dlstream.importing._import_rig import is_given
from dlstream.importing._ini import Ini, Note
from dlstream_common import Place, key_of

_LOG = "it only logs its commands until you set its real type in the rig file (docs/reference/keys.md)"
_PIN = re.compile(r"(?:GPIO|BCM)?([0-9]|1[0-9]|2[0-7])", re.IGNORECASE)
_LINE = re.compile(r"[^/\s]+/(port\d+/line\d+|PFI\d+)")
_SHORTEST = 0.001


@dataclass(frozen=True)
class _Device:
    """Where a process of DeepLabStream's finds its device: section, and key of its port."""

    section: str
    port: str


_DEVICES = {
    "BaseStimulation": _Device("BaseStimulation", "PORT"),
    "RewardDispenser": _Device("RewardDispenser", "STIM_PORT"),
}
_REMOVAL = _Device("RewardDispenser", "REMOVAL_PORT")
_PROTOCOL: Place = ("protocol",)
_MARGIN = 0.1
"""Seconds from the end of what one pin does to what the other one does: a Pi begins a little after its command."""
_SCREEN = "ScreenStimulation"
_STIMULUS: Mapping[str, Place] = {
    "base_conditional_supply": ("enter", 1, "give"),
    "base_trial": ("enter", 0, "give"),
}
"""Where our templates say what is given, within the state: of all others, ("stimuli", 0)."""


def outputs_of(draft: ImportedDraft | None, ini: Ini, template: str) -> dict[str, dict[str, Any]]:
    """The outputs that the experiment names: DeepLabStream's device where it is known, else one that only logs."""
    if draft is None:
        return {}
    outputs: dict[str, dict[str, Any]] = {}
    process = ini.text("BaseProtocolProcess", "STIMULATION") or "BaseStimulation"
    if template.startswith("base_") and process == _SCREEN:
        outputs |= _screen(draft, ini, template)
    elif template.startswith("base_") and process in _DEVICES:
        device = _DEVICES[process]
        settings = _made(ini, device)
        if settings is not None:
            outputs[_commanded(draft, ini, device, settings, template)] = settings
        if template == "base_conditional_supply" and process == _REMOVAL.section:
            outputs |= _removal(draft, ini)
        if template != "base_conditional_supply" and ini.peek(device.section, "STIM_TIME"):
            ini.note(device.section, "STIM_TIME", "not needed: only the process `supply` uses it")
    for name in draft.outputs():
        if name not in outputs:
            outputs[name] = {"type": "log"}
            ini.notes.append(Note(f"rig file: outputs.{name}", "type: log", _LOG))
    return outputs


def _made(ini: Ini, device: _Device) -> dict[str, Any] | None:
    """The output at a port; None where it is none that we know."""
    kind, port = ini.peek(device.section, "TYPE").upper(), ini.peek(device.section, device.port)
    made: dict[str, Any] | None = None
    if kind == "ARDUINO":
        made = _serial(ini, device, port)
    elif kind in ("RASPBERRY", "RASP_NETWORK"):
        made = _gpio(ini, device, port, ini.peek(device.section, "IP") if kind == "RASP_NETWORK" else None)
    elif kind == "NI" and _LINE.fullmatch(port):
        ini.note(device.section, device.port, "type: nidaq; what is simply on stays on if this computer dies")
        made = {"type": "nidaq", "channel": port}
    if made is not None:
        for key in ("TYPE", device.port, "IP"):
            ini.text(device.section, key)  # it is imported
    return made


def _removal(draft: ImportedDraft, ini: Ini) -> dict[str, dict[str, Any]]:
    """The second port of a reward dispenser, which takes back what was not eaten."""
    seconds = ini.number(_REMOVAL.section, "REMOVAL_TIME", _SHORTEST)
    made = _made(ini, _REMOVAL) if seconds is not None else None
    ini.notes[:] = list(dict.fromkeys(ini.notes))  # of the same TYPE
    if made is None or seconds is None:
        return {}
    command: dict[str, Any] = {"output": "removal", "action": "on"}
    if "address" in made:
        command["values"] = {"duration": f"{seconds:g} s"}
    states = (*_PROTOCOL, "states")
    back = (*states, "stimulus", "transitions", 0)
    changes: dict[Place, Any] = {
        (*states, "withdraw", "enter"): [{"give": command, "seconds": seconds}],
        (*states, "withdraw", "transitions"): [{"longer_than": round(seconds + _MARGIN, 3), "go": "ready"}],
        (*_PROTOCOL, "start"): "withdraw",
        (*back, "go"): "withdraw",
    }
    given = round(draft.get((*states, "stimulus", "enter", 1, "seconds")) + _MARGIN, 3)
    if given > draft.get((*back, "longer_than")):  # DeepLabStream withdraws once it has given, however short the pause
        changes |= {(*back, "longer_than"): given}
    draft.give_all(ini, changes)
    todo = (
        f"withdrawn for {seconds:g} s at the start and when the pause after a reward is over; the next reward is given "
        "after it. DeepLabStream withdraws again and again while the animal is elsewhere"
    )
    ini.notes.append(Note(ini.where(_REMOVAL.section, "REMOVAL_TIME"), f"{seconds:g}", todo))
    return {"removal": made}


def _screen(draft: ImportedDraft, ini: Ini, template: str) -> dict[str, dict[str, Any]]:
    """A picture or a video on a screen."""
    path, kind = ini.peek(_SCREEN, "STIM_PATH"), ini.text(_SCREEN, "TYPE").lower() or "image"
    if not is_given(path) or path.lower() == "none":
        return {}
    ini.text(_SCREEN, "STIM_PATH")
    file = ini.existing(path)
    if file is None:
        ini.note(_SCREEN, "STIM_PATH", "there is no such file here: copy it beside the rig file, and correct its path")
    background = ini.text(_SCREEN, "BACKGROUND_PATH")
    if is_given(background) and background.lower() != "none":
        todo = "a screen that is off shows one colour, `background: '#808080'`; set it to the picture's"
        ini.note(_SCREEN, "BACKGROUND_PATH", todo, True)
    key, action = ("videos", "play") if kind == "video" else ("images", "show")
    place = _stimulus_place(template)
    name = str(draft.get(place)["output"])  # limits and the stop rule may name it as well
    draft.give(ini, place, {"output": name, "action": action, "values": {key[:-1]: "stimulus"}})
    return {name: {"type": "screen", key: {"stimulus": str(file or path)}}}


def _serial(ini: Ini, device: _Device, port: str) -> dict[str, Any] | None:
    if not port or port.lower() == "none":
        return None
    if not port.startswith("/"):
        todo = "a Windows port: on Linux it is called /dev/ttyACM0 or so (ls -l /dev/serial/by-id); correct it"
        ini.note(device.section, device.port, todo)
    ini.note(
        device.section,
        "TYPE",
        "type: serial, as the board takes H and L; nothing on it switches off if this computer dies",
    )
    return {"type": "serial", "port": port}


def _gpio(ini: Ini, device: _Device, port: str, host: str | None) -> dict[str, Any] | None:
    pin = _PIN.fullmatch(port)
    if pin is None or host == "" or (host or "").lower() == "none":
        return None
    made = {"type": "gpio", "pin": int(pin[1])}
    if host is None:
        ini.note(device.section, "TYPE", "type: gpio, for a rig that runs on the Raspberry Pi itself")
        return made
    todo = (
        "type: gpio with address, by the Pi's pigpiod, which takes only what ends by itself; "
        "better run the output's node on the Pi, which then switches off beside the pin"
    )
    ini.note(device.section, "TYPE", todo)
    return {**made, "address": host}


def _commanded(draft: ImportedDraft, ini: Ini, device: _Device, settings: Mapping[str, Any], template: str) -> str:
    """Lets the experiment command the device; returns the output's name."""
    place = _stimulus_place(template)
    stimulus = dict(draft.get(place))
    if template == "base_trial":  # ours shows a picture
        stimulus = {"output": "stimulus", "action": "on"}
    longest = next(_longest(draft, template), None)
    if "address" in settings and longest is not None and longest >= _SHORTEST:
        stimulus["values"] = {"duration": f"{longest:g} s"}
        todo = f"'on' has a duration of {longest:g} s, after which the Pi ends it, as it does if this computer dies"
        ini.notes.append(Note(f"{draft.file.name}: {key_of(place[:3])}", "on", todo))
        if template == "base_conditional":
            _given_each_time(draft, ini, stimulus)
            return str(stimulus["output"])
    if stimulus != draft.get(place):
        draft.give(ini, place, stimulus)
    return str(stimulus["output"])


def _given_each_time(draft: ImportedDraft, ini: Ini, stimulus: Mapping[str, Any]) -> None:
    """The state follows itself while the animal stays, which gives nothing again that its output ends by itself."""
    state: Place = (*_PROTOCOL, "states", "stimulus")
    draft.give_all(
        ini,
        {
            (*state, "enter"): [*draft.get((*state, "enter")), {"give": stimulus}],
            (*state, "leave"): [{"withdraw": stimulus["output"]}],
        },
    )
    draft.remove((*state, "stimuli"))


def _stimulus_place(template: str) -> Place:
    state = "cue" if template == "base_trial" else "stimulus"
    return ("protocol", "states", state, *_STIMULUS.get(template, ("stimuli", 0)))


def _longest(draft: ImportedDraft, template: str) -> Iterator[float]:
    """Seconds after which the experiment itself ends a stimulus, or starts it again."""
    state: Place = ("protocol", "states", "cue" if template == "base_trial" else "stimulus")
    if template in _STIMULUS:
        yield draft.get((*state, *_STIMULUS[template][:-1], "seconds"))
    else:
        for transition in draft.get((*state, "transitions")):
            if "longer_than" in transition:
                yield transition["longer_than"]
