"""Videos, seen by decoders that know nothing of dlstream."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlstream_common import Frame, RecordingError
from dlstream_recorder.writers._encoders import PLANES
from dlstream_recorder.writers._matroska_repair import repair, scan
from dlstream_recorder.writers._segment import VideoSegment

CHANNELS = {"mono8": 1, "mono16": 1, "bgr8": 3, "rgb8": 3, "bgra8": 4, "rgba8": 4, "yuv422": 2, "yuv422_yuy2": 2}


def record(stem: Path, frames: list[Frame], video: str = "lossless", finish: bool = True) -> VideoSegment:
    part = VideoSegment(stem, frames[0], video, "network")
    for frame in frames:
        part.add_frame(frame, dropped=0, recorded=frame.stamp)
    if finish:
        part.finish()
    return part


def frames_of(make, images, encoding="bgr8", stamps=None):
    stamps = stamps or [make.start + number * make.step for number in range(len(images))]
    return [
        make.frame(number, image, encoding, stamp=stamp)
        for number, (image, stamp) in enumerate(zip(images, stamps, strict=True))
    ]


@pytest.mark.parametrize(
    ("encoding", "decoded_as"),
    [
        ("mono8", "gray"),
        ("mono16", "gray16le"),
        ("bgr8", "bgr24"),
        ("rgb8", "rgb24"),
        ("bgra8", "bgra"),
        ("rgba8", "rgba"),
        ("yuv422", "yuv422p"),
        ("yuv422_yuy2", "yuv422p"),
    ],
)
def test_lossless_is_bit_exact(make, tmp_path, encoding, decoded_as):
    images = make.images(9, 34, 46, CHANNELS[encoding])
    if encoding == "mono16":
        images = [image.astype(np.uint16) * 257 - 3 for image in images]
    record(tmp_path / "top", frames_of(make, images, encoding))
    with av.open(str(tmp_path / "top.mkv")) as container:
        decoded = list(container.decode(video=0))
    assert len(decoded) == len(images)
    for frame, image in zip(decoded, images, strict=True):
        if decoded_as != "yuv422p":
            assert np.array_equal(frame.to_ndarray(format=decoded_as), image)
            continue
        luma = 0 if encoding == "yuv422_yuy2" else 1
        planes = [np.frombuffer(p, np.uint8).reshape(p.height, p.line_size)[:, : p.width] for p in frame.planes]
        assert np.array_equal(planes[0], image[:, :, luma])
        assert np.array_equal(planes[1], image[:, 0::2, 1 - luma])
        assert np.array_equal(planes[2], image[:, 1::2, 1 - luma])


def test_every_known_encoding_can_be_recorded():
    from dlstream_common import ENCODINGS

    assert set(PLANES) == set(ENCODINGS)


@pytest.mark.parametrize(("height", "width", "channels"), [(48, 64, 3), (47, 65, 3), (47, 65, 1)])
def test_h264_is_close_and_keeps_every_stamp(make, tmp_path, height, width, channels):
    rows, columns = np.mgrid[:height, :width]
    grey = (60 + columns + rows).astype(np.uint8)
    image = grey if channels == 1 else np.dstack([grey, grey // 2, 255 - grey])
    frames = frames_of(make, [np.ascontiguousarray(np.roll(image, shift, 1)) for shift in range(70)])
    if channels == 1:
        frames = frames_of(make, [frame.image for frame in frames], "mono8")
    record(tmp_path / "top", frames, "h264")
    decoded, times = make.decode(tmp_path / "top.mkv", "gray" if channels == 1 else "bgr24")
    assert times == [frame.stamp - make.start for frame in frames]
    for found, frame in zip(decoded, frames, strict=True):
        found = found[:height, :width].astype(int)
        assert np.abs(found - frame.image).mean() < 6


def test_players_see_the_frame_count_rate_and_index(make, tmp_path):
    record(tmp_path / "top", frames_of(make, make.images(150)))
    capture = cv2.VideoCapture(str(tmp_path / "top.mkv"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 150
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(60, abs=0.01)
    with av.open(str(tmp_path / "top.mkv")) as container:
        stream = container.streams.video[0]
        target = 120 * make.step
        container.seek(target, stream=stream)
        first = next(container.decode(stream))
        assert target - 1_000_000_000 < first.pts <= target, "the index leads near to the frame"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(st.integers(-900_000_000, 900_000_000), min_size=1, max_size=12))
def test_stamps_that_repeat_or_go_back_lose_no_frame(make, tmp_path, steps):
    stem = tmp_path / "top"
    for path in tmp_path.iterdir():
        path.unlink()
    stamps = [make.start]
    for step in steps:
        stamps.append(max(stamps[-1] + step, max(stamps) - 999_999_999))
    frames = frames_of(make, make.images(len(stamps), 16, 16, 1), "mono8", stamps)
    part = VideoSegment(stem, frames[0], "lossless", "network")
    taken = [frame for frame in frames if part.accepts(frame) and not part.add_frame(frame, 0, 0)]
    part.finish()
    decoded, times = make.decode(tmp_path / "top.mkv", "gray")
    table = pd.read_csv(tmp_path / "top.frames.csv")
    assert len(decoded) == len(taken) == len(table)
    assert all(after > before for before, after in pairwise(times))
    assert times == table["pts_ns"].tolist()
    assert table["stamp_ns"].tolist() == [frame.stamp for frame in taken], "the table has the exact stamps"
    increasing = all(after > before for before, after in pairwise(stamps))
    if increasing:
        assert times == [stamp - stamps[0] for stamp in stamps]
    assert len(taken) == len(frames)


@pytest.mark.parametrize("cut", [1, 7, 100, 2_500, 9_000])
@pytest.mark.parametrize("video", ["lossless", "h264"])
def test_a_video_cut_anywhere_plays_and_can_be_completed(make, tmp_path, cut, video):
    frames = frames_of(make, make.images(70))
    record(tmp_path / "top", frames, video, finish=False)
    path = tmp_path / "top.mkv"
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    played, _ = make.decode(path)
    found = repair(path)
    decoded, times = make.decode(path)
    assert len(found.clusters) == len(decoded)
    assert 0 < len(decoded) < 70
    assert len(played) - len(decoded) in (0, 1), "a decoder may show half a frame"
    assert found.stamps == [make.start + time for time in times] == [frame.stamp for frame in frames[: len(decoded)]]
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == len(decoded)
    assert scan(path).complete
    before = path.read_bytes()
    repair(path)
    assert path.read_bytes() == before, "a complete video stays as it is"


def test_an_uncompleted_video_tells_its_length(make, tmp_path):
    record(tmp_path / "top", frames_of(make, make.images(150)), finish=False)
    count = cv2.VideoCapture(str(tmp_path / "top.mkv")).get(cv2.CAP_PROP_FRAME_COUNT)
    assert 85 <= count <= 150, "known to the second"


def test_what_is_no_video_of_ours_is_refused(tmp_path):
    path = tmp_path / "top.mkv"
    path.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(100))
    with pytest.raises(RecordingError, match=r"top\.mkv: not a video written by dlstream"):
        repair(path)


def test_nothing_is_overwritten(make, tmp_path):
    (tmp_path / "top.mkv").write_text("precious")
    with pytest.raises(RecordingError, match="exists"):
        record(tmp_path / "top", frames_of(make, make.images(1)))
    assert (tmp_path / "top.mkv").read_text() == "precious"
