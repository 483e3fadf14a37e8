"""Numbers with units, as they stand in an experiment file: `5`, `5 ms`, `0.005 s`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from dlstream_common.quantities import number_in


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
