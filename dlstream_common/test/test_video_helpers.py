"""Pictures that can't be right, reading ahead, and frames spread over a file."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from video_files import even, write_video

from dlstream_common.video import PictureCheck, ahead, open_frames, spread_frames


def said(*images: np.ndarray) -> list[str]:
    check = PictureCheck()
    return [text for text in [*(check.add(image) for image in images), check.finish()] if text]


def test_a_picture_that_can_not_be_right_is_told_once():
    right = np.arange(48, dtype=np.uint8).reshape(6, 8)
    black, white = np.zeros((6, 8, 3), np.uint8), np.full((6, 8, 3), 255, np.uint8)
    twelve_bit = (right.astype(np.uint16) * 50)[..., None]
    assert said(*[right] * 20) == []
    assert said(*[black] * 9, right, *[black] * 20) == [], "a camera's first frames may be dark"
    [text] = said(*[black] * 30)
    assert text.startswith("a black picture: ")
    [text] = said(white)
    assert "a picture of one colour (value 255)" in text
    [text] = said(*[twelve_bit] * 3)
    assert text.startswith("the brightest value is 2350 of 65535, 12 bits of 16: the network sees at most grey 9")
    [text] = said(np.full((6, 8), 2600, np.uint16))
    assert "2600 of 65535, 12 bits of 16" in text
    assert said((right.astype(np.uint16) << 8) * 5) == []


def test_reading_ahead_keeps_order_errors_and_bounds():
    begun = []

    def items():
        for number in range(100):
            begun.append(number)
            yield number
        raise ValueError("the end")

    got = []
    with pytest.raises(ValueError, match="the end"):
        got.extend(ahead(items()))
    begun.clear()
    some = ahead(items(), 3)
    assert [next(some) for _ in range(5)] == [0, 1, 2, 3, 4]
    some.close()
    assert len(begun) <= 5 + 3 + 1
    assert not [thread for thread in threading.enumerate() if thread.name == "decoder"]


def test_frames_spread_over_a_long_video_are_sought(tmp_path):
    path = write_video(tmp_path / "long.mp4", even(900), options={"g": "50"})
    found = list(spread_frames(open_frames(path), 3))
    assert [where for where, _ in found] == ["at 0.0 s", "at 10.0 s", "at 20.0 s"]
    assert [int(image[-1, -1, 0]) for _, image in found] == pytest.approx([0, 300 * 4 % 256, 600 * 4 % 256], abs=5)
