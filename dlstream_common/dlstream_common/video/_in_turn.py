"""The stamps of an AVI's pictures: it has none of presentation, so that its pictures get those of the packets in turn.

A packet that gives no picture would move all pictures after it to earlier stamps. What tells how many are lost: without
reordering a picture belongs to its packet; else it comes at most a fixed number of packets late, and a key frame is
shown after all packets before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import av

from dlstream_common.video._cuts import Decoded

NO_PICTURE = "the decoder returns no picture for its data"
INCOMPLETE = "its data is incomplete"


class InTurn:
    """Gives each picture the stamp of a packet, and finds those of which there is no picture."""

    def __init__(self) -> None:
        self._order = -1
        self._late, self._newest = 0, -1
        self._is_reordered = False
        self._waiting: deque[tuple[int, int]] = deque()
        self._keys: set[int] = set()
        self._failed: dict[int, str] = {}
        self._untold: deque[str] = deque()

    def add(self, packet: av.Packet) -> None:
        """Adds a packet before it is decoded, which gets its number as its stamp."""
        self._order += 1
        self._waiting.append((self._order, packet.dts))
        if packet.is_keyframe:
            self._keys.add(self._order)
        packet.pts = self._order

    def failed(self, packet: av.Packet, reason: str) -> Iterator[Decoded]:
        """Notes why the packet added last has no picture."""
        self._failed[self._order] = reason
        self._untold.append(reason)
        yield from ()

    def shown(self, picture: av.VideoFrame, following: int = 0) -> Iterator[Decoded]:
        """Yields a picture that came out, after the lost ones before it.

        Args:
            following: how many came out together with it, after it: where a packet fails, pictures are late.
        """
        origin, now = picture.pts, self._order - following
        if origin is not None:
            self._is_reordered = self._is_reordered or origin < self._newest
            self._newest = origin
        yield from self._overdue(origin, now)
        if not self._waiting:
            yield None, INCOMPLETE if picture.is_corrupt else picture
            return
        order, stamp = self._waiting.popleft()
        picture.pts = stamp
        reason = INCOMPLETE if picture.is_corrupt else ""
        if not self._failed:
            self._late = max(self._late, now - order)
        elif origin is not None:
            reason = self._failed.get(origin, reason)  # the failed one comes out nevertheless
            if reason in self._untold:
                self._untold.remove(reason)
            self._settle(origin)
        yield stamp, reason or picture

    def ended(self) -> None:
        """From now on the decoder returns what it still has."""
        self._order += 1

    def rest(self) -> Iterator[Decoded]:
        """Yields those that never came out."""
        while self._waiting:
            yield self._lost()

    def _overdue(self, origin: int | None, now: int) -> Iterator[Decoded]:
        """Yields the lost ones before a picture."""
        if not self._failed:
            return
        due = origin if origin is not None and (origin in self._keys or not self._is_reordered) else 0
        if self._is_reordered and self._late:
            due = max(due, now - self._late)
        while self._waiting and self._waiting[0][0] < due:
            yield self._lost()

    def _lost(self) -> Decoded:
        _, stamp = self._waiting.popleft()
        return stamp, self._untold.popleft() if self._untold else NO_PICTURE

    def _settle(self, origin: int) -> None:
        """Forgets the failed ones before a key frame."""
        if origin in self._keys and origin not in self._failed and max(self._failed) < origin:
            self._failed.clear()
            self._untold.clear()
            self._keys = {key for key in self._keys if key > origin}
