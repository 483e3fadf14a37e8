"""A rig's frame triggers without ROS: the pulses that its cameras wait for, while something is tried on them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from dlstream_common import DlstreamError
from dlstream_outputs import OUTPUTS, Output

_PERIOD = 0.1
"""Seconds; a board ends the pulses when it has heard nothing for 2 s."""


@contextmanager
def frame_pulses(
    triggers: Mapping[str, Any], cameras: Iterable[object], told: Callable[[str], object]
) -> Iterator[None]:
    """Pulses for cameras that wait for them, for as long as the `with` statement lasts; nothing where none waits.

    Args:
        triggers: the sections of the outputs of `type: frame_trigger`, by name.
        cameras: the settings of the cameras.
        told: is called, perhaps by another thread, with what happens to a trigger, in a sentence. One that can't be
            opened may be that of a running rig, whose pulses go on.
    """
    if not any(getattr(camera, "waits_for", "") for camera in cameras):
        triggers = {}
    with ExitStack() as stack:
        opened: dict[str, Output[Any]] = {}
        for name, section in triggers.items():
            try:
                output = OUTPUTS.usable(section.type)(section, lambda line: None)
                output.open()
            except DlstreamError as error:
                told(f"output '{name}', which triggers the cameras: {error}")
                continue
            opened[name] = output
            stack.callback(output.close)
        if opened:
            ended = threading.Event()
            feeding = threading.Thread(target=_feed, args=(opened, ended, told), name="pulses", daemon=True)
            feeding.start()
            stack.callback(feeding.join)
            stack.callback(ended.set)
        yield


def _feed(opened: Mapping[str, Output[Any]], ended: threading.Event, told: Callable[[str], object]) -> None:
    said = set()
    while not ended.wait(_PERIOD):
        for name, output in opened.items():
            problem = output.fault()
            if problem and problem not in said:
                said.add(problem)
                told(f"output '{name}', which triggers the cameras: {problem}")
