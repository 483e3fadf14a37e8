"""A rig's frame triggers without ROS: the pulses that its cameras wait for, while something is tried on them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from dlstream_common import DlstreamError
from dlstream_outputs import OUTPUTS, Output

_PERIOD = 0.1
"""Seconds; a board ends the pulses when it has heard nothing for 2 s."""


@contextmanager
def frame_pulses(triggers: Mapping[str, Any], told: Callable[[str], object]) -> Iterator[None]:
    """Pulses on the pins of these outputs of `type: frame_trigger`, for as long as the `with` statement lasts.

    Args:
        triggers: their sections, by name.
        told: is called, by another thread, with what happens to them meanwhile, in a sentence.

    Raises:
        DlstreamError: one can't be opened; names it.
    """
    with ExitStack() as stack:
        opened: dict[str, Output[Any]] = {}
        for name, section in triggers.items():
            output = opened[name] = OUTPUTS.usable(section.type)(section, lambda line: None)
            try:
                output.open()
            except DlstreamError as error:
                raise DlstreamError(f"output '{name}', which triggers the cameras: {error}") from error
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
