"""Problems in files, as all checks of dlstream report them, and suggestions for misspelt words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any

Place = tuple["str | int", ...]
"""The place of a value: the keys and indices that lead to it, such as ("cameras", "top", "crop", 2)."""


class Severity(Enum):
    """Whether a problem stops everything or is only reported."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Problem:
    """One problem in a file: its place, what was found and what was expected.

    Attributes:
        place: the keys and indices that lead to it; empty: the file as a whole.
        found: completes "found ..."; a whole message where nothing is `expected`.
        expected: completes "expected ..."; empty: `found` says it all, as the message of an error does (`of_error`).
        suggestion: what to do, in one or more sentences; may be empty.
        severity: with an error the file is refused, with a warning it is not.
        line: counted from 1; None if unknown.
        file: the file with the problem, if it is not the one that is being checked.
        option: the option of the command line that said it, if it stands in no file.
        choices: what could stand there, where only certain words can; for whoever asks for another one.
    """

    place: Place
    found: str
    expected: str
    suggestion: str = ""
    severity: Severity = Severity.ERROR
    line: int | None = None
    file: Path | None = None
    option: str = ""
    choices: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The place as a person writes it, such as `cameras.top.crop[2]`."""
        return key_of(self.place)

    def where(self, checked: Path) -> str:
        """Where it stands, when `checked` is the file that is being checked: `rig.yaml:3`, or an option."""
        file = self.file or checked
        return self.option or (f"{file}:{self.line}" if self.line else str(file))

    @property
    def is_warning(self) -> bool:
        """Whether it is only reported."""
        return self.severity is Severity.WARNING

    @classmethod
    def of_error(cls, error: Exception, *place: str | int) -> Problem:
        """What an error for the user says, which has what was found and expected in its own words."""
        return cls(place, str(error).rstrip("."), "")

    def below(self, *place: str | int) -> Problem:
        """The same problem as seen from an enclosing mapping, in which this one's root is at `place`."""
        return replace(self, place=(*place, *self.place))

    def __str__(self) -> str:
        text = f"{self.key}: " if self.place else ""
        text += f"found {self.found}; expected {self.expected}" if self.expected else self.found
        return f"{text}. {self.suggestion}" if self.suggestion else text


def key_of(place: Sequence[Any]) -> str:
    """A place as a person writes it: `("points", 2)` is `points[2]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word that was probably meant; None if none is similar."""
    near = get_close_matches(word.lower(), [name.lower() for name in known], n=1, cutoff=0.6)
    return next(name for name in known if name.lower() == near[0]) if near else None


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A sentence that suggests the most similar known word; empty if none is similar."""
    name = nearest(word, known)
    return f"Did you mean '{name}'?" if name is not None else ""


def suggest(word: str, known: Sequence[str]) -> str:
    """A sentence that suggests the most similar known word, or lists all of them if none is similar."""
    return did_you_mean(word, known) or (f"Known: {', '.join(known)}." if known else "")
