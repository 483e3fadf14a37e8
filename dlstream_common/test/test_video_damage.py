"""Damaged, cut and incomplete videos: every lost frame is told with its number, and nothing else changes."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from video_files import HEIGHT, WIDTH, damage, even, read, texture, times, write_video

from dlstream_common import EncodingError, image_from_compressed
from dlstream_common.video import VideoFile


@pytest.mark.parametrize("number", [0, 7, 18, 19])
def test_a_damaged_frame_is_one_lost_frame(number, tmp_path):
    path = damage(write_video(tmp_path / "motion.avi", even(20), "mjpeg", "yuvj420p"), number)
    frames, [lost] = read(path)
    assert lost.number == number
    assert lost.time / 1e9 == pytest.approx(number / 30, abs=0.001)
    assert "its data is damaged" in lost.reason
    assert [frame.number for frame in frames] == [other for other in range(20) if other != number]
    assert np.allclose(times(frames), [other / 30 for other in range(20) if other != number], atol=0.001)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("sums.mkv", "ffv1", {"level": "3", "slicecrc": "1", "g": "1"}),
        ("sums.avi", "ffv1", {"level": "3", "slicecrc": "1", "g": "1"}),
        ("newer.mkv", "ffv1", {"level": "4", "strict": "experimental", "g": "1"}),
        ("slices.mp4", "libx264", {"g": "1", "x264-params": "slices=4"}),
        ("slices.avi", "libx264", {"g": "1", "x264-params": "slices=4", "bf": "0"}),
        ("turned.mov", "prores_ks", {}),
    ],
)
@pytest.mark.parametrize("number", [0, 7, 19])
def test_a_few_wrong_bytes_are_one_lost_frame(name, codec, options, number, tmp_path):
    pixels = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    path = write_video(tmp_path / name, even(20), codec, pixels, options, draw=texture)
    whole, none = read(path)
    assert not none
    frames, [lost] = read(damage(path, number, begin=0.4, most=40))
    assert lost.number == number
    assert lost.time / 1e9 == pytest.approx(number / 30, abs=0.001)
    assert [frame.number for frame in frames] == [other for other in range(20) if other != number]
    assert all(np.array_equal(frame.image, whole[frame.number].image) for frame in frames), (
        "nothing shows made-up pixels"
    )


def test_video_without_check_sums_has_no_wrong_ones(tmp_path):
    for options in ({"level": "3", "slicecrc": "0", "slices": "4"}, {"level": "1"}):
        frames, lost = read(write_video(tmp_path / "none.mkv", even(20), "ffv1", options=options, draw=texture))
        assert (len(frames), lost) == (20, [])


def test_a_sample_without_data_is_a_lost_frame(tmp_path):
    path = write_video(tmp_path / "empty.mp4", even(20), "mjpeg", "yuvj420p", draw=texture)
    content = bytearray(path.read_bytes())
    table = content.index(b"stsz") + 16
    for number in (5, 4, 19):  # its bytes become padding after the JPEG before it
        own, before = (content[table + 4 * at : table + 4 * at + 4] for at in (number, number - 1))
        both = int.from_bytes(own, "big") + int.from_bytes(before, "big")
        content[table + 4 * number - 4 : table + 4 * number + 4] = both.to_bytes(4, "big") + bytes(4)
    path.write_bytes(content)
    frames, lost = read(path)
    assert [one.number for one in lost] == [4, 5, 19]
    assert "no data" in lost[0].reason
    assert np.allclose(times(frames), [other / 30 for other in range(20) if other not in (4, 5, 19)], atol=0.001)


@pytest.mark.parametrize(("codec", "reordered"), [("libx264", "0"), ("libx264", "2"), ("mpeg2video", "2")])
@pytest.mark.parametrize(("begin", "end", "lost"), [(12, 13, 1), (12.5, 13.5, 2), (11.4, 14.6, 4)])
def test_the_frames_that_a_cut_stream_lacks_are_lost(codec, reordered, begin, end, lost, tmp_path):
    path = write_video(tmp_path / "cut.ts", even(40), codec, options={"bf": reordered, "g": "20"}, draw=texture)
    content = path.read_bytes()
    packets = [content[at : at + 188] for at in range(0, len(content), 188)]
    video = [number for number, one in enumerate(packets) if int.from_bytes(one[1:3], "big") & 0x1FFF == 0x100]
    starts = [number for number in video if packets[number][1] & 0x40]

    def place(frame: float) -> int:
        number = int(frame)
        return starts[number] + round((frame - number) * (starts[number + 1] - starts[number]))

    path.write_bytes(b"".join(packets[: place(begin)] + packets[place(end) :]))
    frames, missing = read(path)
    assert len(frames) + len(missing) == 40
    assert lost <= len(missing) <= lost + 6, "and those that the decoder can't make without them"
    assert [round(frame.time * 30 / 1e9) for frame in frames] == [frame.number for frame in frames]
    assert [round(one.time * 30 / 1e9) for one in missing] == [one.number for one in missing]
    assert any("bytes" in one.reason for one in missing)


def test_damage_between_key_frames_says_what_builds_on_it(tmp_path):
    options = {"g": "10", "bf": "2", "x264-params": "scenecut=0"}
    path = write_video(tmp_path / "plain.mp4", even(40), options=options, draw=texture)
    whole, _ = read(path)
    frames, lost = read(damage(path, 13))
    assert len(frames) + len(lost) == 40
    assert 1 <= len(lost) < 10
    assert all("up to the next key frame" in item.reason for item in lost)
    assert [frame.number for frame in frames[-19:]] == list(range(21, 40)), "the next key frame is 20"
    for frame in frames:
        assert frame.time == whole[frame.number].time
        if frame.number > 20:
            assert np.array_equal(frame.image, whole[frame.number].image)


@pytest.mark.parametrize(("codec", "reordered"), [("mpeg4", 2), ("mpeg4", 0), ("mpeg2video", 2), ("libx264", 2)])
@pytest.mark.parametrize("begin", [0.0, 0.5])
def test_a_damaged_frame_of_an_avi_shifts_no_stamp(codec, reordered, begin, tmp_path):
    options = {"bf": str(reordered), "g": "12", "x264-params": "scenecut=0"}
    path = write_video(tmp_path / "old.avi", even(60), codec, options=options, draw=texture)
    whole, _ = read(path)
    for number in (0, 1, 5, *range(20, 36), 58):
        damaged = tmp_path / f"{number}.avi"
        damaged.write_bytes(path.read_bytes())
        frames, lost = read(damage(damaged, number, begin))
        assert lost or codec == "libx264"  # whose first packet begins with a text
        assert len(frames) + len(lost) == 60
        assert all(frame.time == whole[frame.number].time for frame in frames)
        sound = 12 * (number // 12 + 2)  # an open group begins with pictures that build on the one before
        for frame in frames:
            if frame.number < number - reordered or frame.number >= sound:
                assert np.array_equal(frame.image, whole[frame.number].image), (number, frame.number)


@pytest.mark.parametrize(
    ("codec", "pixels", "options"),
    [
        ("mjpeg", "yuvj420p", {}),
        ("mpeg4", "yuv420p", {"bf": "2", "g": "10"}),
        ("libx264", "yuv420p", {"bf": "0", "g": "10", "x264-params": "scenecut=0"}),
        ("ffv1", "yuv420p", {"g": "1"}),
    ],
)
@pytest.mark.parametrize("number", [0, 7, 8, 9, 30, 39])
def test_a_frame_of_an_avi_without_its_head_is_one_lost_frame(codec, pixels, options, number, tmp_path):
    path = write_video(tmp_path / "head.avi", even(40), codec, pixels, options, draw=texture)
    whole, _ = read(path)
    with av.open(str(path)) as container:
        place = [packet.pos for packet in container.demux(video=0) if packet.size][number]
    content = bytearray(path.read_bytes())
    content[place - 8 : place + 20] = bytes(28)
    path.write_bytes(content)
    frames, lost = read(path)
    assert lost
    assert len(frames) + len(lost) == 40
    assert any("head of its data" in one.reason for one in lost)
    assert all(frame.time == whole[frame.number].time for frame in frames)
    if options.get("g", "1") == "1":
        assert [one.number for one in lost] == [number]
    for frame in frames:
        if frame.number < number - 2 or frame.number >= 10 * (number // 10 + 2) or options.get("g", "1") == "1":
            assert np.array_equal(frame.image, whole[frame.number].image)


def test_palettes_in_the_index_of_an_avi_are_no_lost_frames(tmp_path):
    path = write_video(tmp_path / "palette.avi", even(20), "mjpeg", "yuvj420p", draw=texture)
    content = path.read_bytes()
    movie, index = content.index(b"movi"), content.index(b"idx1")
    end = movie + int.from_bytes(content[movie - 4 : movie], "little")
    entry = b"00pc" + bytes(4) + (end - movie).to_bytes(4, "little") + (4).to_bytes(4, "little")
    entries = content[index + 8 :] + entry
    chunk = b"00pc" + (4).to_bytes(4, "little") + bytes(4)
    size = int.from_bytes(content[movie - 4 : movie], "little") + len(chunk)
    content = content[: movie - 4] + size.to_bytes(4, "little") + content[movie:end] + chunk
    content += b"idx1" + len(entries).to_bytes(4, "little") + entries
    path.write_bytes(b"RIFF" + (len(content) - 8).to_bytes(4, "little") + content[8:])
    frames, lost = read(path)
    assert (len(frames), lost) == (20, [])


def noisy_jpeg(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)
    return cv2.imencode(".jpg", cv2.resize(noise, (WIDTH, HEIGHT)), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


@pytest.mark.parametrize("name", ["zeros.avi", "zeros.mkv", "folder"])
def test_a_jpeg_that_ends_in_zeros_is_lost_and_padding_is_none(name, tmp_path):
    """As of an interrupted copy: decoders take zeros for a plain surface."""
    data = [noisy_jpeg(number) for number in range(12)]
    data[3] = data[3][: len(data[3]) * 7 // 10] + bytes(len(data[3]) * 3 // 10)
    data[5] += bytes(200)  # padding
    data[7] = data[7][:-2]  # without its end mark, as some cameras send it
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
        for number, one in enumerate(data):
            (path / f"{number}.jpg").write_bytes(one)
    else:
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mjpeg", rate=30)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
            for number, one in enumerate(data):
                packet = av.Packet(one)
                packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 30), True
                packet.pts = packet.dts = number
                container.mux(packet)
    frames, lost = read(path)
    assert [one.number for one in lost] == ([3, 7] if name == "folder" else [3]), "OpenCV needs the end mark"
    assert len(frames) + len(lost) == 12
    for number, one in enumerate(data):
        if number in (3, 7):
            with pytest.raises(EncodingError, match="cut off"):
                image_from_compressed(one, "jpeg")
        else:
            assert image_from_compressed(one, "jpeg")[1] == "bgr8"


def test_a_place_that_can_not_be_read_is_one_lost_frame(tmp_path):
    path = write_video(tmp_path / "plain.y4m", even(20), "wrapped_avframe", draw=texture)
    content = bytearray(path.read_bytes())
    place = content.index(b"FRAME", len(content) // 2)
    content[place : place + 5] = b"XXXXX"
    path.write_bytes(content)
    frames, [lost] = read(path)
    assert lost.number == len(frames)
    assert "can't be read there" in lost.reason


def test_fewer_frames_than_the_header_promises_are_told_once(tmp_path):
    path = write_video(tmp_path / "killed.avi", even(20), "mjpeg", "yuvj420p", draw=texture)
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        place = [packet.pos for packet in container.demux(video=0) if packet.size][7]
    index = content.index(b"idx1")
    content[place - 8 : place + 20] = bytes(28)
    content[4:8] = bytes(4)  # a killed recorder leaves the size open, and no index
    path.write_bytes(content[:index])
    frames, [lost] = read(path)
    assert (len(frames), lost.number) == (19, 19)
    assert "promises 20 frames, and 19 were found" in lost.reason


def test_an_index_of_the_first_part_of_an_avi_leaves_nothing_out(tmp_path):
    path = write_video(tmp_path / "part.avi", even(20), "mjpeg", "yuvj420p", draw=texture)
    whole, _ = read(path)
    with av.open(str(path)) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    index = content.index(b"idx1")
    for number in range(12, 20):  # these entries are nobody's
        content[index + 8 + 16 * number : index + 12 + 16 * number] = b"JUNK"
    content[places[11] - 8 : places[11] + 20] = bytes(28)
    path.write_bytes(content)
    frames, [lost] = read(path)
    assert lost.number == 11
    assert all(np.array_equal(frame.image, whole[frame.number].image) for frame in frames)


def test_an_index_that_lacks_frames_leaves_none_out(tmp_path):
    path = write_video(tmp_path / "some.avi", even(20), "mjpeg", "yuvj420p", draw=texture)
    whole, _ = read(path)
    content = path.read_bytes()
    index = content.index(b"idx1")
    entries = [content[place : place + 16] for place in range(index + 8, index + 8 + 16 * 20, 16)]
    kept = b"".join(entries[::5])
    rest = 16 * 20 - len(kept) - 8
    junk = b"JUNK" + rest.to_bytes(4, "little") + bytes(rest)
    path.write_bytes(content[: index + 4] + len(kept).to_bytes(4, "little") + kept + junk + content[index + 8 + 320 :])
    frames, lost = read(path)
    assert not lost
    assert [frame.time for frame in frames] == [frame.time for frame in whole]
    assert all(np.array_equal(one.image, other.image) for one, other in zip(frames, whole, strict=True))


def test_a_picture_of_an_avi_is_found_without_looking_at_those_before(tmp_path, monkeypatch):
    path = write_video(tmp_path / "long.avi", even(60), "mjpeg", "yuvj420p", draw=texture)
    looked: list[int] = []
    monkeypatch.setattr("dlstream_common.video._avi_index._kind", lambda file, pos: looked.append(pos) or b"dc")
    file = VideoFile(path)
    whole, _ = read(path)
    looked.clear()
    assert np.array_equal(file.image_at(whole[50].time / 1e9), whole[50].image)
    assert not looked


@pytest.mark.parametrize("promised", [0xFFFFFFFF, 2000])
def test_the_header_of_an_ivf_promises_nothing(promised, tmp_path):
    """Some writers give ticks there, and one that writes into a pipe gives nothing."""
    path = write_video(tmp_path / "piped.ivf", even(20), "libvpx", draw=texture)
    content = bytearray(path.read_bytes())
    content[24:28] = promised.to_bytes(4, "little")
    path.write_bytes(content)
    frames, lost = read(path)
    assert (len(frames), lost) == (20, [])
