"""Damaged Matroska files: what FFmpeg leaves out in silence is told, with its number where the rate is regular."""

from __future__ import annotations

import av
import numpy as np
import pytest
from video_files import even, read, texture, write_video

OPTIONS = {"g": "10", "bf": "2", "x264-params": "scenecut=0"}
CLUSTERS = {"cluster_time_limit": "300"}


def places(path):
    with av.open(str(path)) as container:
        return [packet.pos for packet in container.demux(video=0) if packet.size]


def blank(path, begin, count):
    content = bytearray(path.read_bytes())
    content[begin : begin + count] = bytes(count)
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["damaged.mkv", "damaged.webm"])
@pytest.mark.parametrize(
    ("number", "before", "count"), [(0, 20, 30), (13, 8, 60), (13, 0, 3), (25, 8, 12), (31, 8, 40)]
)
def test_the_frames_that_are_left_out_are_lost(name, number, before, count, tmp_path):
    codec = "libvpx" if name.endswith("webm") else "libx264"
    options = {"g": "10"} if codec == "libvpx" else OPTIONS
    path = write_video(tmp_path / name, even(60), codec, options=options, container_options=CLUSTERS, draw=texture)
    whole, none = read(path)
    assert not none
    with av.open(str(path)) as container:
        there = sum(packet.size > 0 for packet in container.demux(video=0))
    blank(path, places(path)[number] - before, count)
    with av.open(str(path)) as container:
        assert sum(packet.size > 0 for packet in container.demux(video=0)) < there
    frames, lost = read(path)
    assert len(frames) + len(lost) == 60
    assert any("bytes are damaged" in one.reason for one in lost)
    assert [round(one.time * 30 / 1e9) for one in (*frames, *lost)] == [one.number for one in (*frames, *lost)]
    for frame in frames:
        if frame.number >= 50:
            assert np.array_equal(frame.image, whole[frame.number].image)


def test_the_frames_behind_damage_to_the_end_are_lost(tmp_path):
    path = write_video(tmp_path / "end.mkv", even(60), container_options=CLUSTERS, draw=texture)
    begin = places(path)[41] - 8
    blank(path, begin, path.stat().st_size - begin)
    frames, lost = read(path)
    assert len(frames) + len(lost) == 60
    assert lost[-1].number == 59


def test_without_a_regular_rate_the_time_of_the_damage_is_told(tmp_path):
    stamps = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.08, 60)).tolist()
    path = write_video(tmp_path / "uneven.mkv", stamps, "ffv1", options={"g": "1"}, draw=texture)
    whole, none = read(path)
    assert not none
    blank(path, places(path)[30] - 8, 200)
    frames, [lost] = read(path)
    assert lost.number == 30
    assert "are missing: bytes of the file are damaged there" in lost.reason
    by_time = {frame.time: frame for frame in whole}
    assert all(np.array_equal(frame.image, by_time[frame.time].image) for frame in frames)


def test_gaps_and_other_tracks_are_no_damage(tmp_path):
    gap = [time for time in even(60) if not 0.5 < time < 1.2]
    assert read(write_video(tmp_path / "gap.mkv", gap, options=OPTIONS, draw=texture))[1] == []
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        video, sound = container.add_stream("mjpeg", rate=30), container.add_stream("pcm_s16le", rate=48_000)
        video.width, video.height, video.pix_fmt = 96, 64, "yuvj420p"
        for number in range(30):
            container.mux(
                video.encode(av.VideoFrame.from_ndarray(texture(number), "bgr24").reformat(format="yuvj420p"))
            )
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), "s16", "mono")
            samples.sample_rate, samples.pts = 48_000, 1600 * number
            container.mux(sound.encode(samples))
        container.mux(video.encode(None))
    assert [len(each) for each in read(path)] == [30, 0]
