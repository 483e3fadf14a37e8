"""Detects truncated files by the sizes of their chunks. Frame counts and durations are no evidence.

AVI, Matroska, MP4 and ASF (WMV) files consist of chunks that begin with their size. A killed recorder, or one that
writes to a pipe, leaves a size open, or as it was before the first packet (ASF): no truncation, what is there can be
read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof")
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
"""The GUID of the header, with which such a file begins."""
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_LEAST_OBJECT = 24
"""Bytes of an object's GUID and size."""
_EMPTY_DATA = 50
"""Bytes of the data object without a packet: FFmpeg writes this size first, and the true one at a clean end."""
_TOLERANCE = 64
"""Bytes by which sloppy writers may be wrong."""


def announced_size(path: Path) -> int | None:
    """The size in bytes that a file should have, if it is smaller; None if it is complete, or has no such size.

    Raises:
        OSError: it can't be read.
    """
    there = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(len(_ASF))
        if head[:4] == b"RIFF":
            end = _riff_end(file, there)
        elif head[:4] == _EBML:
            end = _matroska_end(file)
        elif head[4:8] in _BOXES:
            end = _boxes_end(file, there)
        elif head == _ASF:
            end = _objects_end(file, there)
        else:
            end = None
    return end if end is not None and end > there + _TOLERANCE else None


def has_index(path: Path) -> bool:
    """Whether what there is of a truncated file can be saved: an MP4 without its index can't.

    Raises:
        OSError: it can't be read.
    """
    there = path.stat().st_size
    with path.open("rb") as file:
        if file.read(8)[4:] not in _BOXES:
            return True
        return any(kind == b"moov" and end <= there for kind, end in _boxes(file, there))


def appended_at(path: Path) -> int | None:
    """The byte at which a second MP4 begins that was appended to the first, as `cat` does; None if there is none.

    Raises:
        OSError: it can't be read.
    """
    there = path.stat().st_size
    begin = 0
    with path.open("rb") as file:
        for kind, end in _boxes(file, there):
            if kind == b"ftyp" and begin:
                return begin
            begin = end
    return None


def _riff_end(file: BinaryIO, there: int) -> int | None:
    """AVI: one or several RIFF chunks."""
    end = 0
    while end < there:
        file.seek(end)
        head = file.read(8)
        if head[:4] != b"RIFF":
            break
        size = int.from_bytes(head[4:8], "little")
        if size in (0, 0xFFFFFFFF):
            return None
        end += 8 + size + size % 2
    return end


def _objects_end(file: BinaryIO, there: int) -> int | None:
    """ASF: a sequence of objects with a GUID of 16 bytes and a size of 8, up to the end of the data.

    What follows the data is no evidence: an index may follow, or not.
    """
    end = 0
    while end < there:
        file.seek(end)
        kind = file.read(len(_ASF))
        size = int.from_bytes(file.read(8), "little")
        is_data = kind == _ASF_DATA
        if not _LEAST_OBJECT <= size < 1 << 62 or (is_data and size <= _EMPTY_DATA):
            return None
        end += size
        if is_data:
            break
    return end


def _matroska_end(file: BinaryIO) -> int | None:
    file.seek(4)
    header = variable_size(file)
    if header is None:
        return None
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != _SEGMENT:
        return None
    size = variable_size(file)
    return None if size is None else file.tell() + size


def variable_size(file: BinaryIO) -> int | None:
    """EBML's number of 1 to 8 bytes; None if all its bits are set, which means unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    value = int.from_bytes(first + rest, "big") & ((1 << 7 * length) - 1)
    return None if value == (1 << 7 * length) - 1 else value


def _boxes_end(file: BinaryIO, there: int) -> int | None:
    """MP4 and QuickTime: a sequence of boxes; one of size 0 extends to the end."""
    end = 0
    for kind, end in _boxes(file, there):  # noqa: B007 -- the last one counts
        if not kind:
            return None
    return end


def _boxes(file: BinaryIO, there: int) -> Iterator[tuple[bytes, int]]:
    """Each box's kind and end; the last one without a kind where its size makes no sense."""
    end = 0
    while end + 8 <= there:
        file.seek(end)
        head = file.read(16)
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if size < 8 or not head[4:8].isalnum():
            yield b"", end
            return
        end += size
        yield head[4:8], end
