"""ASF (WMV) files without a true size are read as far as they go; others are refused where bytes are missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest
from video_files import HEIGHT, WIDTH, even, read, texture, write_video

from dlstream_common import SourceError
from dlstream_common.video import open_frames

DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")


class Pipe:
    """What a muxer sees of a pipe: it can't go back."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, part: bytes) -> int:
        self.content += part
        return len(part)


def record(target: Any, count: int) -> av.container.OutputContainer:
    """A recording that is not closed."""
    container = av.open(target, "w", format="asf", container_options={"flush_packets": "1"})
    stream: Any = container.add_stream("mpeg4", rate=30)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    for number in range(count):
        container.mux(stream.encode(av.VideoFrame.from_ndarray(texture(number), "bgr24")))
    container.mux(stream.encode(None))
    return container


def place_of_data(content: bytes) -> tuple[int, int]:
    """Where the data object begins, and its size as the file has it."""
    begin = content.index(DATA)
    return begin, int.from_bytes(content[begin + 16 : begin + 24], "little")


def test_what_a_killed_recorder_leaves_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path, left = tmp_path / "running.wmv", tmp_path / "killed.wmv"
    container = record(str(path), 40)
    content = path.read_bytes()  # as it is in that moment
    container.close()
    begin, size = place_of_data(content)
    assert size == 50 < len(content) - begin
    left.write_bytes(content)
    assert len(read(left)[0]) >= 30


def test_what_was_written_to_a_pipe_is_read(tmp_path: Path) -> None:
    pipe = Pipe()
    record(pipe, 40).close()
    begin, size = place_of_data(pipe.content)
    assert size == 50 < len(pipe.content) - begin
    path = tmp_path / "piped.wmv"
    path.write_bytes(pipe.content)
    assert len(read(path)[0]) == 40


@pytest.mark.parametrize("size", [0, 23, (1 << 64) - 1])
def test_a_size_that_other_recorders_leave_open_is_no_truncation(size: int, tmp_path: Path) -> None:
    path = write_video(tmp_path / "open.wmv", even(20), "mpeg4")
    content = bytearray(path.read_bytes())
    begin, _ = place_of_data(content)
    content[begin + 16 : begin + 24] = size.to_bytes(8, "little")
    path.write_bytes(content)
    assert len(read(path)[0]) == 20


def test_bytes_after_the_data_are_no_truncation(tmp_path: Path) -> None:
    path = write_video(tmp_path / "appended.wmv", even(20), "mpeg4")
    path.write_bytes(path.read_bytes() + bytes(range(1, 256)))
    assert len(read(path)[0]) == 20


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_file_that_lacks_bytes_of_its_data_is_refused_with_its_sizes(part: float, tmp_path: Path) -> None:
    path = write_video(tmp_path / "cut.wmv", even(40), "mpeg4", draw=texture)
    content = path.read_bytes()
    begin, size = place_of_data(content)
    kept = begin + round(part * size)
    path.write_bytes(content[:kept])
    with pytest.raises(SourceError, match=rf"found {kept} bytes; expected {begin + size}, .*truncated"):
        open_frames(path)
