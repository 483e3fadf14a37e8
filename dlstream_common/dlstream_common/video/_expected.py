"""Which pictures of a stream with presentation stamps did not come out of the decoder."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from statistics import median

import av
from av.video.stream import VideoStream

from dlstream_common.video._cuts import FIELD, Decoded
from dlstream_common.video._in_turn import INCOMPLETE, NO_PICTURE
from dlstream_common.video._timeline import JUMP

_STEPS = 9
"""Last steps from picture to picture that show the time of a frame."""


class Expected:
    """Keeps the stamps of the packets that were decoded, to find the pictures that did not come out."""

    def __init__(self, stream: VideoStream) -> None:
        self._waiting: list[tuple[int, int]] = []
        self._reasons: dict[tuple[int, int], str] = {}
        self._gone: set[tuple[int, int]] = set()
        self._interlaced = False
        self._before: tuple[int, int] | None = None
        self._shown: tuple[int, int] | None = None
        self._steps: deque[int] = deque(maxlen=_STEPS)
        self._usual = 1 / (stream.average_rate * stream.time_base) if stream.average_rate and stream.time_base else 0
        self._part = self._part_shown = 0
        self._last: int | None = None
        self._jump = int(JUMP / stream.time_base) if stream.time_base else 0

    def add(self, packet: av.Packet) -> None:
        """Adds a packet before it is decoded."""
        time = packet.pts if packet.dts is None else packet.dts
        if time is not None:
            if self._last is not None and time < self._last - self._jump:
                self._part += 1
            self._last = time
        if packet.pts is not None and not packet.is_discard:
            heappush(self._waiting, (self._part, packet.pts))

    def failed(self, packet: av.Packet, reason: str) -> Iterator[Decoded]:
        """Notes why the packet added last has no picture; yields it if it has no stamp."""
        if packet.is_discard:
            return
        if packet.pts is None:
            yield None, reason
        else:
            self._reasons[self._part, packet.pts] = reason

    def shown(self, picture: av.VideoFrame, following: int = 0) -> Iterator[Decoded]:
        """Yields a picture that came out, after the lost ones before it; see `InTurn`."""
        stamp = picture.pts
        if stamp is not None:
            if (self._part_shown, stamp) in self._gone:
                return  # it comes too late, after the next one: the decoder waited for one that is missing
            yield from self._up_to(stamp)
        self._interlaced = self._interlaced or bool(picture.interlaced_frame)
        yield stamp, INCOMPLETE if picture.is_corrupt else picture

    def ended(self) -> None:
        """From now on the decoder returns what it still has."""

    def rest(self) -> Iterator[Decoded]:
        """Yields those that never came out."""
        while self._waiting:
            yield from self._lost(heappop(self._waiting))

    def _up_to(self, stamp: int) -> Iterator[Decoded]:
        known = set(self._waiting)
        part = next((part for part in range(self._part_shown, self._part + 1) if (part, stamp) in known), None)
        if part is None:
            return  # a second picture of the same packet, or a stamp that the decoder made up
        self._part_shown = part
        while (first := heappop(self._waiting)) != (part, stamp):
            yield from self._lost(first)
        if self._shown is not None and self._shown[0] == part and stamp > self._shown[1]:
            self._steps.append(stamp - self._shown[1])
        self._before = self._shown = (part, stamp)

    def _lost(self, key: tuple[int, int]) -> Iterator[Decoded]:
        reason = self._reasons.pop(key, "")
        if self._is_second_field(key):
            return
        self._gone.add(key)
        self._before = key
        yield key[1], reason or NO_PICTURE

    def _is_second_field(self, key: tuple[int, int]) -> bool:
        """Whether a packet without a picture has the other field of the one before it, as in H.264 of camcorders."""
        if not self._interlaced or self._before is None or self._before[0] != key[0]:
            return False
        period = median(self._steps) if self._steps else self._usual
        return key[1] - self._before[1] <= FIELD * period
