"""Finds the frames that are missing where bytes of an MPEG transport stream are: what is left shows no error."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from statistics import median

import av

_STEPS = 50
"""Last steps from stamp to stamp that show whether the rate is constant."""
LEAST = 5
"""Steps without which nothing can be said."""
_REGULAR = 0.8
"""Part of the steps that must be near their median."""
FIELD = 0.75
"""Part of a frame's time within which a packet can still be the second field of the picture before it."""
_SHORT = 0.25
"""Part of a frame's time that a gap may be longer than what is there: a second field alone has its own stamp."""
_LONGEST = 10.0
"""Seconds of a gap in which frames are missing; after a longer one the recording was paused."""
_MISSING = "the file lacks it: bytes are missing there"
_PIECES = "the file lacks bytes there, and what was decoded may be put together from pieces of two frames"

Decoded = tuple[int | None, av.VideoFrame | str]
"""A presentation stamp in ticks of the stream, None if it has none; and the picture, or why it is lost."""


class Steps:
    """The last steps from stamp to stamp."""

    def __init__(self) -> None:
        self._last: deque[int] = deque(maxlen=_STEPS)

    def add(self, step: int) -> None:
        """Adds one, in ticks."""
        self._last.append(step)

    def usual(self) -> float | None:
        """Ticks from frame to frame; 0 if they vary, None if there are too few."""
        if len(self._last) < LEAST:
            return None
        usual = median(self._last)
        near = sum(abs(step - usual) <= usual / 4 for step in self._last)
        return usual if near >= _REGULAR * len(self._last) else 0


def stamps_between(before: float, after: int, step: float) -> list[int]:
    """Those of the frames that are missing between two stamps, at a regular rate."""
    return [round(before + number * step) for number in range(1, round((after - before) / step - _SHORT))]


class Cuts:
    """Where bytes are missing, by the continuity counters that FFmpeg looks at.

    A joint of two files looks the same, but for the gap in the stamps.

    Args:
        second: ticks of the stream's stamps in a second.
    """

    def __init__(self, second: float) -> None:
        self._longest = _LONGEST * second
        self._steps = Steps()
        self._last: int | None = None
        self._flagged = False
        self._cuts: list[int] = []
        self._suspects: set[int] = set()

    def add(self, packet: av.Packet) -> None:
        """Adds a packet before it is decoded."""
        if packet.pts is not None:
            self._last = packet.pts
        if self._last is None:
            return
        if self._flagged:  # FFmpeg's parser is one frame behind: the flag is about the bytes after this packet
            self._suspects.add(self._last)
        self._flagged = packet.is_corrupt
        if packet.is_corrupt:
            self._cuts.append(self._last)  # of a second field without a stamp, the first one's

    def told(self, decoded: Iterator[Decoded]) -> Iterator[Decoded]:
        """What was decoded, with the missing frames in their places."""
        held: Decoded | None = None
        for item in decoded:
            if held is None:
                held = item
                continue
            missing = self._missing(held[0], item[0])
            if missing:
                held, item = self._doubted(held), self._doubted(item)
            elif held[0] is not None and item[0] is not None and item[0] > held[0]:
                self._steps.add(item[0] - held[0])  # not those of packets, which may be single fields
            yield held
            yield from ((stamp, _MISSING) for stamp in missing)
            held = item
        if held is not None:
            yield held

    def _missing(self, before: int | None, after: int | None) -> list[int]:
        if not self._cuts or before is None or after is None or not 0 < after - before <= self._longest:
            return []
        step = self._steps.usual()
        if not step or not any(before - LEAST * step <= cut <= after for cut in self._cuts):
            return []
        return stamps_between(before, after, step)

    def _doubted(self, item: Decoded) -> Decoded:
        stamp, found = item
        if stamp is None or isinstance(found, str):
            return item
        until = stamp + max(1.0, FIELD * (self._steps.usual() or 0))
        return (stamp, _PIECES) if any(stamp <= suspect < until for suspect in self._suspects) else item
