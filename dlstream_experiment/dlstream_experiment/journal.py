"""The journal: what an engine took in, line by line, and what followed from it.

A line is JSON. The numbers of poses are kept as the bits that came (little-endian float32 in base64), so that a replay
has exactly what the engine had. Lines are numbered from 0; a gap is a line that was lost.
"""

from __future__ import annotations

import binascii
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import DlstreamError, FramePoses, Individual, UsedFile
from dlstream_experiment.effects import Effect
from dlstream_experiment.eventlog import log_lines
from dlstream_experiment.experiment import Experiment
from dlstream_experiment.inputs import Fault, Input, Poses, Start, Stop, Tick, Value

VERSION = 1
_NAMES = {Start: "start", Poses: "poses", Tick: "tick", Value: "value", Fault: "fault", Stop: "stop"}
_SIMPLE: dict[str, type[Tick | Value | Fault | Stop]] = {"tick": Tick, "value": Value, "fault": Fault, "stop": Stop}
_ARRAYS = ("x", "y", "confidence", "vx", "vy", "covariance")


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
    """What the line of a start says of the experiment.

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
    """One line of a journal; `beginning` with a start alone."""

    number: int
    input: Input
    beginning: Beginning | None = None


class Journal:
    """Puts what an engine took in into lines, numbered from 0."""

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
        return [_text(about), *log_lines(number, effects)]

    def _poses(self, item: Poses) -> dict[str, Any]:
        poses = item.poses
        about: dict[str, Any] = {
            "camera": poses.camera,
            "sequence": poses.sequence,
            "stamp": poses.stamp,
            "arrived": item.arrived,
        }
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


def _array(bits: str) -> NDArray[np.float32]:
    return np.frombuffer(binascii.a2b_base64(bits), "<f4").astype(np.float32, copy=False)


def read_journal(lines: Iterable[str]) -> Iterator[Entry]:
    """The entries of a journal, in order.

    Raises:
        JournalError: a line that is none, a line is missing, or of a later version than this.
    """
    keypoints: dict[str, tuple[str, ...]] = {}
    last: int | None = None
    for place, line in enumerate(lines, 1):
        try:
            about = json.loads(line)
            number = int(about["n"])
            if number == 0 or about["in"] == "start":
                keypoints.clear()
            entry = Entry(number, _input(about, keypoints), _beginning(about))
        except JournalError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise JournalError(_unreadable(place, line), place) from error
        if last is not None and number not in (0, last + 1):
            raise JournalError(
                f"line {place} of the journal: found entry {number} after {last}; expected {last + 1}. What lies "
                "between was not recorded, so that the run can't be replayed"
            )
        last = number
        yield entry


def _unreadable(place: int, line: str) -> str:
    try:
        json.loads(line)
    except ValueError:
        what = "a line that is cut off or damaged" if line.strip() else "an empty line"
    else:
        what = "a line that is no entry of a journal"
    end = f", which ends with '{line[-40:]}'" if line.strip() else ""
    return f"line {place} of the journal can't be read: found {what}{end}"


def _input(about: Mapping[str, Any], keypoints: dict[str, tuple[str, ...]]) -> Input:
    kind = about["in"]
    if kind in _SIMPLE:
        simple = _SIMPLE[kind]
        return simple(**{field.name: about[field.name] for field in fields(simple)})
    if kind == "start":
        if about["version"] > VERSION:
            raise JournalError(f"the journal is of version {about['version']}; this dlstream reads up to {VERSION}")
        return Start(about["stamp"], about["seed"])
    if kind != "poses":
        raise JournalError(f"the journal has an entry '{kind}'; expected {', '.join(_NAMES.values())}")
    camera = about["camera"]
    if "keypoints" in about:
        keypoints[camera] = tuple(about["keypoints"])
    poses = FramePoses(
        camera,
        about["sequence"],
        about["stamp"],
        keypoints.get(camera, ()),
        tuple(_to_individual(one) for one in about["individuals"]),
        stale=about.get("stale", False),
        predicted_to=about.get("predicted_to", 0),
    )
    return Poses(poses, about["arrived"])


def _to_individual(about: Mapping[str, Any]) -> Individual:
    arrays = {name: _array(about[name]) for name in _ARRAYS if name in about}
    if "covariance" in arrays:
        arrays["covariance"] = arrays["covariance"].reshape(-1, 3)
    return Individual(about["id"], score=about["score"], swap_risk=about.get("swap_risk", 0.0), **arrays)


def _beginning(about: Mapping[str, Any]) -> Beginning | None:
    if about["in"] != "start":
        return None
    files = tuple(UsedFile.of(item) for item in about.get("files", ()))
    return Beginning(about["experiment"], about["text"], about["path"], files)


def from_first_start(entries: Sequence[Entry]) -> Sequence[Entry]:
    """The entries from the first start on; before it stands the rest of a run whose start was not recorded."""
    first = next((index for index, entry in enumerate(entries) if isinstance(entry.input, Start)), len(entries))
    return entries[first:]
