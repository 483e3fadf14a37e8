"""Tells of frames that are missing where bytes of a Matroska file are damaged, and of those that a header promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from dlstream_common.video._cuts import LEAST, Decoded, Steps, stamps_between
from dlstream_common.video._matroska import MatroskaGaps

_MISSING = "the file lacks it: bytes are damaged there"
_SOME = "frames from {begin:.3f} s to {end:.3f} s are missing: bytes of the file are damaged there"


def with_shortfall(decoded: Iterator[Decoded], promised: int, indexed: int) -> Iterator[Decoded]:
    """What was decoded of an AVI, and one more lost frame at the end if there were fewer than its header promises.

    Args:
        promised: so many ticks, which may be smaller steps than those of its frames; 0: not known.
        indexed: frames in the file's index; with all of them, it told what is missing.
    """
    steps, found = Steps(), 0
    last: int | None = None
    for item in decoded:
        found += 1
        if item[0] is not None:
            if last is not None and item[0] > last:
                steps.add(item[0] - last)
            last = item[0]
        yield item
    usual = steps.usual()
    missing = round((promised - last - usual) / usual) if promised and usual and last is not None else 0
    if found > indexed and missing > 0:
        which = "1 is missing" if missing == 1 else f"{missing} are missing"
        yield (
            None,
            f"the file's header promises {found + missing} frames, and {found} were found: {which}, here or anywhere "
            "before, where damage would make later frames too early",
        )


class Gaps:
    """Where bytes are damaged, and which frames are missing there, by the stamps of those around them.

    Raises:
        OSError: the file can't be read.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._walk = MatroskaGaps(Path(container.name.removeprefix("file:")))
        tick, rate = stream.time_base or 1, stream.average_rate
        self._tick = float(tick)
        self._usual = float(1 / (rate * tick)) if rate else 0.0
        self._end = round(container.duration / av.time_base / tick) if container.duration else 0
        self._steps = Steps()
        self._damaged: list[tuple[int, int]] = []
        self._last: int | None = None

    def add(self, packet: av.Packet) -> None:
        """Adds a packet before it is decoded."""
        if self._walk.is_damaged_before(packet) and packet.pts is not None:
            before = -1 if self._last is None else self._last
            self._damaged.append((min(before, packet.pts), max(before, packet.pts)))
        self._last = packet.pts if packet.pts is not None else self._last

    def told(self, decoded: Iterator[Decoded]) -> Iterator[Decoded]:
        """What was decoded, with the missing frames in their places."""
        try:
            yield from self._told(decoded)
        finally:
            self._walk.close()

    def _told(self, decoded: Iterator[Decoded]) -> Iterator[Decoded]:
        before: int | None = None
        for item in decoded:
            stamp = item[0]
            if stamp is not None:
                yield from self._missing(before, stamp)
                if before is not None and stamp > before:
                    self._steps.add(stamp - before)
                before = stamp
            yield item
        if before is not None and self._end > before and self._walk.is_damaged_after():
            self._damaged.append((before, self._end))
            yield from self._missing(before, self._end)

    def _missing(self, before: int | None, after: int) -> Iterator[Decoded]:
        if not self._damaged:
            return
        step = self._steps.usual()
        if step is None or abs(step - self._usual) < 1:
            step = self._usual  # stamps are rounded
        begin = -step if before is None else float(before)
        near = [one for one in self._damaged if one[0] - LEAST * step <= after and begin <= one[1] + LEAST * step]
        if not near or begin >= after:
            return
        if step:
            parts = len(stamps_between(begin, after, step)) + 1
            yield from ((round(begin + (after - begin) * part / parts), _MISSING) for part in range(1, parts))
        elif after >= max(end for _, end in near):  # told once
            self._damaged = [one for one in self._damaged if one not in near]
            text = _SOME.format(begin=max(0.0, begin) * self._tick, end=after * self._tick)
            yield round((begin + after) / 2), text
