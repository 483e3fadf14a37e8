"""The experiment's journal in a session: the inputs of its engine, and its event log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from dlstream_common import RecordingError, UsedFile
from dlstream_recorder.writers._files import AppendFile

JOURNAL = "journal.jsonl"
DECISIONS = "decisions.jsonl"


class JournalFiles:
    """Writes both files, which the first entry creates; each entry reaches the operating system at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[AppendFile] = []

    def write(self, lines: str) -> None:
        """Appends an entry: its first line to the journal, the others to the event log.

        Raises:
            RecordingError: the disk is full or can't be written.
        """
        if not self._files:
            self._files = [AppendFile(self._folder / name) for name in (JOURNAL, DECISIONS)]
        entry, _, decisions = lines.partition("\n")
        self._files[0].write(f"{entry}\n".encode())
        if decisions:
            self._files[1].write(f"{decisions}\n".encode())

    def sync(self) -> None:
        """See AppendFile.sync."""
        for file in self._files:
            file.sync()

    def close(self) -> None:
        """Closes both."""
        for file in self._files:
            file.close()


@dataclass(frozen=True)
class RunStart:
    """The contents of a run's first entry."""

    seed: int
    files: tuple[UsedFile, ...]


def run_start(lines: str) -> RunStart | None:
    """The start of a run, if the entry is one; otherwise None."""
    entry = lines.partition("\n")[0]
    about = json.loads(entry) if '"in":"start"' in entry[:100] else {}
    if about.get("in") != "start":
        return None
    return RunStart(int(about["seed"]), tuple(UsedFile.of(item) for item in about.get("files", ())))


def read_lines(folder: Path, name: str) -> list[str]:
    """The lines of one of the files.

    Raises:
        RecordingError: it does not exist, or can't be read.
    """
    path = folder / name
    if not folder.is_dir():
        raise RecordingError(_no_folder(folder))
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise RecordingError(
            f"{folder} has no {name}: no experiment ran in this session, or it was recorded by an older dlstream"
        ) from None
    except OSError as error:
        raise RecordingError(f"can't read {path}: {error.strerror}") from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RecordingError(
            f"{path}:{line}: found the byte 0x{content[error.start]:02x}, which is not text; expected a line of JSON "
            "as the recorder wrote it. The file is damaged: take it from a copy of the session"
        ) from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]  # texts within a line may contain other line ends
    return lines if lines[-1] else lines[:-1]


def _no_folder(folder: Path) -> str:
    expected = "expected a session folder (or a bag)"
    if not folder.exists():
        return f"{folder}: there is no such folder; {expected}"
    own = folder.resolve().parent
    hint = f": this file belongs to {own}" if (own / "session.json").is_file() else ""
    return f"{folder}: found a file; {expected}{hint}"
