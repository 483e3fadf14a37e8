"""Frames spread over videos, each read from its beginning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlstream_common.video import VideoFrame, open_frames
from dlstream_pose.convert._frames import Sample, bgr, scaled
from dlstream_pose.convert.progress import Tell, silent


def read_spread(paths: Sequence[Path], count: int, scale: float, tell: Tell = silent) -> list[Sample]:
    """Up to `count` frames of each video, in the order of time, resized by the scale.

    A jump into the middle of some videos gives pictures that no camera saw: only frames decoded one after the other are
    those of a run.

    Raises:
        SourceError: a file can't be read.
    """
    samples = []
    for path in paths:
        file = open_frames(path)
        step = max(1.0, file.expected / count)
        due = 0.0
        found: list[Sample] = []
        for item in file.frames():
            if not isinstance(item, VideoFrame) or item.number < due:
                continue
            tell(f"reading {path.name}", len(found), count)
            found.append(Sample(scaled(bgr(item.image), scale), f"{path.name}, frame {item.number}"))
            due += step
            if len(found) == count:
                break
        samples += found
    return samples
