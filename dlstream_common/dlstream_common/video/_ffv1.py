"""Checks the sums that FFV1 keeps of its slices: for a damaged one, FFmpeg shows pixels of the previous frame."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_TRAILERS = 8, 3
"""Bytes after each slice, with and without sums: its size (3); with sums also an error code (1) and the sum (4)."""
_ALL = 0xFFFFFFFF
_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
"""Each byte with its bits in reverse order: FFV1 feeds the highest bit first, zlib the lowest."""
_STARTS = _ALL, _ALL ^ int(f"{0x79408C7A:032b}"[::-1], 2)
"""What zlib's CRC-32 begins with, by the version of FFV1. A whole slice and its sum lead back to it."""


class SliceSums:
    """Finds damaged packets of one FFV1 stream. A stream without sums has none that are found."""

    def __init__(self) -> None:
        self._kept: bool | None = None

    def is_damaged(self, packet: bytes) -> bool:
        """Whether a packet's slices contradict their sums."""
        slices = list(_slices(packet, _TRAILERS[0]))
        if self._kept is None and slices:
            self._kept = True
        elif self._kept is None and list(_slices(packet, _TRAILERS[1])):
            self._kept = False
        if not self._kept:
            return False
        return not slices or not all(_is_whole(one) for one in slices)


def _slices(packet: bytes, trailer: int) -> Iterator[bytes]:
    """The slices with their trailers, from the last to the first; none if the sizes do not fill the packet."""
    found, end = [], len(packet)
    while end:
        size = int.from_bytes(packet[max(0, end - trailer) :][:3], "big") + trailer
        if size > end:
            return
        found.append(packet[end - size : end])
        end -= size
    yield from found


def _is_whole(one: bytes) -> bool:
    mirrored = one.translate(_MIRRORED)
    return any(zlib.crc32(mirrored, start) == start for start in _STARTS)
