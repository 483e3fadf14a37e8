"""What a RealSense recording has, and what a device says of itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from dlstream_camera.sources._realsense_context import kept, new_context
from dlstream_camera.sources._realsense_stream import StreamRequest
from dlstream_common import SourceError


def recorded_size(path: Path, request: StreamRequest) -> tuple[int, int]:
    """Width and height of a stream in a recording.

    Raises:
        SourceError: it is no recording, or has no such stream.
    """
    import pyrealsense2 as rs

    device = loaded(new_context(), str(path), f"recording '{path}'")
    kind = getattr(rs.stream, request.kind)
    for sensor in device.query_sensors():
        for profile in sensor.get_stream_profiles():
            if profile.stream_type() == kind and profile.stream_index() == request.index:
                video = profile.as_video_stream_profile()
                return video.width(), video.height()
    offered = "; ".join(offers(device)) or "none"
    raise SourceError(f"recording '{path}': found no stream {request.name}; expected one of its streams: {offered}")


def recorded_count(path: Path, request: StreamRequest) -> int | None:
    """The number of a stream's frames in a recording; None if it does not show."""
    topic = f"%/{request.kind.capitalize()}_{request.index}/image/metadata"
    query = "select count(*) from messages join topics on topics.id = topic_id where topics.name like ? escape '!'"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as file:
            return int(file.execute(query, (topic.replace("_", "!_"),)).fetchone()[0]) or None
    except sqlite3.Error:
        return None


def loaded(context: Any, path: str, where: str) -> Any:
    """The device of a recording; raises SourceError."""
    try:
        return kept(context.load_device(path))
    except RuntimeError as error:
        reason = str(error).rpartition("Reason: ")[2]
        raise SourceError(f"{where}: found {reason}; expected a recording of librealsense (.db3)") from error


def info(device: Any, key: Any) -> str:
    """What a device says of itself; empty if nothing."""
    return str(device.get_info(key)) if device.supports(key) else ""


def offers(device: Any) -> Iterator[str]:
    """The streams of a device, each with its sizes and rates."""
    rates: dict[tuple[str, str], set[int]] = {}
    for sensor in device.query_sensors():
        for profile in sensor.get_stream_profiles():
            if profile.is_video_stream_profile():
                video = profile.as_video_stream_profile()
                key = (str(profile.stream_name()).lower(), f"{video.width()}x{video.height()}")
                rates.setdefault(key, set()).add(profile.fps())
    for (name, size), each in sorted(rates.items()):
        yield f"{name} {size} at {', '.join(str(rate) for rate in sorted(each))} fps"
