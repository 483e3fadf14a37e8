"""The event log: the engine's events and commands as text, one canonical line each.

The same effects give the same bytes, live and on replay: keys in a fixed order, nothing that depends on who writes it.
Measured values have six significant digits, so that another processor's last bit does not show.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from dlstream_common import Command, Event
from dlstream_experiment.journal.lines import log_line
from dlstream_experiment.runtime.effects import Effect

__all__ = ["log_line", "log_lines"]


def log_lines(number: int, effects: Iterable[Effect]) -> list[str]:
    """The lines of what followed from entry `number` of the journal; the states of regions are not in it."""
    return [
        json.dumps(about, ensure_ascii=False, separators=(",", ":"))
        for about in (_about(number, effect) for effect in effects if isinstance(effect, Event | Command))
    ]


def _about(number: int, effect: Event | Command) -> dict[str, Any]:
    about: dict[str, Any] = {"n": number, "stamp": effect.stamp}
    if isinstance(effect, Event):
        about |= {"event": effect.kind, "name": effect.name}
    else:
        about |= {"command": effect.action, "output": effect.output}
        if effect.trigger:
            about["trigger"] = effect.trigger
        if not math.isnan(effect.value):
            about["value"] = f"{effect.value:.6g}"
    if effect.values:
        about["values"] = dict(effect.values)
    if effect.cause is not None:
        about |= {"camera": effect.cause.camera, "sequence": effect.cause.sequence, "frame": effect.cause.stamp}
    return about
