"""Whether an output ends a command by itself, and after which time, as far as the command tells it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from dlstream_common.quantities import number_in


def ends_by_itself(action: str, values: Mapping[str, str]) -> bool:
    """Whether the output itself ends the command: a pulse, a file, or what has a length."""
    if action == "pulse" or "duration" in values or "count" in values:
        return True
    file = {"sound", "video"} & set(values)
    return action == "play" and bool(file) and values.get("loop", "false").lower() == "false"


def length(action: str, values: Mapping[str, str]) -> float | None:
    """Seconds from the command until the output is off again; None: the command doesn't tell them.

    A file lasts as long as it is, and a pulse with a volume as the output's calibration says.
    """
    try:
        if action == "pulse":
            return _number(values, "delay", "ms", 0.0) + _number(values, "width", "ms")
        if action == "train":
            return _number(values, "delay", "ms", 0.0) + _of_train(values)
        return _number(values, "duration", "s")
    except (KeyError, ValueError, ZeroDivisionError):
        return None


def _of_train(values: Mapping[str, str]) -> float:
    if "duration" in values:
        return _number(values, "duration", "s")
    frequency, bursts = _number(values, "frequency", "Hz"), _number(values, "count", "")
    period = _number(values, "burst_frequency", "Hz", frequency)
    within = (_number(values, "burst", "", 1.0) - 1) / frequency
    return (bursts - 1) / period + within + _number(values, "width", "ms")


def _number(values: Mapping[str, str], key: str, unit: str, default: float | None = None) -> float:
    """A value in seconds, hertz or pieces; a number without a unit is in `unit`."""
    if key not in values and default is not None:
        return default
    number = float(number_in(unit, values[key]) if unit else values[key])
    if not 0 <= number < math.inf:
        raise ValueError(key)
    return number / 1000 if unit == "ms" else number
