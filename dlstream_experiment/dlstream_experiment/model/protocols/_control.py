"""Controls: the same experiment with stimuli left out (sham), or with those of another animal (yoked)."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo, model_validator

from dlstream_common import Settings, event_kinds, misfit, named_file
from dlstream_common.settings import resolve_path
from dlstream_experiment.model.names import SECOND, Name, Seconds, nanoseconds
from dlstream_experiment.model.protocols._base import Stimulus
from dlstream_experiment.model.protocols._duration import Positive
from dlstream_experiment.model.protocols._recorded_outputs import is_off_without_command, refused_commands

OFF = "off"


class Limit(Settings):
    """How long an output may be on; then it is switched off, with the event `limit_reached`."""

    stimulus: Positive | None = None
    """Seconds without a pause; then the output is off until the stimulus would have ended, or another one follows."""
    session: Positive | None = None
    """Seconds in the whole run; then the output is off until the run ends."""

    @model_validator(mode="after")
    def _limits_something(self) -> Limit:
        if self.stimulus is None and self.session is None:
            raise ValueError("stimulus, session or both")
        return self


Block = Annotated[int, Field(ge=2, le=1000)]


def _left_out(probability: float, block: int | None) -> int:
    """How many stimuli of a block are left out; 0 without blocks.

    Raises:
        PydanticCustomError: no whole number, or all or none of them.
    """
    if block is None:
        return 0
    share = probability * block
    if abs(share - round(share)) > 1e-6 or not 0 < round(share) < block:
        some = f"{probability:g} are some but not all, such as 4 with probability 0.5"
        raise misfit("block", f"a number of stimuli of which {some}")
    return round(share)


class Sham(Settings):
    """Everything as usual, but instead of each stimulus the events `sham_started` and `sham_ended` are recorded."""

    type: Literal["sham"]
    outputs: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """The outputs that are sham; if omitted: all."""
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The probability, drawn for each stimulus, that it is left out."""
    block: Block | None = None
    """Balanced: of every so many stimuli of an output exactly `probability` are left out, in an order that is drawn."""

    @model_validator(mode="after")
    def _balances(self) -> Sham:
        _left_out(self.probability, self.block)
        return self

    @property
    def left_out(self) -> int:
        """How many stimuli of a block are left out; 0 without blocks."""
        return _left_out(self.probability, self.block)


class Planned(Settings):
    """A stimulus at a fixed time of the run."""

    at: Seconds
    """Seconds since the start."""
    seconds: Positive
    """Duration in seconds."""
    stimulus: Stimulus
    """The stimulus."""


Change = tuple[int, Stimulus | None]
"""From this time since the start, in nanoseconds, an output does this."""


def _recording(path: Path, info: ValidationInfo) -> Path:
    """Of a session folder its events.csv."""
    written, path = str(path), resolve_path(path, info)
    return named_file(written, path / "events.csv", info) if path.is_dir() else path


class Yoked(Settings):
    """The outputs repeat another animal's session at the same times, whatever this animal does."""

    type: Literal["yoked"]
    outputs: Annotated[tuple[Name, ...], Field(min_length=1)]
    """The outputs that are yoked."""
    recording: Annotated[Path, AfterValidator(_recording)] | None = None
    """The other animal's session folder, or its events.csv; its first run is used."""
    schedule: Annotated[tuple[Planned, ...], Field(min_length=1, max_length=100_000)] | None = None
    """The stimuli with their times, instead of a recording."""
    probability: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The probability, drawn for each of these stimuli, that it is left out, with the events of a sham stimulus."""
    block: Block | None = None
    """Balanced: of every so many of them exactly `probability` are left out, in an order that is drawn."""
    _changes: dict[str, list[Change]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _read(self) -> Yoked:
        _left_out(self.probability, self.block)
        if (self.recording is None) == (self.schedule is None):
            raise ValueError("either recording or schedule")
        if self.recording is not None:
            self._changes = read_recorded(self.recording, self.outputs)
        else:
            self._changes = self._planned()
        return self

    @property
    def left_out(self) -> int:
        """How many stimuli of a block are left out; 0 without blocks."""
        return _left_out(self.probability, self.block)

    @property
    def changes(self) -> dict[str, list[Change]]:
        """What each output does from when on, in order."""
        return self._changes

    def _planned(self) -> dict[str, list[Change]]:
        changes: dict[str, list[Change]] = {name: [] for name in self.outputs}
        for item in sorted(self.schedule or (), key=lambda item: item.at):
            output = item.stimulus.output
            if output not in changes:
                raise misfit("outputs", f"stimuli of the outputs {', '.join(self.outputs)}, but one is of '{output}'")
            begin, end = nanoseconds(item.at), nanoseconds(item.at + item.seconds)
            if changes[output] and changes[output][-1][0] > begin:
                raise ValueError(f"stimuli that end before the next of the same output, but at {item.at:g} s one is on")
            changes[output] += [(begin, item.stimulus), (end, None)]
        return changes


def read_recorded(path: Path, outputs: Collection[str]) -> dict[str, list[Change]]:
    """What the outputs did in the first run of a session, from the commands, answers and faults of its events.csv.

    Raises:
        ValueError: what the file lacks.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"a session or its events.csv, but {path} can't be read ({reason})") from None
    try:
        begin = next(int(row["stamp_ns"]) for row in rows if row["kind"] == event_kinds.EXPERIMENT_STARTED)
        ends = (int(row["stamp_ns"]) for row in rows if row["kind"] == event_kinds.EXPERIMENT_ENDED)
        end = next((stamp for stamp in ends if stamp >= begin), None)
        changes: dict[str, list[Change]] = {name: [] for name in outputs}
        refused = refused_commands(rows)
        did = [
            row
            for number, row in enumerate(rows)
            if row["name"] in changes
            and (number not in refused if row["kind"] == event_kinds.COMMAND else is_off_without_command(row))
        ]
        for decided, row in sorted(((_decided(row), row) for row in did), key=lambda item: item[0]):
            stamp = int(row["frame_stamp_ns"] or 0) or decided
            if decided >= begin and (end is None or min(stamp, decided) <= end):
                before = changes[row["name"]]
                since = max(stamp - begin, before[-1][0] if before else 0)  # a frame is older than what it decides
                before.append((since, _stimulus(row)))
    except StopIteration:
        raise ValueError(f"a session in which an experiment ran, but {path} has no experiment_started") from None
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the events.csv of a session, but {path} can't be understood ({error})") from None
    silent = [name for name, items in changes.items() if all(item is None for _, item in items)]
    if silent:
        raise ValueError(f"a session with stimuli of '{silent[0]}', but {path} has none")
    return changes


def _decided(row: dict[str, str]) -> int:
    """When it was decided: the analysis of a video has a stamp only, and a table made by hand perhaps its frame's."""
    return int(row["decided_ns"] or 0) or int(row["stamp_ns"] or 0) or int(row["frame_stamp_ns"])


def _stimulus(row: dict[str, str]) -> Stimulus | None:
    if row["kind"] != event_kinds.COMMAND or row["action"] == OFF:
        return None
    return Stimulus(output=row["name"], action=row["action"], values=json.loads(row["values"] or "{}"))


def longest_on(changes: list[Change]) -> float:
    """The longest time without a pause, in seconds."""
    longest = row = since = 0
    on: Stimulus | None = None
    for stamp, stimulus in changes:
        if on is not None:
            lasted = stamp - since
            lit = lasted if on.length is None else min(lasted, nanoseconds(on.length))
            row += lit
            longest = max(longest, row)
            row = row if lit == lasted else 0
        row = row if stimulus is not None else 0
        on, since = stimulus, stamp
    return longest / SECOND
