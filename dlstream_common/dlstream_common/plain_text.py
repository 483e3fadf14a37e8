"""Texts of others, such as names in messages, that go to a terminal: without what a terminal obeys."""

from __future__ import annotations

import re

_INSTEAD = "\ufffd"
_CONTROLS = re.compile(r"(?!\r\n)[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ALL_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def without_controls(text: str) -> str:
    """The text with U+FFFD in place of control characters (C0 and C1), but for tabs and ends of lines."""
    return _CONTROLS.sub(_INSTEAD, text)


def one_line(text: str) -> str:
    """The text with U+FFFD in place of every control character, so that it can't begin a line of its own."""
    return _ALL_CONTROLS.sub(_INSTEAD, text)


def has_controls(text: str) -> bool:
    """Whether there is any control character in it."""
    return _ALL_CONTROLS.search(text) is not None
