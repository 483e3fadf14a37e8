"""Numbers with units, as they stand in a file: `5`, `5 ms`, `0.005 s`."""

from __future__ import annotations

import math
import re
from typing import Any

_FACTORS = {
    "ms": {"us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3},
    "s": {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0},
    "Hz": {"Hz": 1.0, "kHz": 1e3},
    "mW": {"uW": 1e-3, "µW": 1e-3, "mW": 1.0, "W": 1e3},
    "V": {"mV": 1e-3, "V": 1.0},
    "deg": {"deg": 1.0, "°": 1.0},
    "ul": {"nl": 1e-3, "ul": 1.0, "µl": 1.0, "ml": 1e3},
}
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\W\d_]*|°)\s*")


def number_in(unit: str, value: Any) -> Any:
    """A value as a number in `unit`: a plain number is in it already; a text may have a unit of its kind.

    Raises:
        ValueError: another unit, or true or false; completes "expected ...".
    """
    if isinstance(value, bool):
        raise ValueError(f"a number in {unit}, such as 5 or '5 {unit}'")
    if not isinstance(value, str):
        return value
    parts = _NUMBER.fullmatch(value)
    if parts is None:
        raise ValueError(f"a number in {unit}, such as 5 or '5 {unit}'")
    number, found = float(parts[1]), parts[2]
    factors = _FACTORS[unit]
    if found and found not in factors:
        raise ValueError(f"a number in {unit} (or in {', '.join(other for other in factors if other != unit)})")
    result = number * factors.get(found, 1.0)
    if not math.isfinite(result):
        raise ValueError(f"a finite number in {unit}")
    # 0.3 ms of 0.0003 s: without the trace of the conversion
    return float(f"{result:.12g}")
