"""Finds signs of a foreign keyboard or a word processor where YAML needs its own: a full-width colon, curly quotes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dlstream_common.problems import Problem
from dlstream_common.yaml._blanks import odd_blank

_PLAIN = {"\uff1a": "a colon and a space"}
_PLAIN |= dict(zip("\uff3b\uff3d\uff5b\uff5d\uff02\uff07", "[]{}\"'", strict=True))
_PLAIN |= dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"') | dict.fromkeys("\u2018\u2019\u201a", "'")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|(?:^|(?<=\s))#.*")
"""Texts and comments, where every sign is allowed."""
_COMMENT = re.compile(r"\s#\S")
"""A comment that may be meant as part of a value, such as of `mouse #3.mp4`."""
_IN_QUOTES = "Behind a blank, # begins a comment: put a text with # in quotes."
_NO_FILE = "there is no file"
_PLACES = (
    re.compile(r"(?:^|[{,])[ \t]*(?:- +)*[\w.() -]+(\uff1a)"),  # after a key
    re.compile(
        r"(?:[:,\[{\uff1a]|^|- )[ \t]*([\uff3b\uff5b\uff02\uff07\u201c\u201e\u00ab\u2018\u201a])"
    ),  # before a value
    re.compile(r"[\w)\]}\"'][ \t]*([\uff3d\uff5d])[ \t]*$"),
)


def _foreign_sign(line: str) -> tuple[str, str, str] | None:
    """What was found in a line, what was expected and what to do; None if there is none of them."""
    bare = _QUOTED.sub(lambda text: " " * len(text[0]), line)
    places = [place for pattern in _PLACES if (place := pattern.search(bare))]
    if not places:
        return None
    place = min(places, key=lambda one: one.start(1))
    sign, before = place[1], line[: place.start(1)].strip()
    name = unicodedata.name(sign).lower().replace("fullwidth", "full-width")
    where = f"after '{before[-20:]}'" if before else "at the beginning of the line"
    return f"the character U+{ord(sign):04X} ({name}) {where}", _PLAIN[sign], "Delete it and type it in plain letters."


def first_foreign_sign(lines: Sequence[str], first: int, last: int) -> tuple[int, tuple[str, str, str]] | None:
    """The first one from a line to another, counted from 1, with its line."""
    for number, line in enumerate(lines[first - 1 : last], start=first):
        if found := _foreign_sign(line):
            return number, found
    return None


def comment_hint(lines: Sequence[str], last: int, value: str = "") -> str:
    """What to do where a # cut off the end of a value; empty if none did.

    Args:
        last: the line of the problem, counted from 1.
        value: what was left of it; empty: any, within braces that stay open because of it.
    """
    for line in lines[last - 1 : last] if value else lines[max(0, last - 2) : last]:
        bare = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'", lambda text: "-" * len(text[0]), line)
        if comment := _COMMENT.search(bare):
            before = line[: comment.start()]
            if (
                before.endswith(value)
                if value
                else before.count("{") + before.count("[") > len(re.findall(r"[}\]]", before))
            ):
                return _IN_QUOTES
    return ""


def odd_blank_problem(line: int, found: str) -> Problem:
    """The problem with a blank that is no space."""
    return Problem((), found, "a plain space", "Delete it and type a space.", line=line)


def by_signs(path: Path, problems: Sequence[Problem]) -> list[Problem]:
    """The problems; those on a line with an odd blank or a foreign sign are replaced by one about this."""
    lines = path.read_text(encoding="utf-8").split("\n")
    result: dict[Problem, None] = {}
    for problem in problems:
        number = problem.line
        if number and number <= len(lines):
            line = lines[number - 1]
            if blank := odd_blank(line):
                problem = odd_blank_problem(number, blank)
            elif sign := first_foreign_sign(lines, number, number + line.rstrip().endswith(":")):
                problem = Problem((), *sign[1], line=sign[0])
            elif _NO_FILE in problem.expected and not problem.suggestion:
                problem = replace(problem, suggestion=comment_hint(lines, number, problem.found.strip("'")))
        result[problem] = None
    return list(result)
