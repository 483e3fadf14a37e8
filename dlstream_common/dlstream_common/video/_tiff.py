"""The pages of a TIFF, by its chain of directories: readers of a truncated one stop without a word."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Literal

from dlstream_common.errors import SourceError

_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II": "little", b"MM": "big"}
_CLASSIC, _BIG = 42, 43


def refuse_broken_chain(path: Path) -> None:
    """Refuses a stack of which a directory lies outside the file. One without a whole page is no stack.

    Raises:
        SourceError: it is such a stack.
        OSError: it can't be read.
    """
    there = path.stat().st_size
    with path.open("rb") as file:
        pages, outside = _chain(file, there)
    if outside and pages:
        raise SourceError(
            f"{path}: found {there} bytes, in which page {pages} is the last whole one; expected the next one at byte "
            f"{outside}. It is truncated or damaged: copy it again"
        )


def _chain(file: BinaryIO, there: int) -> tuple[int, int]:
    """How many directories are whole, and where one is expected that is not; 0: all are."""
    head = file.read(16)
    order = _ORDERS.get(head[:2])
    kind = int.from_bytes(head[2:4], order) if order else 0
    if order is None or kind not in (_CLASSIC, _BIG):
        return 0, 0
    count_size, entry, offset_size = (8, 20, 8) if kind == _BIG else (2, 12, 4)
    place = int.from_bytes(head[8:16] if kind == _BIG else head[4:8], order)
    seen: set[int] = set()
    while place and place not in seen:
        file.seek(place)
        count = int.from_bytes(file.read(count_size), order)
        end = place + count_size + entry * count
        if not count or end + offset_size > there:
            return len(seen), place
        seen.add(place)
        file.seek(end)
        place = int.from_bytes(file.read(offset_size), order)
    return len(seen), 0
