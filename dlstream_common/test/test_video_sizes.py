"""Frames that change their size are lost ones, each told: no pose is of another scale than the rest."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from video_files import HEIGHT, WIDTH, even, picture, read, times, write_video

from dlstream_common.video import open_frames

OTHER = f"it is {2 * WIDTH}x{2 * HEIGHT}; expected {WIDTH}x{HEIGHT}, the size of the others"


def large(number: int) -> np.ndarray:
    return cv2.resize(picture(number), (2 * WIDTH, 2 * HEIGHT))


@pytest.mark.parametrize(
    ("odd", "lost"), [([0], [0]), ([4, 5, 6, 7], [4, 5, 6, 7]), ([0, 2, 7], [0, 2, 7])], ids=["first", "half", "some"]
)
def test_images_of_another_size_than_most_are_lost(odd, lost, tmp_path):
    for number in range(8):
        cv2.imwrite(str(tmp_path / f"{number}.png"), large(number) if number in odd else picture(number))
    file = open_frames(tmp_path)
    assert (file.width, file.height) == (WIDTH, HEIGHT)
    frames, gone = read(tmp_path)
    assert [(one.number, one.reason) for one in gone] == [(number, OTHER) for number in lost]
    assert [int(frame.image[-1, -1, 0]) // 4 for frame in frames] == [frame.number for frame in frames]


def test_the_size_of_a_folder_is_that_of_the_images_that_can_be_read(tmp_path):
    for number in range(20):
        (tmp_path / f"{number}.png").write_bytes(b"damaged")
    cv2.imwrite(str(tmp_path / "1.png"), picture(1))
    frames, gone = read(tmp_path)
    assert ([frame.number for frame in frames], len(gone)) == ([1], 19)


def test_the_size_of_a_stack_is_that_of_most_of_its_pages(tmp_path):
    pages = [large(0), *(picture(number) for number in range(1, 8))]
    cv2.imwritemulti(str(tmp_path / "a.tif"), pages)
    for path in (tmp_path / "a.tif", tmp_path):
        frames, gone = read(path)
        assert [(one.number, one.reason) for one in gone] == [(0, OTHER)]
        assert [int(frame.image[-1, -1, 0]) // 4 for frame in frames] == list(range(1, 8))
    cv2.imwritemulti(str(tmp_path / "b.tif"), pages[:1])
    assert [one.number for one in read(tmp_path)[1]] == [0, 8]


def test_a_video_that_changes_its_size_keeps_the_times_of_the_rest(tmp_path):
    first = write_video(tmp_path / "first.ts", even(40), form="mpegts").read_bytes()
    second = write_video(tmp_path / "second.ts", even(40), form="mpegts", draw=large, size=(2 * WIDTH, 2 * HEIGHT))
    path = tmp_path / "both.ts"
    path.write_bytes(first + second.read_bytes() + first)
    frames, gone = read(path)
    assert {one.reason for one in gone} == {OTHER.replace("others", "first frame")}
    assert {one.size for one in gone} == {(2 * WIDTH, 2 * HEIGHT)}
    assert [one.number for one in gone] == list(range(40, 80))
    assert [frame.number for frame in frames] == [*range(40), *range(80, 120)]
    assert times(frames)[:40] == pytest.approx(even(40), abs=1e-4)
    assert times(frames)[40] == pytest.approx(80 / 30, abs=0.1)
