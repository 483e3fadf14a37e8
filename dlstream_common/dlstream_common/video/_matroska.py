"""Finds damaged bytes between the packets of a Matroska or WebM file, over which FFmpeg goes without a word."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import av

from dlstream_common.video._truncation import variable_size

_EBML, _SEGMENT, _CLUSTER, _GROUP = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75", b"\xa0"
_BLOCKS = (b"\xa3", b"\xa1")
_ENTERED = (_SEGMENT, _CLUSTER, _GROUP)
_SKIPPED = frozenset(
    (
        b"\xec",
        b"\xbf",
        b"\xe7",
        b"\xab",
        b"\xa7",
        b"\x58\x54",
        b"\xaf",
        b"\xa2",
        *_BLOCKS,
        _EBML,
    )  # of a cluster, and of anywhere
    + (b"\x9b", b"\xfb", b"\x75\xa1", b"\xfd", b"\xa4", b"\x8e", b"\xfa", b"\x75\xa2", b"\xcb", b"\xc8")  # of a group
    + (b"\x1c\x53\xbb\x6b", b"\x12\x54\xc3\x67", b"\x19\x41\xa4\x69", b"\x10\x43\xa7\x70")  # of a segment
    + (b"\x11\x4d\x9b\x74", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b")
)
_NEAR = 48
"""Bytes between two packets in which there is room for heads only, and none for a frame."""


class MatroskaGaps:
    """Walks from element to element where more than their heads lies between two packets.

    Raises:
        OSError: the file can't be read.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._there = os.fstat(self._file.fileno()).st_size
        self._before: tuple[int, int] | None = None
        self._track = b""

    def is_damaged_before(self, packet: av.Packet) -> bool:
        """Whether bytes are damaged between the packet before, or the beginning, and this one; ask for every packet."""
        before, self._before = self._before, (packet.pos, packet.size)
        if packet.pos is None or packet.pos < 0 or (before and packet.pos <= before[0]):
            return False  # several frames in one block
        if before and packet.pos - before[0] - before[1] <= _NEAR:
            return False
        self._file.seek(packet.pos)
        self._track = self._file.read(1)
        begin = _after(self._file, before[0]) if before else 0
        return not _arrives(self._file, begin, packet.pos, self._there, self._track)

    def is_damaged_after(self) -> bool:
        """Whether bytes are damaged between the last packet and the end of the file."""
        if self._before is None:
            return False
        begin = _after(self._file, self._before[0])
        return not _arrives(self._file, begin, None, self._there, self._track)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _after(file: BinaryIO, content: int) -> int | None:
    """Where a block ends whose content begins there; None if that can't be found."""
    for length in range(1, 9):
        file.seek(max(0, content - length - 1))
        if file.read(1) not in _BLOCKS:
            continue
        size = variable_size(file)
        if size is not None and file.tell() == content:
            return content + size
    return None


def _arrives(file: BinaryIO, place: int | None, goal: int | None, there: int, track: bytes) -> bool:
    """Whether the elements from a place on lead to a block whose content begins at `goal`; None: to the end.

    Not if they lead over other blocks of the same track: FFmpeg leaves some out after a damaged one.
    """
    end = there if goal is None else goal
    while place is not None and place < end:
        file.seek(place)
        kind = _identity(file)
        if kind not in _SKIPPED and kind not in _ENTERED:
            return False
        size = variable_size(file)
        place = file.tell()
        if kind in _BLOCKS:
            if place == goal:
                return True
            if file.read(1) in (track, b"", b"\0"):
                return False
        if kind in _ENTERED:
            continue
        if size is None:
            return True  # of another file behind this one, or of no kind that is known
        place += size
    return place is None or goal is None


def _identity(file: BinaryIO) -> bytes:
    first = file.read(1)
    if not first or first[0] < 1 << 4:
        return b""
    return first + file.read(8 - first[0].bit_length())
