"""Picks frames spread evenly over a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from dlstream_common.frame import Image
from dlstream_common.video._items import FrameFile, VideoFrame
from dlstream_common.video._video import VideoFile

_SHORT = 600
"""A file with up to this many frames is read from the beginning; in a longer one, frames are sought by time."""
_JUMP = 40
"""A jump to a frame takes as long as some forty frames in a row, which are decoded from the last key frame on."""


def spread_frames(
    file: FrameFile, count: int, tell: Callable[[int, int], None] = lambda done, wanted: None
) -> Iterator[tuple[str, Image]]:
    """Yields at most `count` decodable frames in order, each with its place in words ("frame 40", "at 61.2 s").

    Args:
        tell: called with the number of frames done and the number wanted.
    """
    long = isinstance(file, VideoFile) and file.expected > _SHORT
    if isinstance(file, VideoFile) and long and file.seconds and file.expected > count * _JUMP:
        wanted = max(1, min(count, file.expected))
        for done, time in enumerate(np.linspace(0, file.seconds, wanted, endpoint=False)):
            tell(done, wanted)
            image = file.image_at(float(time))
            if image is not None:
                yield f"at {time:.1f} s", image
        return
    if long:
        numbers = list(range(file.expected))  # to count them takes as long as to read them
    else:
        numbers = [item.number for item in file.frames() if isinstance(item, VideoFrame)]
    wanted = max(1, min(count, len(numbers)))
    chosen = {numbers[int(place)] for place in np.linspace(0, len(numbers) - 1, wanted)} if numbers else set()
    done = 0
    for item in file.frames():
        if isinstance(item, VideoFrame) and item.number in chosen:
            tell(done, wanted)
            done += 1
            yield f"frame {item.number}", item.image
            if done == wanted:
                return
