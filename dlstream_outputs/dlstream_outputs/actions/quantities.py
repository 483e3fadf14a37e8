"""Numbers with units, as they stand in an experiment file: `5`, `5 ms`, `0.005 s`."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

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


def _unit(name: str) -> Any:
    def validate(value: Any) -> Any:
        return number_in(name, value)

    return BeforeValidator(validate, json_schema_input_type=float | str)


def _no_truth(value: Any) -> Any:
    """Refuses true and false, which Python takes for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a number")
    return value


Plain = BeforeValidator(_no_truth, json_schema_input_type=float)
"""Of a number without a unit."""

Milliseconds = Annotated[float, _unit("ms"), Field(ge=0, le=3_600_000)]
Seconds = Annotated[float, _unit("s"), Field(gt=0, le=86_400)]
Hertz = Annotated[float, _unit("Hz"), Field(gt=0, le=100_000)]
Drift = Annotated[float, _unit("Hz"), Field(ge=0, le=1000)]
Degrees = Annotated[float, _unit("deg"), Field(ge=-360, le=360)]
Milliwatts = Annotated[float, _unit("mW"), Field(ge=0, le=100_000)]
Volts = Annotated[float, _unit("V"), Field(ge=-100, le=100)]
Microlitres = Annotated[float, _unit("ul"), Field(gt=0, le=100_000)]
