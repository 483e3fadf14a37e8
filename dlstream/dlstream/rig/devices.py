"""`dlstream check --devices`: opens each camera, output and input of a rig once, and says what is there. No ROS."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from dlstream.rig.file import Rig
from dlstream.rig.hosts import host_of, this_host
from dlstream_camera import SourceSettings
from dlstream_camera.camera import Camera, Shot
from dlstream_common import DlstreamError
from dlstream_common.quiet import quiet_opencv
from dlstream_common.video import PictureCheck, Remark
from dlstream_outputs import OUTPUTS
from dlstream_outputs.inputs import BoardInput, InputSettings
from dlstream_outputs.outputs import OutputSettings
from dlstream_outputs.outputs.frame_trigger import FrameTrigger

_FRAMES = 15
_TIMEOUT = 20.0
_SLOW = 0.9


@dataclass(frozen=True)
class Finding:
    """What was found of a device; `problem` is empty where it works, `doubt` where nothing is odd."""

    what: str
    name: str
    text: str
    problem: str = ""
    doubt: str = ""


def try_devices(rig: Rig, timeout: float = _TIMEOUT, frames: int = _FRAMES, host: str = "") -> Iterator[Finding]:
    """Opens the rig's cameras, outputs and inputs, one after another, and closes them again. Nothing is switched on.

    Args:
        timeout: seconds for which each of them is waited for.
        frames: how many a camera has to deliver.
        host: whose devices are opened; empty: those of the main host, or of the only computer.
    """
    here = this_host(rig.hosts, host)

    def is_here(section: Any) -> bool:
        return host_of(section, rig.hosts) == here

    for name, camera in filter(lambda item: is_here(item[1]), rig.cameras.items()):
        look = partial(_camera, name, timeout=timeout, frames=frames)
        yield _guarded("camera", name, camera, SourceSettings, look, timeout)
    for name, output in filter(lambda item: is_here(item[1]), rig.outputs.items()):
        yield _guarded("output", name, output, OutputSettings, partial(_output, name), timeout)
    for name, item in filter(lambda item: is_here(item[1]), rig.inputs.items()):
        yield _guarded("input", name, item, InputSettings, partial(_input, name), timeout)


def _guarded(what: str, name: str, section: Any, own: type, look: Callable[[Any], Finding], timeout: float) -> Finding:
    """What `look` finds, in a thread of its own: a driver that never returns must not hold up the others."""
    if not isinstance(section, own):
        return Finding(what, name, "run by somebody else's node: not opened")
    found: list[Finding] = []

    def work() -> None:
        try:
            found.append(look(section))
        except DlstreamError as error:
            found.append(Finding(what, name, "", problem=str(error)))
        except Exception as error:  # a vendor's library may raise anything
            found.append(Finding(what, name, "", problem=f"{type(error).__name__}: {error}"))

    thread = threading.Thread(target=work, name=f"{what} {name}", daemon=True)
    thread.start()
    thread.join(2 * timeout)
    if not found:
        found.append(Finding(what, name, "", problem=f"it did not answer within {2 * timeout:g} s"))
    return found[0]


def _camera(name: str, settings: SourceSettings, *, timeout: float, frames: int) -> Finding:
    camera = Camera(name, settings)
    waker = threading.Timer(timeout, camera.stop)
    waker.daemon = True
    shots: list[Shot] = []
    look, remarks = PictureCheck(settings.is_depth()), list[Remark]()
    try:
        with quiet_opencv():
            form = camera.open()
        waker.start()
        end = time.monotonic() + timeout
        while len(shots) < frames and time.monotonic() < end and (shot := camera.read()) is not None:
            shots.append(shot)
            remarks += look.add(shot.frame.image, shot.frame.sequence, shot.frame.stamp)
        remarks = remarks or look.finish()
    finally:
        waker.cancel()
        camera.close()
    text = f"{form.description}: {form.width}x{form.height}"
    waits = str(getattr(settings, "waits_for", ""))
    if not shots and waits:
        doubt = f"opened, and no frame came within {timeout:g} s: it waits for {waits}"
        return Finding("camera", name, text, doubt=doubt)
    if not shots:
        return Finding("camera", name, text, problem=f"{text}: opened, but no frame came within {timeout:g} s")
    seconds = (shots[-1].frame.stamp - shots[0].frame.stamp) / 1e9
    rate = (len(shots) - 1) / seconds if seconds > 0 else 0.0
    text += f", {len(shots)} frames" + (f" at {rate:.1f} a second" if rate else "")
    doubts = [remark.text for remark in remarks]
    if form.fps and rate and rate < _SLOW * form.fps:
        doubts.append(f"{rate:.1f} frames a second, where it said {form.fps:g}")
    if shots[-1].dropped:
        doubts.append(f"{shots[-1].dropped} frames lost meanwhile")
    return Finding("camera", name, text, doubt="; ".join(doubts))


def _output(name: str, settings: OutputSettings) -> Finding:
    kind = OUTPUTS.usable(str(getattr(settings, "type", "")))
    output = kind(settings, lambda line: None)
    try:
        if isinstance(output, FrameTrigger):
            output.connect()  # once opened, it triggers whatever is at its pin
        else:
            output.open()
        output.off()
        device = output.hardware_id
    finally:
        output.close()
    what = "without a pulse" if isinstance(output, FrameTrigger) else "switched off"
    return Finding("output", name, f"opened{f' {device}' if device else ''}, {what}, closed")


def _input(name: str, settings: InputSettings) -> Finding:
    found = BoardInput(settings, lambda line: None, lambda on, event: None, lambda text: None)
    try:
        found.open()
        level, device = found.read(), found.hardware_id
    finally:
        found.close()
    return Finding("input", name, f"opened {device}, which is {'on' if level else 'off'}, closed")
