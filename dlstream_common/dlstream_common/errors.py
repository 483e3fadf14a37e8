"""Errors that are written for the person who meets them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path


class DlstreamError(Exception):
    """Something that the user can mend; shown as its message alone, without a traceback."""


class SourceError(DlstreamError):
    """A camera or a video that can't be opened, or that stopped giving frames."""


class NetworkError(DlstreamError):
    """A network file that can't be used."""


class RecordingError(DlstreamError):
    """A session that can't be written."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file: where it stands, what was found and what was expected."""

    key: str
    found: str
    expected: str
    line: int | None = None
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.key}: " if self.key else ""
        text += f"found {self.found}; expected {self.expected}"
        return f"{text}. {self.hint}" if self.hint else text


class InputError(DlstreamError):
    """A file of the user's that can't be used, with every problem found in it.

    Its text has one line a problem, `FILE:LINE: KEY: found ...; expected .... HINT`, as editors can jump to.
    """

    def __init__(self, path: str | Path, problems: Sequence[Problem]) -> None:
        self.path = Path(path)
        self.problems = tuple(problems)
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> list[str]:
        where = [f"{self.path}:{problem.line}" if problem.line else str(self.path) for problem in self.problems]
        return [f"{place}: {problem}" for place, problem in zip(where, self.problems, strict=True)]


def suggest(word: str, known: Sequence[str]) -> str:
    """A sentence that names the nearest of the known words, or all of them where none is near."""
    near = get_close_matches(word.lower(), [name.lower() for name in known], n=1, cutoff=0.6)
    if near:
        original = next(name for name in known if name.lower() == near[0])
        return f"Did you mean '{original}'?"
    return f"Known: {', '.join(known)}." if known else ""
