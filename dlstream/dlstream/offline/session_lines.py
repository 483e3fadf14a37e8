"""The journal and the event log of a session, read; for a wrong line the error says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlstream_common import DlstreamError
from dlstream_experiment.journal.event_log import log_line
from dlstream_experiment.journal.journal import Entry, JournalError, read_journal
from dlstream_recorder import DECISIONS, JOURNAL, read_lines, read_session

_DAMAGED = "The recorder wrote it whole, so it was damaged later: restore it from a copy of the session"


@dataclass(frozen=True)
class Decision:
    """A line of the event log, and the number of the journal's entry from which it follows."""

    number: int
    text: str


@dataclass(frozen=True)
class EventLog:
    """The event log of a session.

    Attributes:
        half: whether the last line was skipped, of which a killed recorder wrote only the beginning.
    """

    decisions: list[Decision]
    half: bool = False


def journal_of(session: Path) -> list[Entry]:
    """The journal of a session.

    Raises:
        DlstreamError: there is none, a line of it can't be read, or one is missing.
    """
    lines = read_lines(session, JOURNAL)
    try:
        return list(read_journal(lines))
    except JournalError as error:
        hint = ""
        if error.line is not None:
            hint = f". {_DAMAGED}"
            if error.line == len(lines) and was_killed(session):
                hint = f". The recorder was killed while it wrote: `dlstream recover {session}` removes that line"
        raise DlstreamError(f"{session / JOURNAL}: {error}{hint}") from error


def event_log_of(session: Path) -> EventLog:
    """The event log of a session.

    Raises:
        DlstreamError: there is none, or a line of it can't be read.
    """
    lines = read_lines(session, DECISIONS)
    decisions = []
    for place, text in enumerate(lines, 1):
        try:
            decisions.append(Decision(log_line(text).n, text))
        except ValueError as error:
            if place == len(lines) and was_killed(session) and not _ends_whole(session / DECISIONS):
                return EventLog(decisions, half=True)
            raise DlstreamError(f"{session / DECISIONS}:{place}: {error}. {_DAMAGED}") from error
    return EventLog(decisions)


def about_session(session: Path) -> Mapping[str, Any]:
    """What session.json says; nothing where there is none: a journal can be replayed without it.

    Raises:
        RecordingError: it is there, and can't be read.
    """
    return read_session(session) if (session / "session.json").exists() else {}


def was_killed(session: Path) -> bool:
    """Whether the recorder did not finish, and the session was not recovered since."""
    return not about_session(session).get("complete")


def was_cut_off(session: Path) -> bool:
    """Whether the recorder was killed or failed: the last lines of one file may then be missing in the other."""
    about = about_session(session)
    return bool(about.get("recovered") or about.get("error") or not about.get("complete"))


def _ends_whole(path: Path) -> bool:
    return path.read_bytes().endswith(b"\n")
