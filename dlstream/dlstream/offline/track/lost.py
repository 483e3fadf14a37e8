"""The lost frames of a tracked video, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict

_SHOWN = 3


class LostRow(TypedDict):
    """A row of the tables without a pose, because its frame can't be decoded."""

    frame: int
    reason: str


def in_words(lost: Sequence[LostRow], record: str) -> Iterator[str]:
    """A sentence for each spell of frames that are lost for the same reason; of many, the first ones.

    Args:
        record: the name of the file that has them all.
    """
    spells: list[tuple[int, int, str]] = []
    for row in lost:
        first, last, reason = spells[-1] if spells else (0, -2, "")
        if (row["frame"], row["reason"]) == (last + 1, reason):
            spells[-1] = first, row["frame"], reason
        else:
            spells.append((row["frame"], row["frame"], row["reason"]))
    for first, last, reason in spells[:_SHOWN]:
        which = f"frame {first} is lost" if first == last else f"frames {first} to {last} are lost"
        yield f"{which}: {reason}"
    if rest := sum(last - first + 1 for first, last, _ in spells[_SHOWN:]):
        yield f"{rest} more lost frame{'' if rest == 1 else 's'}: {record} has them all"
