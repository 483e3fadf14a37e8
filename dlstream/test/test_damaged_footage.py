"""A session's own video of which bytes are damaged: its pictures stay with their own rows. Names in old encodings."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from dlstream.offline.footage import Lost, open_footage
from dlstream_camera import SourceSettings
from dlstream_common import Frame, SourceError
from dlstream_recorder.writers._segment import VideoSegment

CLUSTER = b"\x1f\x43\xb6\x75"
START = 10**18


def picture(number: int) -> np.ndarray:
    noise = np.random.default_rng(number).integers(0, 256, (12, 16, 3), np.uint8)
    return np.ascontiguousarray(noise.repeat(8, 0).repeat(8, 1))


def recorded(folder: Path) -> list[Frame]:
    """Frames of a session's video, as they were recorded; their stamps are not regular."""
    (folder / "session.json").write_text("{}")
    stamps = [START + number * 33_333_333 + number % 3 * 4_000_000 for number in range(40)]
    frames = [Frame("top", 100 + number, stamp, picture(number), "bgr8") for number, stamp in enumerate(stamps)]
    segment = VideoSegment(folder / "top", frames[0], "lossless", "network")
    for frame in frames:
        segment.add_frame(frame, 0, frame.stamp)
    segment.finish()
    return frames


@pytest.mark.parametrize("number", [0, 1, 17, 39])
def test_a_picture_that_a_recorded_video_lacks_moves_no_other_to_its_row(number, tmp_path):
    frames = recorded(tmp_path)
    path = tmp_path / "top.mkv"
    content = bytearray(path.read_bytes())
    places, place = [], -1
    while (place := content.find(CLUSTER, place + 1)) >= 0:
        places.append(place)
    assert len(places) == len(frames), "a cluster for each picture"
    content[places[number] : places[number] + 40] = bytes(40)
    path.write_bytes(content)
    read = list(open_footage(path, "top", SourceSettings()).frames())
    assert [(one.sequence, one.stamp) for one in read] == [(one.sequence, one.stamp) for one in frames]
    assert [row for row, one in enumerate(read) if isinstance(one, Lost)] == [number]
    for one, frame in zip(read, frames, strict=True):
        assert isinstance(one, Lost) or np.array_equal(one.image, frame.image)


@pytest.mark.parametrize("own", [True, False])
def test_a_video_with_a_name_that_is_no_utf8_is_refused(own, tmp_path):
    recorded(tmp_path)
    if not own:
        (tmp_path / "session.json").unlink()
    folder = Path(os.fsdecode(os.fsencode(tmp_path.parent) + b"/M\xe4use-" + os.fsencode(tmp_path.name)))
    tmp_path.rename(folder)
    with pytest.raises(SourceError, match=r"top\.mkv: found a name that is no UTF-8; expected .*convmv"):
        open_footage(folder / "top.mkv", "top", SourceSettings())
