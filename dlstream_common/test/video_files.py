"""Videos of every kind for tests: frame number N is grey 4 N, but for a white square in its top left corner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from dlstream_common.video import LostFrame, VideoFrame, open_frames

WIDTH, HEIGHT = 96, 64
TICKS = 30_000


def picture(number: int) -> NDArray[np.uint8]:
    image = np.full((HEIGHT, WIDTH, 3), 4 * number % 256, np.uint8)
    image[:16, :16] = 255
    return image


def texture(number: int) -> NDArray[np.uint8]:
    """Noise that moves, so that each frame holds much data."""
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT // 4, WIDTH // 4, 3), np.uint8)
    return np.roll(noise.repeat(4, 0).repeat(4, 1), 5 * number, axis=1)


def write_video(
    path: Path,
    stamps: Iterable[float],
    codec: str = "libx264",
    pixels: str = "yuv420p",
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
    form: str | None = None,
    rotation: int = 0,
    draw: Callable[[int], NDArray[np.uint8]] = picture,
    rate: int = 30,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    aspect: Fraction | None = None,
) -> Path:
    """Frames at the given seconds."""
    with av.open(str(path), "w", format=form, container_options=dict(container_options or {})) as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.options = dict(options or {})
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        if codec not in ("mpeg4", "mpeg2video", "mjpeg"):
            stream.codec_context.time_base = Fraction(1, TICKS)
        tick = stream.codec_context.time_base or Fraction(1, rate)
        for number, seconds in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(draw(number), "bgr24").reformat(format=pixels)
            frame.pts, frame.time_base = round(seconds / tick), tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def even(count: int, rate: float = 30.0) -> list[float]:
    return [number / rate for number in range(count)]


def damage(path: Path, number: int, begin: float = 0.0, most: int | None = None) -> Path:
    """Overwrites the data of a packet, from a part of it on, at most so many bytes."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        place, size = packets[number].pos, packets[number].size
    first = max(12, round(begin * size))
    count = size - first if most is None else min(most, size - first)
    content = bytearray(path.read_bytes())
    content[place + first : place + first + count] = np.random.default_rng(1).bytes(count)
    path.write_bytes(content)
    return path


def read(path: Path, fps: float = 0.0) -> tuple[list[VideoFrame], list[LostFrame]]:
    """The frames of a video and those that it lost; together they are numbered without a gap."""
    items = list(open_frames(path, fps).frames())
    assert [item.number for item in items] == list(range(len(items)))
    frames = [item for item in items if isinstance(item, VideoFrame)]
    return frames, [item for item in items if isinstance(item, LostFrame)]


def times(frames: list[VideoFrame]) -> list[float]:
    """Seconds."""
    return [frame.time / 1e9 for frame in frames]
