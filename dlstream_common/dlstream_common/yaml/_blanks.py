"""Finds characters that look like a space but are none, as copied from a word processor or a web page."""

from __future__ import annotations

import re
import unicodedata

_ODD = "\u00a0\u1680\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
_PLACES = re.compile(
    rf"^[ \t-]*[{_ODD}]|[:,\[{{-][ \t]*[{_ODD}]|[{_ODD}][ \t]*[:,\]}}]|[{_ODD}][ \t]*$"  # where YAML needs a space
)


def odd_blank(line: str) -> str:
    """The first odd blank in a line where YAML needs a space, in words; empty if there is none."""
    place = _PLACES.search(line)
    if place is None:
        return ""
    sign = re.search(f"[{_ODD}]", place[0])
    assert sign is not None
    name = unicodedata.name(sign[0], "a blank").lower().replace("no-break", "non-breaking")
    before = line[: place.start() + sign.start()].strip()
    where = f"after '{before[-20:]}'" if before else "at the beginning of the line"
    return f"the character U+{ord(sign[0]):04X} ({name}) {where}"


def first_odd_blank(text: str) -> tuple[int, str] | None:
    """Its line, counted from 1, and the words of `odd_blank`; None if there is none."""
    for number, line in enumerate(text.split("\n"), start=1):
        if found := odd_blank(line):
            return number, found
    return None
