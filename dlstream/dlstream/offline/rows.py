"""Which row of a session's table a picture of its video belongs to: damage may have taken some pictures away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

import pandas as pd

from dlstream_common.video import LostFrame, VideoFrame

_ROUNDED = 1_000_000
"""Nanoseconds by which times may be wrong in a video that another program has copied."""


def times_of_rows(table: pd.DataFrame) -> list[int]:
    """When each row's picture is shown in the video: nanoseconds, always growing."""
    if "pts_ns" in table:
        return [int(time) for time in table["pts_ns"]]
    times: list[int] = []  # of an early version of dlstream
    for stamp in table["stamp_ns"]:
        time = int(stamp) - int(table["stamp_ns"].iloc[0])
        times.append(max(time, times[-1] + 1) if times else time)
    return times


def in_rows(
    items: Iterator[VideoFrame | LostFrame], times: Sequence[int]
) -> Iterator[tuple[int, VideoFrame | LostFrame | None]]:
    """Each row with its picture; None where the video has none at its time.

    A picture whose time is that of no row is the next row's, as in a video with times of its own.
    """
    least = median(after - before for before, after in pairwise(times)) / 4 if len(times) > 1 else 0
    tolerance = max(least, _ROUNDED)
    row = 0
    for item in items:
        nearest, place = None, row
        while place < len(times) and (nearest is None or _apart(times, place, item) <= _apart(times, nearest, item)):
            nearest, place = place, place + 1
        if nearest is None:
            return
        if _apart(times, nearest, item) > tolerance:
            nearest = row
        yield from ((lost, None) for lost in range(row, nearest))
        yield nearest, item
        row = nearest + 1
    yield from ((lost, None) for lost in range(row, len(times)))


def _apart(times: Sequence[int], row: int, item: VideoFrame | LostFrame) -> int:
    return abs(times[row] - item.time)
