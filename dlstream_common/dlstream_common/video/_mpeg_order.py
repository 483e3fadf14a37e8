"""The order in which MPEG-1, -2 and -4 pictures are shown, by their own headers: an AVI has no stamps for it.

A picture that builds on a later one (B) is shown at once. Any other one waits until the next of its kind is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

import av
from av.video.frame import PictureType

_HEADS = {"mpeg4": b"\x00\x00\x01\xb6", "mpeg2video": b"\x00\x00\x01\x00", "mpeg1video": b"\x00\x00\x01\x00"}
"""How a picture's data begins, by codec."""
_LOOKED_AT = 30
"""Packets that show whether some hold two pictures."""
_UNCHANGED = 19
"""Bytes up to which a packet of MPEG-4 can say "as before", for which a decoder returns no picture."""


def in_shown_order(packets: Iterator[av.Packet | str], codec: str) -> tuple[Iterator[av.Packet | str], bool]:
    """The same packets with their places in the order of presentation as stamps, and True.

    The packets need decoding stamps, in the order of the file. They are as they were,
    with False, for another codec, and for MPEG-4 that has two pictures in a packet (DivX's packed bitstream).
    """
    head = _HEADS.get(codec)
    if head is None:
        return packets, False
    first = list(islice(packets, _LOOKED_AT))
    again = chain(first, packets)
    if codec == "mpeg4" and any(bytes(one).count(head) > 1 for one in first if isinstance(one, av.Packet)):
        return again, False
    return _Order(head).ordered(again), True


def is_unchanged(packet: av.Packet, codec: str) -> bool:
    """Whether a packet may be one of those that say "as before"."""
    return codec == "mpeg4" and 0 < packet.size <= _UNCHANGED and not packet.is_keyframe


def is_made_up(picture: av.VideoFrame, codec: str) -> bool:
    """Whether a decoder made a picture up in place of one that others build on."""
    return codec in _HEADS and picture.pict_type == PictureType.NONE


class _Order:
    def __init__(self, head: bytes) -> None:
        self._head = head
        self._between = self._usual = 0
        """Pictures at a time that build on a later one: since the last other one, and before."""

    def ordered(self, packets: Iterator[av.Packet | str]) -> Iterator[av.Packet | str]:
        """A packet is held back until the next one that others may build on is there."""
        held: list[av.Packet | str] = []
        before: int | None = None
        begun = False
        for item in packets:
            if isinstance(item, str):
                held.append(item)
                continue
            if self._builds_on_later(item):
                item.pts = item.dts - 1 if before is None else before
            else:
                yield from _stamped(held, before) if begun else held
                held, begun = [], True
            held.append(item)
            before = item.dts
        yield from _stamped(held, before) if begun else held

    def _builds_on_later(self, packet: av.Packet) -> bool:
        kind = self._kind(bytes(packet))
        if kind is None:  # its head is damaged: one as is due
            kind = self._between < self._usual
        if kind:
            self._between += 1
        else:
            self._usual, self._between = self._between, 0
        return kind

    def _kind(self, data: bytes) -> bool | None:
        """Whether a picture builds on a later one; None where its head is damaged."""
        begin = data.find(self._head) + len(self._head)
        if begin < len(self._head) or begin + 2 > len(data):
            return None
        if self._head == _HEADS["mpeg4"]:
            return data[begin] >> 6 == 2
        kind = data[begin + 1] >> 3 & 7
        return kind == 3 if 1 <= kind <= 4 else None


def _stamped(held: list[av.Packet | str], last: int | None) -> list[av.Packet | str]:
    """The packets, of which the first one is shown after all others."""
    first = next((item for item in held if isinstance(item, av.Packet)), None)
    if first is not None:
        first.pts = last
    return held
