"""DeepLabStream's ini files, read as forgivingly as it reads them, with the lines of their keys."""

from __future__ import annotations

import configparser
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dlstream_common import InputError, Problem


@dataclass(frozen=True)
class Note:
    """Something of a set-up that was not brought over as it is, and what to do about it."""

    where: str
    found: str
    todo: str


@dataclass
class Ini:
    """The sections of one or several files; a later file goes before."""

    file: Path
    sections: Mapping[str, Mapping[str, str]]
    lines: Mapping[tuple[str, str], int]
    notes: list[Note] = field(default_factory=list)

    def text(self, section: str, key: str, default: str = "") -> str:
        """A value as it stands there, without quotes."""
        value = self.sections.get(section.lower(), {}).get(key.lower())
        return default if value is None else value.strip().strip("\"'").strip()

    def has(self, section: str) -> bool:
        """Whether there is such a section."""
        return section.lower() in self.sections

    def where(self, section: str, key: str) -> str:
        """The place as an editor can jump to it."""
        line = self.lines.get((section.lower(), key.lower()))
        return f"{self.file.name}:{line}: [{section}] {key}" if line else f"{self.file.name}: [{section}] {key}"

    def note(self, section: str, key: str, todo: str) -> None:
        """Writes down what is to be done about a value."""
        self.notes.append(Note(self.where(section, key), self.text(section, key) or "nothing", todo))

    def words(self, section: str, key: str) -> list[str]:
        """A list, divided by commas."""
        return [part.strip() for part in self.text(section, key).split(",") if part.strip()]

    def number(self, section: str, key: str, low: float = 0.0, high: float = 1e6) -> float | None:
        """A number within limits; None (and a note) where it is none, None alone where it is left out."""
        text = self.text(section, key)
        if not text or text.lower() == "none":
            return None
        numbers = _numbers([text])
        if numbers is None or not low <= numbers[0] <= high:
            self.note(section, key, f"expected a number from {low:g} to {high:g}; the default is taken")
            return None
        return numbers[0]

    def pair(self, section: str, key: str, low: float = 0.0, high: float = 20000.0) -> tuple[float, float] | None:
        """Two numbers, as `number`."""
        words = self.words(section, key)
        numbers = _numbers(words)
        if not words:
            return None
        if numbers is None or len(numbers) != 2 or not all(low <= item <= high for item in numbers):
            self.note(section, key, f"expected two numbers from {low:g} to {high:g}; the default is taken")
            return None
        return numbers[0], numbers[1]

    def flag(self, section: str, key: str, default: bool = False) -> bool:
        """Yes or no."""
        text = self.text(section, key).lower()
        if text in ("", "true", "yes", "on", "1"):
            return default if not text else True
        if text not in ("false", "no", "off", "0", "none"):
            self.note(section, key, f"expected True or False; {default} is taken")
            return default
        return False


def read_ini(*files: Path) -> Ini:
    """Reads files that complete each other, the most important one last.

    Raises:
        InputError: a file can't be read, or is no ini file.
    """
    sections: dict[str, dict[str, str]] = {}
    lines: dict[tuple[str, str], int] = {}
    for file in files:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise InputError(file, [Problem("", f"no readable file ({error.strerror})", "an ini file")]) from error
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
        text = text.replace("\0", "")
        parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
        try:
            parser.read_string(text, source=str(file))
        except configparser.Error as error:
            raise InputError(file, [_unreadable(error)]) from error
        for name in parser.sections():
            section = sections.setdefault(name.strip().lower(), {})
            section.update({key.strip().lower(): value or "" for key, value in parser.items(name)})
        lines.update(_lines(text))
    if not sections:
        raise InputError(files[-1], [Problem("", "no sections", "an ini file with sections such as [Streaming]", 1)])
    return Ini(files[-1], sections, lines)


def _unreadable(error: configparser.Error) -> Problem:
    found = [getattr(error, "lineno", None)] + [item[0] for item in getattr(error, "errors", ())]
    line = next((number for number in found if isinstance(number, int)), 1)
    if isinstance(error, configparser.MissingSectionHeaderError):
        return Problem("", "text before the first section", "a section such as [Streaming]", line)
    return Problem("", "a line that is neither a section nor KEY = VALUE", "an ini file", line)


def _lines(text: str) -> dict[tuple[str, str], int]:
    found, section = {}, ""
    for number, line in enumerate(text.splitlines(), start=1):
        head, pair = re.match(r"\[([^\]]+)\]", line), re.match(r"([^#;\s][^=:]*?)\s*[=:]", line)
        if head:
            section = head[1].strip().lower()
        elif pair:
            found[section, pair[1].strip().lower()] = number
    return found


def _numbers(words: list[str]) -> list[float] | None:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return None
    return numbers if numbers and all(math.isfinite(number) for number in numbers) else None
