"""Pictures that can't be right, their conversion, reading ahead, and frames spread over a file."""

from __future__ import annotations

import threading

import av
import numpy as np
import pytest
from video_files import even, write_video

from dlstream_common.video import PictureCheck, Remark, ToImage, ahead, open_frames, spread_frames

RIGHT = np.arange(48, dtype=np.uint8).reshape(6, 8)
FRAME = 100_000_000


def remarks(*images: np.ndarray, depth: bool = False, first: int = 0) -> list[Remark]:
    check, found = PictureCheck(depth), []
    for number, image in enumerate(images, first):
        found += check.add(image, number, number * FRAME)
    return found + check.finish()


def said(*images: np.ndarray) -> list[str]:
    return [remark.text for remark in remarks(*images)]


def test_a_picture_that_can_not_be_right_is_told_once():
    right = RIGHT
    black, white = np.zeros((6, 8, 3), np.uint8), np.full((6, 8, 3), 255, np.uint8)
    twelve_bit = (right.astype(np.uint16) * 50)[..., None]
    assert said(*[right] * 20) == []
    assert said(*[black] * 9, right, right) == [], "a camera's first frames may be dark"
    text, end = said(*[black] * 30)
    assert text.startswith("a black picture from frame 0 on: is the lens covered")
    assert end == "a black picture to the end: from frame 0 on, 30 frames (2.900 s)"
    [text] = said(white)
    assert "a picture of one colour (value 255)" in text
    [text] = said(*[twelve_bit] * 3)
    assert text.startswith("the brightest value is 2350 of 65535, 12 bits of 16: the network sees at most grey 9")
    [text] = said(np.full((6, 8), 2600, np.uint16))
    assert "2600 of 65535, 12 bits of 16" in text
    assert said((right.astype(np.uint16) << 8) * 5) == []


def test_a_picture_that_goes_is_told_at_its_first_frame_and_when_it_is_back():
    black = np.zeros((6, 8), np.uint8)
    gone, back = remarks(*[RIGHT] * 40, *[black] * 20, *[RIGHT] * 5, first=7)
    assert (gone.kind, gone.frame, gone.values) == ("gone", 47, {"first_frame": "47"})
    assert gone.text.startswith("a black picture from frame 47 on: ")
    assert (back.kind, back.frame) == ("back", 67)
    assert back.values == {"first_frame": "47", "last_frame": "66", "count": "20", "seconds": "2.000"}
    assert back.text == "a picture again from frame 67 on, after 20 frames (2.000 s) without: a black picture"
    gone, end = remarks(RIGHT, np.full((6, 8), 90, np.uint8))
    assert gone.text.startswith("a picture of one colour (value 90) from frame 1 on")
    assert end.text == "a picture of one colour (value 90) to the end: from frame 1 on, 1 frame (0.000 s)"
    near, none = RIGHT.astype(np.uint16), black.astype(np.uint16)
    gone, back = remarks(near, near, near, none, none, near, depth=True)
    assert gone.text.startswith("no depth in the whole image from frame 3 on")
    assert back.frame == 5


def test_a_picture_of_one_colour_is_named_for_its_colour():
    def plain(*colour: int) -> np.ndarray:
        return np.full((60, 80, len(colour)), colour, np.uint8)

    _, end = said(*[plain(value) for value in range(0, 200, 10)])
    assert (
        end
        == "a picture of one colour, which changes (values 0 to 190) to the end: from frame 0 on, 20 frames (1.900 s)"
    )
    text, _ = said(*[plain(0)] * 4, *[plain(128)] * 16)
    assert text.startswith("a picture of one colour, which changes (values 0 to 128) from frame 0 on")
    text, _ = said(*[plain(255, 0, 0)] * 20)
    assert text.startswith("a picture of one colour (blue 255, green 0, red 0) from frame 0 on: "), "no signal"
    text, _ = said(*[plain(8, 2, 0)] * 20)
    assert text.startswith("a black picture")
    half = np.concatenate((plain(255, 0, 0), plain(0, 0, 255)))
    assert said(*[half] * 20) == []
    assert said(*[plain(0, 0, 255), plain(0, 255, 0)] * 10)[0].startswith(
        "a picture of one colour, which changes (values 0"
    )


@pytest.mark.parametrize("seed", range(8))
def test_every_spell_without_a_picture_is_told_with_its_length(seed):
    chance = np.random.default_rng(seed)
    wide = seed % 2
    size = (int(chance.integers(6, 400)), int(chance.integers(8, 400)), *((3,) if seed % 3 == 0 else ()))
    most = 65535 if wide else 255
    scale = chance.integers(64, 257) if wide else 1  # a camera of 14 to 16 bits

    def shown() -> np.ndarray:
        image = np.full(size, chance.integers(0, 200), np.int64)
        y, x = chance.integers(0, size[0] - 4), chance.integers(0, size[1] - 4)
        image[y : y + 4, x : x + 4] = 255  # a small animal is a picture
        return np.minimum(image * scale, most).astype(np.uint16 if wide else np.uint8)

    def nothing() -> np.ndarray:
        level = int(chance.choice([0, 8, 255])) * int(scale)
        noise = chance.integers(0, 3 * int(scale), size) * (level < most)
        return np.minimum(level + noise, most).astype(np.uint16 if wide else np.uint8)

    lengths = [(int(chance.integers(1, 6)), int(chance.integers(1, 6))) for _ in range(12)]
    images = [shown()]
    expected = []
    for dark, bright in lengths:
        images += [nothing() for _ in range(dark)]
        expected.append((len(images) - dark, len(images)))
        images += [shown() for _ in range(bright)]
    found = remarks(*images)
    assert [one.frame for one in found if one.kind == "gone"] == [first for first, _ in expected]
    backs = [one for one in found if one.kind == "back"]
    assert [one.frame for one in backs] == [end for _, end in expected]
    assert [int(one.values["count"]) for one in backs] == [end - first for first, end in expected]


def test_a_light_that_flickers_is_counted_in_the_end():
    black = np.zeros((6, 8), np.uint8)
    found = remarks(*[RIGHT, black, black] * 50, RIGHT)
    assert [one.kind for one in found] == ["gone", "back"] * 20 + ["gone"]
    assert found[-1].text == "no picture 30 times more: 60 frames"


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


def test_what_is_kept_for_one_format_and_size_is_not_used_for_another():
    random, convert = np.random.default_rng(5), ToImage()
    for number in range(24):
        width, height = ((64, 48), (32, 40))[number // 3 % 2]
        form = ("yuv420p", "yuv444p", "gray", "yuyv422", "gray16le")[number % 5]
        picture = av.VideoFrame.from_ndarray(random.integers(0, 255, (height, width, 3), np.uint8), format="bgr24")
        picture = picture.reformat(format=form, dst_colorspace="itu709" if number % 2 else "itu601")
        alone = picture.to_ndarray() if form == "gray16le" else picture.to_ndarray(format="bgr24")
        assert np.array_equal(convert(picture), alone), (number, form)
