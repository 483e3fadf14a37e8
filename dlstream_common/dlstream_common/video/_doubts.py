"""What is odd about a video's header: rates that nobody measured, coarse clocks, pixels that are not square."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.video.stream import VideoStream

_MOST = 10_000
"""Frames per second that no file has truly."""
_HEADERS = 1 << 16
"""Bytes at the beginning of an AVI that have the headers of its streams."""
_SQUARE = Fraction(1, 100)
"""Deviation of a pixel's width from its height that counts as square."""
_COARSE = Fraction(21, 20)
"""Steps of a clock per frame above which frames share a time."""
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


def _has_no_rate(path: Path) -> bool:
    """Whether neither the main header of an AVI nor that of its first video has a rate: FFmpeg then says 25."""
    with path.open("rb") as file:
        head = file.read(_HEADERS)
    main, video = head.find(b"avih"), head.find(b"vids")
    if main < 0 or video < 0:
        return False
    scale, rate = head[video + 20 : video + 24], head[video + 24 : video + 28]
    return not (any(scale) and any(rate)) and not any(head[main + 8 : main + 12])
