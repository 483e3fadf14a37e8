"""The protocol's lines: `payload*1234ABCD` and a newline, where the number is the CRC-32 of the payload.

docs/reference/firmware.md has the protocol.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

LONGEST = 72
"""Bytes of a line to the board without its newline, at most."""
_LONGEST_FROM_BOARD = 250
_FRAME = re.compile(rb"([ -~]+)\*([0-9A-F]{8})")
_HEAD = re.compile(r"([AE!]) (\d{1,10}) (\d{1,10})(?: (.*))?")


@dataclass(frozen=True)
class Answer:
    """What the board says to a line: it was carried out (`done`), or refused.

    Attributes:
        number: of the line.
        us: the board's time of it, in microseconds since its reset, modulo 2**32.
        words: what it says besides, such as the reason of a refusal.
    """

    number: int
    us: int
    done: bool
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What the board says by itself: `word` is boot, in, end, watchdog, max_on, lost or damaged."""

    number: int
    us: int
    word: str
    values: tuple[str, ...] = ()


def framed(payload: str) -> bytes:
    """A line to the board.

    Raises:
        ValueError: it is too long, or has letters that are not ASCII.
    """
    text = payload.encode("ascii")
    line = b"%s*%08X" % (text, zlib.crc32(text))
    if len(line) > LONGEST or not re.fullmatch(rb"[ -)+-~]+", text):
        raise ValueError(f"found {payload!r}; expected printable ASCII without *, {LONGEST - 9} letters at most")
    return line + b"\n"


def read_line(line: bytes) -> Answer | Report | None:
    """A line of the board without its newline; None if it is damaged, or is no line of the protocol."""
    frame = _FRAME.fullmatch(line)
    if len(line) > _LONGEST_FROM_BOARD or frame is None or zlib.crc32(frame[1]) != int(frame[2], 16):
        return None
    head = _HEAD.fullmatch(frame[1].decode("ascii"))
    if head is None or int(head[3]) >= 1 << 32 or int(head[2]) >= 1 << 32:
        return None
    kind, number, us, words = head[1], int(head[2]), int(head[3]), tuple((head[4] or "").split())
    if kind == "!":
        return Report(number, us, words[0], words[1:]) if words else None
    return Answer(number, us, kind == "A", words)


class Numbers:
    """Follows the numbers of the board's reports, which have no gaps.

    Args:
        first: the number of the next one; None: not known.
    """

    def __init__(self, first: int | None) -> None:
        self._next = first

    def missing_before(self, number: int) -> int:
        """How many reports have been lost just before this one; 0 also where the board has begun again."""
        missing = 0 if self._next is None else max(0, number - self._next)
        self._next = number + 1
        return missing
