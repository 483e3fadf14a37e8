"""The sessions below a folder: what each is about, and a search."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from math import inf, isfinite
from pathlib import Path
from typing import Any
from unicodedata import normalize

from dlstream_common import RecordingError
from dlstream_recorder.report.summary import read_session
from dlstream_recorder.writers.session_file import SESSION_FILE, UNDATED, is_by_date

_DAY = 24 * 3600 * 1_000_000_000
_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")


@dataclass(frozen=True)
class SessionInfo:
    """What session.json says of a session.

    Attributes:
        state: "complete", "recovered", "unfinished" (its recorder was killed), "failed" (it stopped with an error), or
            which camera gave not a single frame: "no frames of top".
        created: local date and time, with the offset from UTC; of an analysis those of the footage's first frame.
        dated: whether that is a date; footage without one begins on 2000-01-01.
        subject: the subject's ID; empty if none was named.
        offline: an analysis of footage, which recorded nothing.
        networks: SHA-256 of each network file, by its name.
        seconds: of the longest recording; None if the session is unfinished.
    """

    folder: Path
    name: str
    state: str
    created: str
    subject: str
    experiment: str
    rig: str
    offline: bool
    dated: bool
    networks: dict[str, str]
    seconds: float | None
    frames: int | None
    lost: int | None
    poses: int | None
    commands: int | None
    faults: int | None
    metadata: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**{name: getattr(self, name) for name in self.__dataclass_fields__}, "folder": str(self.folder)}


@dataclass(frozen=True)
class Search:
    """Which sessions are wanted; empty: all.

    Names may have * and ?; upper and lower case are the same, and so are composed and decomposed letters.

    Attributes:
        subject, experiment: their names.
        date: a year, month or day (2026-11), or two of them with `..` between (2026-11-01..2026-11-15).
        network: a file's name, with or without its ending, or the beginning of its SHA-256 (at least 6 letters).
    """

    subject: str = ""
    date: str = ""
    network: str = ""
    experiment: str = ""

    def __post_init__(self) -> None:
        first, *rest = self.date.split("..")
        if self.date and (len(rest) > 1 or not all(_is_date(part) for part in (first, *rest))):
            raise ValueError(
                f"date: found '{self.date}'; expected a year, month or day such as 2026-11 or 2026-11-22, or two with "
                ".. between"
            )
        if rest and first[: len(rest[0])] > rest[0][: len(first)]:
            raise ValueError(
                f"date: found '{self.date}', which ends before it begins; expected the earlier one first: "
                f"{rest[0]}..{first}"
            )

    def fits(self, session: SessionInfo) -> bool:
        """Whether a session is wanted."""
        return (
            _like(session.subject, self.subject)
            and _like(session.experiment, self.experiment)
            and self._fits_date(session.created if session.dated else "")
            and self._fits_network(session.networks)
        )

    def _fits_date(self, created: str) -> bool:
        if not self.date:
            return True
        first, *rest = self.date.split("..")
        last = rest[0] if rest else first
        return created[: len(first)] >= first and created[: len(last)] <= last

    def _fits_network(self, networks: Mapping[str, str]) -> bool:
        if not self.network:
            return True
        wanted = self.network.lower()
        return any(
            _like(file, wanted) or _like(Path(file).stem, wanted) or (len(wanted) > 5 and digest.startswith(wanted))
            for file, digest in networks.items()
        )


def find_sessions(folder: Path) -> Iterator[SessionInfo | RecordingError]:
    """All sessions in a folder and the folders in it, by date; an error in place of one that can't be read.

    Raises:
        RecordingError: there is no such folder.
    """
    found: list[SessionInfo] = []
    for place in session_folders(folder):
        try:
            found.append(session_info(place))
        except RecordingError as error:
            yield error
    yield from by_date(found)


def session_folders(folder: Path) -> Iterator[Path]:
    """The folders of all sessions in a folder and the folders in it, none of them opened; links are not followed.

    Raises:
        RecordingError: there is no such folder.
    """
    if not folder.is_dir():
        raise RecordingError(f"{folder}: found no such folder; expected one with sessions in it")
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        if SESSION_FILE in files:
            folders.clear()
            yield Path(place)


def by_date(sessions: Iterable[SessionInfo]) -> list[SessionInfo]:
    """The oldest first, whatever the offset from UTC was."""
    return sorted(sessions, key=lambda session: (_moment(session.created), session.name))


def _moment(created: str) -> float:
    """Seconds since the epoch; those of a text that is no date and time come first."""
    try:
        return datetime.fromisoformat(created).timestamp()
    except (OverflowError, ValueError):
        return -inf


def session_info(folder: Path) -> SessionInfo:
    """What a session is about.

    Raises:
        RecordingError: it is no session, or its session.json can't be read.
    """
    about = read_session(folder)
    try:
        return _info(folder, about)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise RecordingError(
            f"{folder / SESSION_FILE}: found other entries than dlstream writes ({type(error).__name__}: {error}); "
            "expected the session.json of a session"
        ) from error


def is_dated(about: Mapping[str, Any]) -> bool:
    """Whether a session's stamps are dates: a video without one, and a bag in a simulation's time, have none.

    Args:
        about: its session.json.
    """
    return is_by_date(about) and _has_date(about)


def _has_date(about: Mapping[str, Any]) -> bool:
    """Whether `created` is a date: what is recorded has that of the computer, whatever its stamps are."""
    return not about.get("offline") or int(about["created_ns"]) >= UNDATED + _DAY


def subject_of(metadata: Mapping[str, Any]) -> dict[str, str]:
    """What is known of the subject, in NWB's words; older sessions have only its name."""
    found = metadata.get("subject", metadata.get("subject_id", {}))
    known = dict(found) if isinstance(found, Mapping) else {"subject_id": str(found)}
    for key in ("subject_id", "species", "sex", "age", "date_of_birth", "weight", "genotype", "strain"):
        if key in metadata:
            known.setdefault(key, metadata[key])
    return {key: str(value) for key, value in known.items()}


def experiment_of(folder: Path, about: Mapping[str, Any]) -> str:
    """The name of a session's experiment: that in its file, else the file's name."""
    file = folder / "experiment.yaml"
    try:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""  # a pipe would keep its reader waiting
    except (OSError, UnicodeDecodeError):
        text = ""
    found = re.search(r"^experiment:[ \t]*[\"']?([^\"'#\n]+)", text, re.MULTILINE)
    if found:
        return found[1].strip()
    return Path(str(about.get("settings", {}).get("experiment_file") or "")).stem


def _info(folder: Path, about: Mapping[str, Any]) -> SessionInfo:
    summary: Mapping[str, Any] = about.get("summary") or {}
    state = "recovered" if about.get("recovered") else "complete" if about.get("complete") else "unfinished"
    if silent := about.get("without_frames"):
        state = f"no frames of {', '.join(silent)}"
    networks = {
        str(camera["network"]["file"]): str(camera["network"]["sha256"])
        for camera in about["cameras"].values()
        if camera.get("network")
    }
    metadata = about.get("metadata") or {}
    return SessionInfo(
        folder,
        str(about.get("session", folder.name)),
        "failed" if about.get("error") else state,
        str(about["created"]),
        subject_of(metadata).get("subject_id", ""),
        experiment_of(folder, about),
        str(about.get("rig") or ""),
        bool(about.get("offline")),
        _has_date(about),
        networks,
        _number(summary, "seconds"),
        _number(summary, "frames_recorded"),
        _number(summary, "frames_dropped"),
        _number(summary, "poses"),
        _number(summary, "commands"),
        _number(summary, "faults"),
        dict(metadata),
    )


def _number(summary: Mapping[str, Any], key: str) -> Any:
    """A number of the summary: text there would only be noticed where somebody adds it up.

    Raises:
        ValueError: it is none.
    """
    value = summary.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value)):
        raise ValueError(f"summary.{key} is {value!r}, which is no number")
    return value


def totals(sessions: Sequence[SessionInfo]) -> dict[str, Any]:
    """Sums over the recorded sessions, and the number of analyses, whose animals and frames were recorded before."""
    recorded = [session for session in sessions if not session.offline]
    return {
        "sessions": len(recorded),
        "analyses": len(sessions) - len(recorded),
        "subjects": len({_folded(session.subject) for session in recorded if session.subject}),
        "seconds": round(sum(session.seconds or 0.0 for session in recorded), 3),
        "frames": sum(session.frames or 0 for session in recorded),
        "lost": sum(session.lost or 0 for session in recorded),
        "commands": sum(session.commands or 0 for session in recorded),
        "faults": sum(session.faults or 0 for session in recorded),
    }


def _is_date(text: str) -> bool:
    """Whether it is a year, month or day that the calendar has."""
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text + "-01-01"[len(text) - 4 :])
    except ValueError:
        return False
    return True


def _like(text: str, pattern: str) -> bool:
    return not pattern or fnmatchcase(_folded(text), _folded(pattern))


def _folded(text: str) -> str:
    """The same for what looks the same but for upper and lower case: file systems of Macs decompose an umlaut."""
    return normalize("NFC", normalize("NFC", text).casefold())
