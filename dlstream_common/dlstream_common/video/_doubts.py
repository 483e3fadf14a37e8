"""What is odd: rates that nobody measured, coarse clocks, pixels that are not square, images that are missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from dlstream_common.bits import few_bits

_MOST = 10_000
"""Frames per second that no file has truly."""
_HEADERS = 1 << 16
"""Bytes at the beginning of an AVI that have the headers of its streams."""
_SQUARE = Fraction(1, 100)
"""Deviation of a pixel's width from its height that counts as square."""
_COARSE = Fraction(21, 20)
"""Steps of a clock per frame above which frames share a time."""
_NUMBER = re.compile(r"(.*?)(\d+)(\D*)", re.DOTALL)
"""A name with its last number."""
_SHOWN = 3
"""Gaps in the numbers of images that are named."""
_ELSE = "--fps (in a rig file: 'fps') sets the camera's rate"


def own_rate(stream: VideoStream, standard: Fraction | None) -> Fraction | None:
    """Frames per second by the header; None if it has no rate that can be right.

    Args:
        standard: what FFmpeg returns where there is none.
    """
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate < _MOST and rate != standard:
            return Fraction(rate)
    return None


def doubts_about_times(path: Path, container: InputContainer, stream: VideoStream, rate: Fraction | None) -> list[str]:
    """Remarks on the times of a video that has some, for a reader who uses them.

    Args:
        rate: frames per second, if known.
    """
    if container.format.name == "avi" and _has_no_rate(path):
        return [f"its header has no frame rate; 25 fps assumed. {_ELSE}"]
    if rate is None and stream.average_rate and stream.average_rate >= _MOST:
        found = f"its header gives {float(stream.average_rate):,.0f} fps"
        return [f"{found}, which can't be right, and its frames are that near to each other. {_ELSE}"]
    tick = stream.time_base
    if rate and tick and tick * rate > _COARSE:
        return [
            f"it counts time in steps of {float(tick * 1000):g} ms, but its frames are {float(1000 / rate):g} ms "
            f"apart: their times are rounded. --fps {float(rate):g} (in a rig file: 'fps') makes them even"
        ]
    return []


def doubt_about_pixels(stream: VideoStream) -> list[str]:
    """A remark on pixels that are not square."""
    aspect = stream.sample_aspect_ratio
    if not aspect or abs(aspect - 1) <= _SQUARE:
        return []
    width, height = stream.width, stream.height
    return [
        f"its pixels are not square ({aspect.numerator}:{aspect.denominator}): players stretch it to "
        f"{round(width * aspect)}x{height}; it is read as it is stored, {width}x{height}, so that one pixel is another "
        "length across than down"
    ]


def doubt_about_bits(picture: av.VideoFrame) -> list[str]:
    """A remark on colour of 16 bits that uses few of them: only the upper 8 are passed on, which would hide it."""
    bits = {component.bits for component in picture.format.components}
    if bits != {16} or len(picture.format.components) < 3:
        return []
    problem = few_bits(picture.to_ndarray(format="rgb48le"))
    return [problem] if problem else []


def doubt_about_numbers(names: Sequence[str]) -> list[str]:
    """A remark on images that are missing, by the numbers in the names of the others.

    No remark where most numbers are missing, as in the names of chosen frames and in those that are dates.
    """
    matches = [_NUMBER.fullmatch(name) for name in names]
    if len({(match[1], match[3]) if match else None for match in matches}) != 1:
        return []
    there = sorted({int(match[2]) for match in matches if match})
    gaps = [(before + 1, after - 1) for before, after in pairwise(there) if after - before > 1]
    missing = sum(last - first + 1 for first, last in gaps)
    if not missing or missing > len(there):
        return []
    shown = ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in gaps[:_SHOWN])
    shown += ", ..." if len(gaps) > _SHOWN else ""
    return [
        f"the numbers in their names leave out {missing} ({shown}); the images that are there follow one another "
        "without a gap: frame and number differ from there on"
    ]


def _has_no_rate(path: Path) -> bool:
    """Whether neither the main header of an AVI nor that of its first video has a rate: FFmpeg then says 25."""
    with path.open("rb") as file:
        head = file.read(_HEADERS)
    main, video = head.find(b"avih"), head.find(b"vids")
    if main < 0 or video < 0:
        return False
    scale, rate = head[video + 20 : video + 24], head[video + 24 : video + 28]
    return not (any(scale) and any(rate)) and not any(head[main + 8 : main + 12])
