"""The journal: the inputs of an engine, line by line, and what followed from them.

A line is JSON. The numbers of poses are kept as the bits that came (little-endian float32 in base64), so that a replay
has exactly what the engine had. Lines are numbered from 0; a gap is a line that was lost.
"""

from __future__ import annotations

import binascii
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import DlstreamError, FramePoses, Individual, UsedFile
from dlstream_experiment.journal.event_log import log_lines
from dlstream_experiment.journal.lines import (
    VERSION,
    FaultLine,
    IndividualLine,
    JournalLine,
    PosesLine,
    StartLine,
    TickLine,
    ValueLine,
    journal_line,
)
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.runtime.effects import Effect
from dlstream_experiment.runtime.inputs import Fault, Input, Poses, Start, Stop, Tick, Value

_NAMES = {Start: "start", Poses: "poses", Tick: "tick", Value: "value", Fault: "fault", Stop: "stop"}
_ARRAYS = ("x", "y", "confidence", "vx", "vy", "covariance", "depth")


class JournalError(DlstreamError):
    """A journal that can't be replayed.

    Attributes:
        line: that can't be read, counted from 1; None where each can.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(message)


@dataclass(frozen=True)
class Beginning:
    """The experiment, as the line of a start has it.

    Attributes:
        text: of the experiment file.
        path: where that file was.
        files: those that it names.
    """

    experiment: str
    text: str
    path: str
    files: tuple[UsedFile, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One line of a journal; only a start has a `beginning`."""

    number: int
    input: Input
    beginning: Beginning | None = None


class Journal:
    """Writes the inputs of an engine as lines, numbered from 0."""

    def __init__(self) -> None:
        self._number = 0
        self._keypoints: dict[str, tuple[str, ...]] = {}

    def lines(self, item: Input, effects: Iterable[Effect], experiment: Experiment) -> list[str]:
        """The line of an input, and after it the lines of the event log that follow from it."""
        number, self._number = self._number, self._number + 1
        about: dict[str, Any] = {"n": number, "in": _NAMES[type(item)]}
        if isinstance(item, Poses):
            about |= self._poses(item)
        elif isinstance(item, Start):
            text = experiment.text
            self._keypoints.clear()
            about |= {"version": VERSION, "stamp": item.stamp, "seed": item.seed}
            about |= {"experiment": experiment.experiment, "path": str(experiment.path.resolve())}
            about |= {"sha256": hashlib.sha256(text.encode()).hexdigest(), "text": text}
            if experiment.files:
                about["files"] = [_file(used) for used in experiment.files]
        else:
            about |= asdict(item)
            if not about.get("fault", True):  # as a stop was written down before there were others
                del about["fault"]
            if not about.get("age", True):  # as values were written down before they had an age
                del about["age"]
        return [_text(about), *log_lines(number, effects)]

    def _poses(self, item: Poses) -> dict[str, Any]:
        poses = item.poses
        about: dict[str, Any] = {
            "camera": poses.camera,
            "sequence": poses.sequence,
            "stamp": poses.stamp,
            "arrived": item.arrived,
        }
        if item.ahead or item.doubt:
            about |= {"ahead": item.ahead, "doubt": item.doubt}
        if self._keypoints.get(poses.camera) != poses.keypoints:
            self._keypoints[poses.camera] = poses.keypoints
            about["keypoints"] = list(poses.keypoints)
        if poses.stale:
            about["stale"] = True
        if poses.predicted_to:
            about["predicted_to"] = poses.predicted_to
        about["individuals"] = [_individual(one) for one in poses.individuals]
        return about


def _text(about: Mapping[str, Any]) -> str:
    return json.dumps(about, ensure_ascii=False, separators=(",", ":"))


def _file(used: UsedFile) -> dict[str, str]:
    return {"written": used.written, "path": str(used.path.resolve()), "sha256": used.sha256}


def _individual(one: Individual) -> dict[str, Any]:
    about: dict[str, Any] = {"id": one.id, "score": one.score}
    if one.swap_risk:
        about["swap_risk"] = one.swap_risk
    for name in _ARRAYS:
        array = getattr(one, name)
        if array is not None:
            about[name] = _bits(array)
    return about


def _bits(array: NDArray[np.float32]) -> str:
    return binascii.b2a_base64(np.ascontiguousarray(array, "<f4").tobytes(), newline=False).decode()


def read_journal(lines: Iterable[str]) -> Iterator[Entry]:
    """The entries of a journal, in order.

    Raises:
        JournalError: a line that is none, a line is missing, or of a later version than this.
    """
    keypoints: dict[str, tuple[str, ...]] = {}
    last: int | None = None
    for place, text in enumerate(lines, 1):
        try:
            line = journal_line(text)
        except ValueError as error:
            raise JournalError(f"line {place} of the journal can't be read: {error}", place) from error
        number = line.n
        if last is not None and number not in (0, last + 1):
            raise JournalError(
                f"line {place} of the journal: found entry {number} after {last}; expected {last + 1}. What lies "
                "between was not recorded, so that the run can't be replayed"
            )
        if number == 0 or isinstance(line, StartLine):
            keypoints.clear()
        last = number
        yield _entry(line, keypoints)


def _entry(line: JournalLine, keypoints: dict[str, tuple[str, ...]]) -> Entry:
    if isinstance(line, StartLine):
        if line.version > VERSION:
            raise JournalError(f"the journal is of version {line.version}; this dlstream reads up to {VERSION}")
        files = tuple(UsedFile(used.written, Path(used.path), used.sha256) for used in line.files)
        beginning = Beginning(line.experiment, line.text, line.path, files)
        return Entry(line.n, Start(line.stamp, line.seed), beginning)
    if isinstance(line, PosesLine):
        return Entry(line.n, _poses(line, keypoints))
    if isinstance(line, TickLine):
        return Entry(line.n, Tick(line.stamp))
    if isinstance(line, ValueLine):
        return Entry(line.n, Value(line.stamp, line.source, line.value, line.age))
    if isinstance(line, FaultLine):
        return Entry(line.n, Fault(line.stamp, line.name, line.reason))
    return Entry(line.n, Stop(line.stamp, line.reason, line.fault))


def _poses(line: PosesLine, keypoints: dict[str, tuple[str, ...]]) -> Poses:
    if line.keypoints is not None:
        keypoints[line.camera] = tuple(line.keypoints)
    poses = FramePoses(
        line.camera,
        line.sequence,
        line.stamp,
        keypoints.get(line.camera, ()),
        tuple(_to_individual(one) for one in line.individuals),
        stale=line.stale,
        predicted_to=line.predicted_to,
    )
    return Poses(poses, line.arrived, line.ahead, line.doubt)


def _to_individual(line: IndividualLine) -> Individual:
    arrays = {name: getattr(line, name) for name in _ARRAYS}
    return Individual(line.id, score=line.score, swap_risk=line.swap_risk, **arrays)


def from_first_start(entries: Sequence[Entry]) -> Sequence[Entry]:
    """The entries from the first start on; those before it belong to a run whose start was not recorded."""
    first = next((index for index, entry in enumerate(entries) if isinstance(entry.input, Start)), len(entries))
    return entries[first:]
