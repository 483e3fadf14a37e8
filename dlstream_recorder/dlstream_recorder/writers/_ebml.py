"""EBML, the binary tree that Matroska files are made of (RFC 8794)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dlstream_recorder.writers._files import Bytes

VOID = 0xEC
UNKNOWN = 0x00FFFFFFFFFFFFFF


class Element(NamedTuple):
    """The position of an element's data."""

    number: int
    start: int
    size: int

    @property
    def end(self) -> int:
        """The offset just after it."""
        return self.start + self.size


def id_bytes(number: int) -> bytes:
    """An element's id as stored in the file."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def size_bytes(size: int) -> bytes:
    """A size in the eight bytes that every element here uses."""
    return (size | 1 << 56).to_bytes(8, "big")


def element(number: int, *data: Bytes) -> bytes:
    """An element with its data."""
    joined = b"".join(data)
    return id_bytes(number) + size_bytes(len(joined)) + joined


def unsigned(number: int, value: int, length: int = 8) -> bytes:
    """An element that holds an unsigned integer."""
    return element(number, value.to_bytes(length, "big"))


def void(length: int) -> bytes:
    """An element without content of `length` bytes, at least 9: space to be filled later."""
    return element(VOID, bytes(length - 9))


def read_element(data: Bytes, offset: int) -> Element | None:
    """The element whose id is at `offset`; None if `data` ends within its id or size."""
    number = _number(data, offset, keep_marker=True)
    if number is None:
        return None
    size = _number(data, offset + number[1], keep_marker=False)
    if size is None:
        return None
    return Element(number[0], offset + number[1] + size[1], size[0])


def elements(data: Bytes, start: int, end: int) -> Iterator[Element]:
    """The elements between two offsets, one after another; the last one may extend beyond."""
    while start < end:
        found = read_element(data, start)
        if found is None:
            return
        yield found
        start = found.end


def _number(data: Bytes, offset: int, keep_marker: bool) -> tuple[int, int] | None:
    """A number of variable length, and its length in bytes."""
    if offset >= len(data) or data[offset] == 0:
        return None
    length = 9 - data[offset].bit_length()
    if offset + length > len(data):
        return None
    value = int.from_bytes(data[offset : offset + length], "big")
    return (value if keep_marker else value & ~(1 << 7 * length)), length
