"""DeepLabStream's ini files, read as forgivingly as it reads them, with the lines of their keys."""

from __future__ import annotations

import configparser
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from dlstream_common import InputError, Problem
from dlstream_common.text_files import decoded_text, encoding_of_text

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_LINE_ENDS = re.compile("[\u2028\u2029\x85]")
"""Line ends of Unicode, as some word processors leave them."""


@dataclass(frozen=True)
class Note:
    """Something that was not imported as it is, and what to do about it.

    Attributes:
        lost: nothing of it is in the files that were written.
    """

    where: str
    found: str
    todo: str
    lost: bool = False


@dataclass(frozen=True)
class Spot:
    """Where a key, or with an empty key a section's heading, stands, as it is spelled there; line 0: not known."""

    file: Path
    line: int
    section: str
    key: str

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        return f"{self.file.name}{line}: [{self.section}] {self.key}".rstrip()


@dataclass
class Ini:
    """The sections of one or several files; a later file takes precedence."""

    file: Path
    sections: Mapping[str, Mapping[str, str]]
    spots: Mapping[tuple[str, str], Spot]
    notes: list[Note] = field(default_factory=list)
    used: set[tuple[str, str]] = field(default_factory=set)
    """Every key that was asked for."""

    def text(self, section: str, key: str, default: str = "") -> str:
        """A value as it stands there, without quotes."""
        self.used.add((section.lower(), key.lower()))
        return self.peek(section, key) if key.lower() in self.sections.get(section.lower(), {}) else default

    def peek(self, section: str, key: str) -> str:
        """As `text`, of a value that is only shown."""
        return self.sections.get(section.lower(), {}).get(key.lower(), "").strip().strip("\"'").strip()

    def has(self, section: str) -> bool:
        """Whether there is such a section."""
        return section.lower() in self.sections

    def section_of(self, key: str, *sections: str) -> str:
        """The first of the sections that has this key; where none has, the first."""
        return next((name for name in sections if key.lower() in self.sections.get(name.lower(), {})), sections[0])

    def where(self, section: str, key: str) -> str:
        """The place as an editor can jump to it."""
        return str(self.spots.get((section.lower(), key.lower())) or Spot(self.file, 0, section, key))

    def note(self, section: str, key: str, todo: str, lost: bool = False) -> None:
        """Writes down what is to be done about a value, once."""
        note = Note(self.where(section, key), self.text(section, key) or "nothing", todo, lost)
        if note not in self.notes:
            self.notes.append(note)

    def unused(self) -> dict[str, list[Spot]]:
        """The keys that nobody asked for, by section, in lower case; a section without keys has only its heading."""
        found: dict[str, list[Spot]] = {}
        for section, keys in self.sections.items():
            left = [self.spots[section, key] for key in keys if (section, key) not in self.used]
            if left or not keys:
                found[section] = left or [self.spots[section, ""]]
        return found

    def existing(self, path: str) -> Path | None:
        """The file that a value names: from here, this file's folder, or DeepLabStream's own; None: there is none."""
        folders = (Path(), self.file.parent, *list(self.file.parent.parents)[:2])
        found = (folder / path for folder in folders)
        return next((file.resolve() for file in found if file.is_file()), None)

    def words(self, section: str, key: str) -> list[str]:
        """A list, separated by commas."""
        return [part.strip() for part in self.text(section, key).split(",") if part.strip()]

    def number(self, section: str, key: str, low: float = 0.0, high: float = 1e6) -> float | None:
        """A number within limits; None with a note if it is none, None without a note if it is missing."""
        text = self.text(section, key)
        if not text or text.lower() == "none":
            return None
        numbers = _numbers([text])
        if numbers is None or not low <= numbers[0] <= high:
            point = f", with a decimal point, {text.replace(',', '.')}" if _DECIMAL_COMMA.fullmatch(text) else ""
            self.note(section, key, f"expected a number from {low:g} to {high:g}{point}; the default is used", True)
            return None
        return numbers[0]

    def pair(self, section: str, key: str, low: float = 0.0, high: float = 20000.0) -> tuple[float, float] | None:
        """Two numbers, as `number`."""
        words = self.words(section, key)
        numbers = _numbers(words)
        if not words:
            return None
        if numbers is None or len(numbers) != 2 or not all(low <= item <= high for item in numbers):
            self.note(section, key, f"expected two numbers from {low:g} to {high:g}; the default is used", True)
            return None
        return numbers[0], numbers[1]

    def flag(self, section: str, key: str, default: bool = False) -> bool:
        """Yes or no."""
        text = self.text(section, key).lower()
        if text in ("", "true", "yes", "on", "1"):
            return default if not text else True
        if text not in ("false", "no", "off", "0", "none"):
            self.note(section, key, f"expected True or False; {default} is used")
            return default
        return False


def read_ini(*files: Path) -> Ini:
    """Reads files that complete each other, the most important one last.

    Raises:
        InputError: a file can't be read, is no ini file, or has a key twice.
    """
    sections: dict[str, dict[str, str]] = {}
    spots: dict[tuple[str, str], Spot] = {}
    for file in files:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise InputError(file, [Problem((), f"no readable file ({error.strerror})", "an ini file")]) from error
        try:
            text = decoded_text(content)
        except UnicodeDecodeError as error:
            problem = Problem((), f"text in {error.encoding.upper()} that is damaged", "a whole ini file")
            raise InputError(file, [problem]) from error
        text = text.replace("\0", "")
        if encoding_of_text(content) != "latin-1":  # where one of them is an ellipsis
            text = _LINE_ENDS.sub("\n", text)
        parser = configparser.ConfigParser(interpolation=None, allow_no_value=True, default_section="\0")
        try:
            parser.read_string(text, source=str(file))
        except configparser.Error as error:
            raise InputError(file, [_unreadable(error)]) from error
        except AttributeError as error:  # so configparser fails at a value that begins below a key without one
            raise InputError(file, [_bare_key(text)]) from error
        lines = _lines(text)
        own: set[tuple[str, str]] = set()
        for name in parser.sections():
            low = name.strip().lower()
            section = sections.setdefault(low, {})
            spots[low, ""] = Spot(file, lines.get((low, ""), ("", 0))[1], name, "")
            for key, value in parser.items(name):
                spelled, line = lines.get((low, key), (key.upper(), 0))
                if (low, key) in own:
                    raise InputError(file, [_twice(f"[{name}] {spelled}", line)])
                own.add((low, key))
                section[key] = value or ""
                spots[low, key] = Spot(file, line, name, spelled)
    if not sections:
        problem = Problem((), "no sections", "an ini file with sections such as [Streaming]", line=1)
        raise InputError(files[-1], [problem])
    return Ini(files[-1], sections, spots)


def _unreadable(error: configparser.Error) -> Problem:
    if isinstance(error, configparser.DuplicateOptionError):
        return _twice(f"[{error.section}] {error.option.upper()}", error.lineno)
    if isinstance(error, configparser.DuplicateSectionError):
        return _twice(f"[{error.section}]", error.lineno)
    found = [getattr(error, "lineno", None)] + [item[0] for item in getattr(error, "errors", ())]
    line = next((number for number in found if isinstance(number, int)), 1)
    if isinstance(error, configparser.MissingSectionHeaderError):
        return Problem((), "text before the first section", "a section such as [Streaming]", line=line)
    return Problem((), "a line that is neither a section nor KEY = VALUE", "an ini file", line=line)


def _bare_key(text: str) -> Problem:
    """A key without a value, followed by an indented line."""
    pairs = enumerate(pairwise(text.splitlines()), start=1)
    bare = [line for line, (key, below) in pairs if below[:1].isspace() and not re.search("[=:]", key)]
    return Problem(
        (), "a key without a value above an indented line", "KEY = VALUE on one line", line=bare[0] if bare else 1
    )


def _twice(what: str, line: int | None) -> Problem:
    return Problem((what,), "it a second time", "it once: it is unclear which one counts", line=line)


def _lines(text: str) -> dict[tuple[str, str], tuple[str, int]]:
    """How sections and keys are spelled, and the last line where they begin."""
    found: dict[tuple[str, str], tuple[str, int]] = {}
    section = ""
    for number, line in enumerate(text.split("\n"), start=1):
        head, pair = re.match(r"\s*\[(.+)\]", line), re.match(r"\s*([^#;\s\[=:][^=:]*?)\s*(?:[=:]|$)", line)
        if head:
            section = head[1].strip().lower()
            found[section, ""] = head[1], number
        elif pair:
            found[section, pair[1].lower()] = pair[1], number
    return found


def _numbers(words: list[str]) -> list[float] | None:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return None
    return numbers if numbers and all(math.isfinite(number) for number in numbers) else None
