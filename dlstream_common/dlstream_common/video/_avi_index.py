"""The index of an AVI, which tells each frame's number also where the head of a frame's data is damaged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.stream import VideoStream

_HEAD = 8
"""Bytes before a chunk's data: its kind and its size."""
_SOME = 20
"""Entries that show whether they are right."""
_BEGINNING = 1 << 20
"""Bytes in which a file's list of chunks begins."""
_NO_FRAMES = (b"pc", b"ix", b"tx")
"""Kinds of chunks that are none: palettes, indexes and texts."""
_CHUNK = re.compile(rb"\d\d[a-z]{2}|ix\d\d|idx1|LIST|JUNK")
"""How a chunk begins."""


def in_index(
    packets: Iterator[av.Packet | str], container: InputContainer, stream: VideoStream, sought: bool
) -> Iterator[av.Packet | str]:
    """The packets with the stamps that the index has for them; an empty one for each frame that has no packet.

    Without an index, as of a killed recorder, they are as they were; and from the first frame on that it does not list.

    Args:
        sought: they do not begin with the file's first one.
    """
    path = Path(container.name.removeprefix("file:"))
    entries = _aligned(path, [(entry.pos, entry.timestamp) for entry in stream.index_entries], b"%02d" % stream.index)
    first = next((item for item in packets if isinstance(item, av.Packet)), None)
    if first is None:
        return
    again = chain([first], packets)
    index = _Index(path, entries)
    yield from index.numbered(again, first if sought else None) if index.fits(first) else again


class _Index:
    """Entries of a place in the file and a stamp."""

    def __init__(self, path: Path, entries: Sequence[tuple[int, int]]) -> None:
        self._path, self._entries = path, entries
        self._numbers = {pos + _HEAD: number for number, (pos, _) in enumerate(entries)}
        self._next = 0

    def fits(self, packet: av.Packet) -> bool:
        """Whether it has the first packet, and the order of the packets."""
        in_order = all(before[0] < after[0] for before, after in pairwise(self._entries))
        return in_order and packet.pos in self._numbers

    def numbered(self, packets: Iterator[av.Packet | str], begin: av.Packet | None) -> Iterator[av.Packet | str]:
        """See `in_index`. Data that only looks like the head of a chunk, within a damaged one, is left out.

        Args:
            begin: the packet before which nothing is missing; None: the first one of the file.
        """
        shift, self._next = 0, 0 if begin is None else self._numbers[begin.pos]
        for packet in packets:
            if isinstance(packet, str):
                yield packet
                continue
            number = self._numbers.get(packet.pos)
            if number is not None and number >= self._next:
                yield from self._missing(number)
                shift = self._entries[number][1] - packet.dts
            elif number is None and packet.pos is not None:
                if packet.pos < self._entries[-1][0] + _HEAD:
                    if not self._is_followed(packet):
                        continue
                    yield from chain([packet], packets)  # the index lacks frames: it tells nothing of the others
                    return
                rest = list(self._missing(len(self._entries)))  # an index of the first part of the file
                shift += len(rest)
                yield from rest
            packet.dts += shift
            yield packet
        yield from self._missing(len(self._entries))

    def _is_followed(self, packet: av.Packet) -> bool:
        """Whether another chunk begins where this one ends, so that it is one of the file's own."""
        with self._path.open("rb") as file:
            return _CHUNK.match(_head(file, packet.pos + packet.size + packet.size % 2)) is not None

    def _missing(self, end: int) -> Iterator[av.Packet]:
        gone, self._next = self._entries[self._next : end], max(self._next, end + 1)
        if not gone:
            return
        with self._path.open("rb") as file:
            for pos, stamp in gone:
                if _kind(file, pos) not in _NO_FRAMES:
                    packet = av.Packet()
                    packet.dts = stamp
                    yield packet


def _aligned(path: Path, entries: list[tuple[int, int]], number: bytes) -> list[tuple[int, int]]:
    """The entries with their places in the file, empty if they have none.

    FFmpeg finds out where they count from by the first packet, which may not be the first one's.

    Args:
        number: how the chunks of the stream begin.
    """
    some = [entries[each * (len(entries) - 1) // _SOME] for each in range(_SOME + 1)] if entries else []
    with path.open("rb") as file:
        movie = file.read(_BEGINNING).find(b"movi")
        for shift in (0, movie + len(b"movi") - entries[0][0]) if entries else ():
            right = sum(_head(file, pos + shift)[:2] == number for pos, _ in some)
            if 2 * right > len(some):
                return [(pos + shift, stamp) for pos, stamp in entries]
    return []


def _head(file: BinaryIO, pos: int) -> bytes:
    file.seek(max(0, pos))
    return file.read(4)


def _kind(file: BinaryIO, pos: int) -> bytes:
    return _head(file, pos)[2:]
