"""`dlstream camera test`: what a camera delivers, in words."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import GenericAlias
from typing import Annotated, Any, cast

import cv2
import numpy as np
from pydantic import BeforeValidator, ConfigDict, create_model
from rich.console import Console
from rich.markup import escape
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from dlstream.bench.pulses import frame_pulses
from dlstream.rig.sections import section_of
from dlstream.rig.table import NODE_KINDS
from dlstream_camera import SOURCES, SourceSettings, source_settings
from dlstream_camera.connected import connected
from dlstream_camera.trial import Trial, try_camera
from dlstream_common import DlstreamError, InputError, Problem, Settings, Severity, load_settings, suggest, to_view
from dlstream_outputs import output_settings

_COMMAND = Path("command line")
_LOST = {
    "missed": "missing by the camera's own numbers",
    "skipped": "left out by the driver",
    "failed": "came incomplete",
    "damaged": "could not be decoded",
    "slow": "this computer was too slow",
    "unknown": "counted by the source",
}
_SHOWN_ANYWAY = ("width", "height", "fps")
_AS_THEY_ARE = ("mono8", "mono16")
_STAMPS = {
    "exposure": "the camera's own time of the exposure",
    "device": "the camera's own time",
    "arrival": "arrival at this computer",
}
_TRIGGERED = "this computer's time of the trigger"


def show_trials(
    what: str, keys: Sequence[str], only: Sequence[str], seconds: float, frames: int, out: Path, console: Console
) -> bool:
    """Tries the cameras and prints what came of it; returns whether all are good. Ctrl-C ends the reading.

    Raises:
        DlstreamError: there is no such rig, camera or key.
    """
    cameras = cameras_of(what, keys, only, console)
    triggers = _triggers_of(Path(what)) if _is_file(what) else {}
    out.mkdir(parents=True, exist_ok=True)
    good = True
    with (
        _set_by_ctrl_c() as enough,
        frame_pulses(triggers, cameras.values(), lambda text: console.print(f"[yellow]{escape(text)}[/]")),
        ThreadPoolExecutor(len(cameras)) as pool,
    ):
        console.print(f"reading for {seconds:g} s ..." if not frames else f"reading {frames} frames ...")
        trials = {
            name: pool.submit(try_camera, name, settings, seconds, frames, enough) for name, settings in cameras.items()
        }
        wait(trials.values())
        if enough.is_set():
            console.print("ended by Ctrl-C; what was read until then:")
        for name, future in trials.items():
            console.print(f"\n[bold]{escape(name)}[/]")
            try:
                good &= show_trial(name, future.result(), out, console)
            except DlstreamError as error:
                console.print(f"  [bold red]bad:[/] {escape(str(error))}")
                good = False
    return good


@contextmanager
def _set_by_ctrl_c() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets meanwhile; a second one ends the program at once, as a camera that hangs needs it."""
    pressed = threading.Event()

    def press(number: int, frame: object) -> None:
        if pressed.is_set():
            os._exit(128 + number)
        pressed.set()

    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def show_trial(name: str, trial: Trial, out: Path, console: Console) -> bool:
    """Prints what came of one camera, and writes its picture; returns whether it is good."""
    form = trial.format
    rows = {"camera": form.description, "size": f"{form.width}x{form.height}"}
    for item in form.settings:
        if item.asked and (item.differs or item.key not in _SHOWN_ANYWAY):
            rows[item.key] = item.found + (f" (asked: {item.asked})" if item.differs else "")
    rows["frames"] = f"{len(trial.stamps)}"
    if trial.fps:
        asked = f"{trial.asked_fps:g} asked for, " if trial.asked_fps else ""
        announced = f"{form.fps:g} announced, " if form.fps and form.fps != trial.asked_fps else ""
        rows["rate"] = f"{asked}{announced}{trial.fps:.2f} frames per second came"
        gaps = trial.intervals
        rows["interval"] = (
            f"mean {gaps.mean():.2f} ms, SD {gaps.std():.2f} ms, 99 % below {np.percentile(gaps, 99):.2f} ms, "
            f"longest {gaps.max():.2f} ms"
        )
    lost = ", ".join(f"{count} {_LOST[how]}" for how, count in trial.lost.items())
    rows["lost"] = lost or "none"
    uncertain = trial.state.uncertainty
    bound = f", to {uncertain / 1e6:.2f} ms" if uncertain else ""
    source = trial.state.stamp_source
    ours = source == "exposure" and any((it.key, it.found) == ("trigger", "Software") for it in form.settings)
    rows["stamps"] = f"{source}: {_TRIGGERED if ours else _STAMPS[source]}{bound}"
    if trial.picture is not None:
        rows["picture"] = _written(out / f"camera-test_{name.replace('/', '_')}.png", trial)
    for key, text in rows.items():
        console.print(f"  {escape(key):<10} {escape(text)}")
    problems = trial.problems()
    for problem in problems:
        console.print(f"  [bold red]bad:[/] {escape(problem)}")
    if not problems:
        console.print("  [green]good[/]")
    return not problems


def cameras_of(what: str, keys: Sequence[str], only: Sequence[str], console: Console) -> Mapping[str, SourceSettings]:
    """The settings of the cameras that are meant, by name.

    Raises:
        DlstreamError: there is no such rig, camera or key.
    """
    if _is_file(what):
        if keys:
            raise DlstreamError(f"found {keys[0]} beside a rig file; expected the camera's keys in the rig file itself")
        return _of_rig(Path(what), only, console)
    name, given = (what, {}) if what in SOURCES else _by_serial(what)
    settings = _of_words(name, {"source": name, **given, **dict(map(_pair, keys))})
    _refuse(_COMMAND, settings.check())
    return {name: settings}


def _is_file(what: str) -> bool:
    return what.endswith((".yaml", ".yml")) or Path(what).is_file()


def _of_words(name: str, values: Mapping[str, Any]) -> SourceSettings:
    """The settings of these keys, checked as those of a rig file are."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "camera.yaml"
        YAML().dump(dict(values), file)
        try:
            return load_settings(file, source_settings(name), {"directory": Path.cwd()})
        except InputError as error:
            raise InputError(_COMMAND, [replace(problem, line=None) for problem in error.problems]) from error


def _by_serial(serial: str) -> tuple[str, dict[str, Any]]:
    """The kind of the connected camera with this serial number, and the key that names it."""
    known = []
    for name, devices, _ in connected():
        for device in devices:
            if device.serial == serial:
                key = "serial" if "serial" in source_settings(name).model_fields else "device"
                return name, {key: serial}
            known.append(device.serial)
    expected = "a rig file, a kind of camera or the serial number of one that is connected"
    raise DlstreamError(f"found '{serial}'; expected {expected}. {suggest(serial, [*SOURCES, *known])}")


def _pair(text: str) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    try:
        if sign:
            return key, YAML(typ="safe", pure=True).load(value)
    except YAMLError:
        pass
    raise DlstreamError(f"found '{text}'; expected KEY=VALUE, such as fps=50")


def _of_rig(path: Path, only: Sequence[str], console: Console) -> Mapping[str, SourceSettings]:
    """The cameras of a rig file, whatever else stands in it."""
    (kind,) = (kind for kind in NODE_KINDS if kind.section == "cameras")
    model = create_model("Cameras", __base__=_Rest, __doc__="A rig's cameras.", cameras=(kind.annotation, kind.default))
    cameras = cast("Mapping[str, Any]", load_settings(path, model).cameras)  # type: ignore[attr-defined]
    for name in only:
        if name not in cameras:
            raise DlstreamError(f"{path}: found no camera '{name}'; {suggest(name, list(cameras))}")
    chosen = {name: settings for name, settings in cameras.items() if not only or name in only}
    ours = {name: settings for name, settings in chosen.items() if isinstance(settings, SourceSettings)}
    for name in chosen.keys() - ours.keys():
        console.print(f"[yellow]{escape(name)}:[/] its frames come from another node; try it with ros2 topic hz")
    if not ours:
        raise DlstreamError(f"{path}: found no camera that dlstream opens itself; expected one")
    _refuse(path, [it.below("cameras", name) for name, settings in ours.items() for it in settings.check()])
    return {name: _beside(settings, ours.values()) for name, settings in ours.items()}


def _triggers_of(path: Path) -> Mapping[str, Any]:
    """What triggers the cameras of a rig file, whatever else stands in it."""
    triggers: Any = GenericAlias(dict, (str, section_of(output_settings("frame_trigger"))))
    annotation: Any = Annotated[triggers, BeforeValidator(_only_triggers)]
    model = create_model("Triggers", __base__=_Rest, __doc__="Its frame triggers.", outputs=(annotation, {}))
    return cast("Mapping[str, Any]", load_settings(path, model).outputs)  # type: ignore[attr-defined]


def _only_triggers(outputs: object) -> dict[str, Any]:
    sections = outputs if isinstance(outputs, dict) else {}
    return {
        name: section
        for name, section in sections.items()
        if isinstance(section, dict) and section.get("type") == "frame_trigger"
    }


def _beside(settings: SourceSettings, others: Iterable[SourceSettings]) -> SourceSettings:
    """The settings of a camera with what follows from others of the same device, which are tried at the same time."""
    device = settings.shared_device()
    same = [other for other in others if other is not settings and device and other.shared_device() == device]
    return settings.model_copy(update=dict(settings.beside(same)))


class _Rest(Settings):
    """A rig file of which only a part is read."""

    model_config = ConfigDict(extra="ignore")


def _refuse(path: Path, problems: Sequence[Problem]) -> None:
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise InputError(path, errors)


def _written(path: Path, trial: Trial) -> str:
    assert trial.picture is not None
    image = trial.picture if trial.encoding in _AS_THEY_ARE else to_view(trial.picture, trial.encoding)
    if not cv2.imwrite(str(path), image):
        raise DlstreamError(f"{path}: can't be written")
    return str(path)
