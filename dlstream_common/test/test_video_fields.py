"""Camcorders write each field of a picture as a packet of its own: one frame each, and one that is lost for two."""

from __future__ import annotations

from pathlib import Path

import pytest
from field_files import HEIGHT, WIDTH, write_fields
from video_files import even, read, times

COUNT = 50


def greys(path: Path) -> dict[int, float]:
    """The mean of each frame that was read, by its number, as the writer's step of grey."""
    frames, _ = read(path)
    assert all(frame.image.shape == (HEIGHT, WIDTH, 3) for frame in frames)
    return {frame.number: float(frame.image.mean()) * 219 / 255 / 4 for frame in frames}


@pytest.mark.parametrize(
    ("name", "each", "stamped"),
    [
        ("camera.mts", True, True),
        ("camera.mts", True, False),
        ("camera.mts", False, True),
        ("camera.mkv", True, True),
        ("camera.mkv", False, True),
        ("camera.mp4", False, True),
    ],
)
def test_two_fields_are_one_frame(name, each, stamped, tmp_path):
    path = write_fields(tmp_path / name, each=each, stamped=stamped)
    frames, lost = read(path)
    assert not lost
    assert times(frames) == pytest.approx(even(COUNT, 25), abs=0.001)
    assert all(grey == pytest.approx(number, abs=0.5) for number, grey in greys(path).items())


@pytest.mark.parametrize(
    ("name", "each", "damaged"),
    [
        ("first.mts", True, 40),
        ("second.mts", True, 41),
        ("first.mkv", True, 40),
        ("second.mkv", True, 41),
        ("both.mp4", False, 20),
    ],
)
def test_a_damaged_field_is_one_lost_frame(name, each, damaged, tmp_path):
    path = write_fields(tmp_path / name, each=each, damaged=[damaged])
    frames, [lost] = read(path)
    assert (lost.number, lost.time / 1e9) == (20, pytest.approx(0.8))
    assert [frame.number for frame in frames] == [number for number in range(COUNT) if number != 20]


@pytest.mark.parametrize("stamped", [True, False])
@pytest.mark.parametrize("count", [5, 17, 100, 300])
def test_the_fields_that_a_cut_stream_lacks_are_lost_frames(stamped, count, tmp_path):
    path = write_fields(tmp_path / "cut.mts", stamped=stamped)
    content = path.read_bytes()
    begin = len(content) // 188 // 2 * 188
    path.write_bytes(content[:begin] + content[begin + 188 * count :])
    frames, lost = read(path)
    assert len(frames) + len(lost) == COUNT
    assert lost
    assert all(grey == pytest.approx(number, abs=0.5) for number, grey in greys(path).items())
    assert times(frames) == pytest.approx([frame.number / 25 for frame in frames], abs=0.001)
