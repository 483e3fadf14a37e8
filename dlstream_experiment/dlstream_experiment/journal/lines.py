"""The lines of a journal and of an event log: anything else in one is refused, with its place."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from dlstream_common.yaml.wording import expected, found

VERSION = 1
"""The newest version of a journal that is understood."""
Stamp = Annotated[int, Field(ge=-(2**62), le=2**62)]
"""Nanoseconds since the epoch, until 2116, so that the difference of two fits 64 bits."""
_Seed = Annotated[int, Field(ge=0)]
_Number = Annotated[int, Field(ge=0)]
_Count = Annotated[int, Field(ge=0, lt=2**64)]


class _Line(BaseModel):
    """Keys that are not known are of a later dlstream, and let pass."""

    model_config = ConfigDict(strict=True, frozen=True)


def _floats(bits: object) -> object:
    try:
        return np.frombuffer(b64decode(bits, validate=True), "<f4").astype(np.float32, copy=False)  # type: ignore[arg-type]
    except (binascii.Error, ValueError, TypeError) as error:
        raise ValueError("numbers as float32 in base64") from error


def _by_threes(bits: object) -> object:
    array: Any = _floats(bits)
    if array.size % 3:
        raise ValueError("three numbers for each keypoint, as float32 in base64")
    return array.reshape(-1, 3)


def _number_or_text(value: object) -> object:
    if isinstance(value, (float, str)) or (type(value) is int and abs(value) < 2**63):
        return value
    raise ValueError("a number or text")


def _as_path(value: object) -> object:
    if not isinstance(value, str) or "\0" in value or len(value.encode()) >= 4096:
        raise ValueError("a path")
    if any(len(part.encode()) > 255 for part in value.split("/")):
        raise ValueError("a path, no part of which is longer than 255 bytes")
    return value


_Floats = Annotated[Any, BeforeValidator(_floats)]
_Path = Annotated[str, BeforeValidator(_as_path)]


class IndividualLine(_Line):
    """An animal."""

    id: str
    score: float
    swap_risk: float = 0.0
    x: _Floats
    y: _Floats
    confidence: _Floats
    vx: _Floats = None
    vy: _Floats = None
    covariance: Annotated[Any, BeforeValidator(_by_threes)] = None
    depth: _Floats = None


class FileLine(_Line):
    """A file that the experiment names."""

    written: _Path
    path: _Path
    sha256: str


class StartLine(_Line):
    """A run begins."""

    n: _Number
    kind: Literal["start"] = Field(alias="in")
    version: Annotated[int, Field(ge=1)]
    stamp: Stamp
    seed: _Seed
    experiment: str
    path: _Path
    text: str
    files: list[FileLine] = []


class PosesLine(_Line):
    """Poses came."""

    n: _Number
    kind: Literal["poses"] = Field(alias="in")
    camera: str
    sequence: _Count
    stamp: Stamp
    arrived: Stamp | None
    ahead: Stamp = 0
    doubt: Stamp = 0
    keypoints: list[str] | None = None
    stale: bool = False
    predicted_to: Stamp = 0
    individuals: list[IndividualLine]


class TickLine(_Line):
    """The clock's time came."""

    n: _Number
    kind: Literal["tick"] = Field(alias="in")
    stamp: Stamp


class ValueLine(_Line):
    """A value from outside came."""

    n: _Number
    kind: Literal["value"] = Field(alias="in")
    stamp: Stamp
    source: str
    value: Annotated[Any, BeforeValidator(_number_or_text)]
    age: Annotated[int, Field(ge=0, le=2**62)] = 0


class FaultLine(_Line):
    """Something went wrong outside."""

    n: _Number
    kind: Literal["fault"] = Field(alias="in")
    stamp: Stamp
    name: str
    reason: str


class StopLine(_Line):
    """The run was ended from outside."""

    n: _Number
    kind: Literal["stop"] = Field(alias="in")
    stamp: Stamp
    reason: str
    fault: bool = False


JournalLine = StartLine | PosesLine | TickLine | ValueLine | FaultLine | StopLine
KINDS = ("start", "poses", "tick", "value", "fault", "stop")


class LogLine(_Line):
    """An event or a command, as the event log has it."""

    n: _Number
    stamp: Stamp
    event: str | None = None
    name: str = ""
    command: str | None = None
    output: str = ""
    trigger: str = ""
    value: str = ""
    values: dict[str, str] = {}
    camera: str | None = None
    sequence: _Count = 0
    frame: Stamp = 0

    @model_validator(mode="after")
    def _is_one(self) -> LogLine:
        if (self.event is None) == (self.command is None):
            raise ValueError("either 'event' or 'command'")
        return self


_JOURNAL: TypeAdapter[JournalLine] = TypeAdapter(Annotated[JournalLine, Field(discriminator="kind")])
_LOG: TypeAdapter[LogLine] = TypeAdapter(LogLine)


def journal_line(text: str) -> JournalLine:
    """A line of a journal.

    Raises:
        ValueError: what was found in it, and what was expected.
    """
    return _read(_JOURNAL, text, "an entry of a journal")


def log_line(text: str) -> LogLine:
    """A line of an event log.

    Raises:
        ValueError: what was found in it, and what was expected.
    """
    return _read(_LOG, text, "an event or a command")


def _read(adapter: TypeAdapter[Any], text: str, what: str) -> Any:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        raise ValueError(_complaint(error, text, what)) from None


def _complaint(error: ValidationError, text: str, what: str) -> str:
    first = error.errors(include_url=False)[0]
    kind, place = first["type"], first["loc"]
    if kind == "json_invalid":
        end = f", which ends with '{text[-40:]}'" if text.strip() else ""
        return f"found {'a line that is cut off or damaged' if text.strip() else 'an empty line'}{end}; expected {what}"
    if kind.startswith("union_tag"):
        tag = first.get("ctx", {}).get("tag")
        return f"in: found {'nothing' if tag is None else repr(tag)}; expected one of {', '.join(KINDS)}"
    where = place[1:] if _has_kind(place) else place
    if not where:
        wanted = what if kind != "value_error" else expected(first)
        return f"found {found(first)}; expected {wanted}"
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")
    if kind == "missing":
        return f"{key}: found nothing; expected this key"
    return f"{key}: found {found(first)}; expected {expected(first)}"


def _has_kind(place: tuple[int | str, ...]) -> bool:
    """Whether a place begins with the kind of the entry, as pydantic puts it before its keys."""
    return bool(place) and place[0] in KINDS
