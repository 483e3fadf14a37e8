"""TIFF stacks that are truncated, damaged or long."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import pytest
from video_files import read

from dlstream_common import SourceError
from dlstream_common.video import _images, open_frames

SIZE = 32


def stack(pages: int, order: Literal["little", "big"], big: bool) -> bytes:
    """Grey pages, each with its directory behind it; page N has the value N."""
    count_size, offset_size = (8, 8) if big else (2, 4)
    head = (b"II" if order == "little" else b"MM") + (43 if big else 42).to_bytes(2, order)
    head += (8).to_bytes(2, order) + bytes(2) if big else b""
    data = bytearray(head + bytes(offset_size))
    link = len(head)
    for number in range(pages):
        begin = len(data)
        data += bytes([number % 256]) * SIZE**2
        values = {256: SIZE, 257: SIZE, 258: 8, 259: 1, 262: 1, 273: begin, 277: 1, 278: SIZE, 279: SIZE**2}
        place = len(data)
        data += len(values).to_bytes(count_size, order)
        for tag, value in values.items():
            data += tag.to_bytes(2, order) + (4).to_bytes(2, order) + (1).to_bytes(offset_size, order)
            data += value.to_bytes(4, order) + bytes(offset_size - 4)
        data[link : link + offset_size] = place.to_bytes(offset_size, order)
        link = len(data)
        data += bytes(offset_size)
    return bytes(data)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["little", "big"])
def test_a_truncated_stack_is_refused_with_its_last_whole_page(order, big, tmp_path):
    path, whole = tmp_path / "stack.tif", stack(8, order, big)
    path.write_bytes(whole)
    frames, lost = read(path)
    assert [int(frame.image.max()) for frame in frames] == list(range(8))
    assert not lost
    path.write_bytes(whole[: len(whole) * 6 // 10])
    with pytest.raises(SourceError, match="page 4 is the last whole one; expected the next one at byte"):
        open_frames(path)
    path.write_bytes(whole[:-6])
    with pytest.raises(SourceError, match="page 7 is the last whole one"):
        open_frames(path)


def test_a_damaged_page_of_a_long_stack_is_one_lost_frame(tmp_path):
    path = tmp_path / "stack.tif"
    cv2.imwritemulti(str(path), [np.full((SIZE, SIZE), number, np.uint8) for number in range(100)])
    content = path.read_bytes()
    whole, _ = read(path)
    strip = content.index(b"\x11\x01\x04\x00", len(content) // 2)
    path.write_bytes(content[: strip + 8] + b"\xff\xff\xff\x7f" + content[strip + 12 :])
    frames, [lost] = read(path)
    assert f"page {lost.number + 1} can't be read" in lost.reason
    assert all(np.array_equal(frame.image, whole[frame.number].image) for frame in frames)


def test_a_long_stack_is_read_in_few_calls(tmp_path, monkeypatch):
    path, calls = tmp_path / "stack.tif", []
    path.write_bytes(stack(1000, "little", False))
    original = cv2.imreadmulti

    def counted(*arguments, **words):
        calls.append(arguments[1:])
        return original(*arguments, **words)

    file = open_frames(path)
    monkeypatch.setattr(_images.cv2, "imreadmulti", counted)
    values = [int(frame.image.max()) for frame in file.frames()]
    assert values == [number % 256 for number in range(1000)]
    assert len(calls) < 12, "OpenCV walks through all pages before those that it reads"
