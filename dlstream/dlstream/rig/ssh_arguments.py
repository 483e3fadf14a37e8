"""What `hosts.<name>.ssh` may hold: where a host is reached, and nothing that would run a command here.

A rig file is passed on like data, and some of ssh's options, such as ProxyCommand, are a command line for a shell.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

_PLACE = re.compile(r"(?!-)(?!.*[@,/]-)[\w.@:%+/\[\]-]+", re.ASCII)
_JUMPS = re.compile(r"(?!-)(?!.*[@,/]-)[\w.@:+/\[\],-]+", re.ASCII)
_VALUES = {
    "-p": re.compile(r"[0-9]{1,5}"),
    "-l": re.compile(r"[\w.+][\w.@+-]*", re.ASCII),
    "-i": re.compile(r"(?!-)[^\x00-\x1f\x7f]+"),
    "-J": _JUMPS,
}
_SWITCHES = ("-4", "-6")
_EXPECTED = (
    "one destination, such as anna@arena, and of ssh's options only "
    f"{', '.join((*_VALUES, *_SWITCHES))}; any other belongs in ~/.ssh/config of the main host"
)


def words_of(text: str, expected: str) -> list[str]:
    """The words of a command line, as a shell divides it.

    Args:
        expected: completes "expected ...".

    Raises:
        ValueError: a quote is open, or a character in it is none of a text.
    """
    if not text.isprintable():
        raise ValueError(f"{expected}; of printable characters")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{expected}; {str(error).lower()}") from error


def check_ssh(text: str) -> None:
    """Raises ValueError where it is more than a way to a host; an empty text is no way, and allowed."""
    destinations = 0
    words = iter(words_of(text, _EXPECTED))
    for word in words:
        if word.startswith("-"):
            _check_option(word, words)
        elif _PLACE.fullmatch(word):
            destinations += 1
        else:
            raise ValueError(f"{_EXPECTED}; {word!r} is no destination")
    if text and destinations != 1:
        raise ValueError(f"{_EXPECTED}; it has {destinations or 'no'} destination{'s' if destinations > 1 else ''}")


def _check_option(word: str, further: Iterator[str]) -> None:
    option, value = word[:2], word[2:]
    if word in _SWITCHES:
        return
    pattern = _VALUES.get(option)
    if pattern is None:
        raise ValueError(f"{_EXPECTED}; {word!r} is none of them")
    value = value or next(further, "")
    if not pattern.fullmatch(value):
        raise ValueError(f"{_EXPECTED}; {value!r} is no value of {option}")
