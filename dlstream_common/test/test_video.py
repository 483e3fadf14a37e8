"""Frames, stamps, sizes and losses of files as they really are."""

from __future__ import annotations

import os
import re
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from video_files import HEIGHT, WIDTH, damage, even, picture, read, texture, times, write_video

from dlstream_common import SourceError
from dlstream_common.video import VideoFile, VideoFrame, open_frames


def shows(frame: VideoFrame, number: int, tolerance: int = 4) -> bool:
    return abs(float(frame.image[-8:, -8:].mean()) - 4 * number) <= tolerance


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "options"),
    [
        ("plain.mp4", "libx264", "yuv420p", {}),
        ("interlaced.mp4", "libx264", "yuv420p", {"x264-params": "interlaced=1"}),
        ("bottom_field_first.mkv", "libx264", "yuv420p", {"x264-params": "bff=1"}),
        ("fields.ts", "mpeg2video", "yuv420p", {"flags": "+ildct+ilme"}),
        ("ten_bit.mp4", "libx264", "yuv420p10le", {}),
        ("full_range.mp4", "libx264", "yuvj420p", {}),
        ("alpha.mov", "qtrle", "argb", {}),
        ("alpha.mkv", "ffv1", "bgra", {}),
        ("reordered.avi", "libx264", "yuv420p", {}),
        ("reordered.ts", "libx264", "yuv420p", {}),
        ("motion.avi", "mjpeg", "yuvj420p", {}),
        ("grey.mkv", "ffv1", "gray", {}),
    ],
)
def test_every_kind_of_video_shows_what_was_recorded(name, codec, pixels, options, tmp_path):
    path = write_video(tmp_path / name, even(50), codec, pixels, options)
    frames, lost = read(path)
    assert not lost
    assert len(frames) == 50
    assert np.allclose(times(frames), even(50), atol=0.002)
    for number in (10, 30, 49):
        assert shows(frames[number], number), number
        assert frames[number].image[4:12, 4:12].min() > 240
        assert frames[number].image.shape == (HEIGHT, WIDTH, 3)


def test_the_same_pixels_as_opencv_decodes(tmp_path):
    path = write_video(tmp_path / "plain.mp4", even(20))
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    for frame in read(path)[0]:
        assert np.array_equal(frame.image, capture.read()[1])


@pytest.mark.parametrize("name", ["uneven.mp4", "uneven.mkv"])
def test_each_frame_has_its_own_time(name, tmp_path):
    stamps = [0.0, 0.033, 0.066, 1.1, 1.2, 1.25, 2.0]
    frames, _ = read(write_video(tmp_path / name, stamps))
    assert np.allclose(times(frames), stamps, atol=0.002)
    assert times(read(tmp_path / name, fps=10)[0]) == pytest.approx([number / 10 for number in range(7)])


@pytest.mark.parametrize("name", ["segment.mkv", "segment.ts"])
def test_a_segment_begins_at_zero(name, tmp_path):
    frames, lost = read(write_video(tmp_path / name, [1.567 + time for time in even(20)]))
    assert not lost
    assert np.allclose(times(frames), even(20), atol=0.002)


def test_what_an_edit_list_hides_is_not_shown(tmp_path):
    path = write_video(tmp_path / "trimmed.mp4", even(60), options={"g": "60", "bf": "0"})
    content = bytearray(path.read_bytes())
    place = content.index(b"elst") + 12  # after version, flags and the number of entries
    duration = int.from_bytes(content[place : place + 4], "big")
    with av.open(str(path)) as container:
        tick = container.streams.video[0].time_base
    start = round(20 / 30 / tick)
    content[place : place + 4] = (duration * 2 // 3).to_bytes(4, "big")
    content[place + 4 : place + 8] = start.to_bytes(4, "big")
    path.write_bytes(content)
    frames, lost = read(path)
    assert not lost
    assert len(frames) == 40
    assert np.allclose(times(frames), even(40), atol=0.002)
    assert shows(frames[0], 20)


@pytest.mark.parametrize(("rotation", "corner"), [(90, (-4, 4)), (180, (-4, -4)), (270, (4, -4))])
def test_a_turned_video_is_upright(rotation, corner, tmp_path):
    path = write_video(tmp_path / "turned.mp4", even(3), rotation=rotation)
    file = open_frames(path)
    assert (file.width, file.height) == ((WIDTH, HEIGHT) if rotation == 180 else (HEIGHT, WIDTH))
    frames, _ = read(path)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    assert np.array_equal(frames[0].image, capture.read()[1])
    assert frames[0].image[corner].min() > 240
    assert frames[0].image.shape[:2] == (file.height, file.width)


@pytest.mark.parametrize("name", ["2026-11-28T14:50_trial.mp4", "a%03d*?.mp4", "http:x.mkv"])
def test_a_name_is_no_url_and_no_pattern(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "plain.mp4", even(5)).rename(name)
    assert len(read(Path(name))[0]) == 5


def test_a_stream_without_times_takes_its_own_rate_or_the_one_asked_for(tmp_path):
    path = tmp_path / "pi.h264"
    with av.open(str(path), "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=50)
        stream.width, stream.height = WIDTH, HEIGHT
        for number in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), "bgr24")))
        container.mux(stream.encode(None))
    assert "its frame rate of 50 fps is used" in open_frames(path).remarks[0]
    assert times(read(path)[0]) == pytest.approx([number / 50 for number in range(10)])
    assert not open_frames(path, fps=20).remarks
    assert times(read(path, fps=20)[0]) == pytest.approx([number / 20 for number in range(10)])
    jpegs = write_video(tmp_path / "camera.mjpeg", even(10), "mjpeg", "yuvj420p", form="mjpeg")
    with pytest.raises(SourceError, match=r"which has neither times nor a frame rate.*--fps 30"):
        open_frames(jpegs)
    assert times(read(jpegs, fps=20)[0]) == pytest.approx([number / 20 for number in range(10)])


def test_a_cover_picture_is_no_video(tmp_path):
    audio = tmp_path / "sound.m4a"
    with av.open(str(audio), "w", format="mp4") as container:
        _sound(container)
    with pytest.raises(SourceError, match=r"sound.m4a: found sound; expected a video"):
        open_frames(audio)
    _, jpeg = cv2.imencode(".jpg", np.zeros((32, 32, 3), np.uint8))
    cover = b"\xff\xfb\x90\x00" + bytes(413)
    tag = b"\x00image/jpeg\x00\x03\x00" + jpeg.tobytes()
    frame = b"APIC" + len(tag).to_bytes(4, "big") + b"\x00\x00" + tag
    size = bytes((len(frame) >> shift) & 127 for shift in (21, 14, 7, 0))
    (tmp_path / "song.mp3").write_bytes(b"ID3\x03\x00\x00" + size + frame + cover * 20)
    with pytest.raises(SourceError, match="found sound and a cover picture; expected a video"):
        open_frames(tmp_path / "song.mp3")


def _sound(container: av.container.OutputContainer) -> None:
    stream = container.add_stream("aac", rate=48_000)
    samples = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), format="fltp", layout="mono")
    samples.sample_rate = 48_000
    container.mux(stream.encode(samples))
    container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("cut.mp4", "libx264", {}),
        ("cut_index_first.mp4", "libx264", {"movflags": "faststart"}),
        ("cut.mkv", "libx264", {}),
        ("cut.avi", "mjpeg", {}),
        ("cut.wmv", "mpeg4", {}),
    ],
)
def test_a_truncated_file_is_refused_for_its_missing_bytes(name, codec, options, tmp_path):
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_video(tmp_path / name, even(50), codec, pixels, container_options=options)
    whole = path.read_bytes()
    read(path)
    path.write_bytes(whole[: len(whole) * 3 // 4])
    way_on = "its index, which is at the end" if name == "cut.mp4" else "save what is there with 'ffmpeg"
    size = len(whole)
    if name == "cut.wmv":  # without its index, which follows the data: nothing tells that there was one
        data = whole.index(bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c"))
        size = data + int.from_bytes(whole[data + 16 : data + 24], "little")
    found = rf"found {len(whole) * 3 // 4} bytes; expected {size}, .*truncated: copy it again, .*{way_on}"
    with pytest.raises(SourceError, match=found):
        open_frames(path)


def test_what_is_no_video_is_named(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video" * 100)
    for name, said in (
        ("empty", "an empty file"),
        ("text", "found a text; expected a video"),
        ("none", "no such file"),
    ):
        with pytest.raises(SourceError, match=said):
            open_frames(tmp_path / f"{name}.mp4")
    path = write_video(tmp_path / "all_bad.avi", even(3), "mjpeg", "yuvj420p")
    for number in range(3):
        damage(path, number)
    with pytest.raises(SourceError, match="found no frame that can be decoded"):
        open_frames(path)


@pytest.mark.parametrize("begin", [0, 20])
def test_two_recordings_in_one_stream_follow_one_another(tmp_path, begin):
    one = write_video(tmp_path / "one.ts", [begin + time for time in even(30)])
    two = write_video(tmp_path / "two.ts", even(30))
    one.write_bytes(one.read_bytes() + two.read_bytes())
    frames, lost = read(one)
    assert not lost
    assert len(frames) == 60
    assert np.all(np.diff(times(frames)) > 0)
    each = np.ptp(even(30))
    assert times(frames)[-1] == pytest.approx(2 * each + 1 / 30, abs=0.05), "each as long as it was"


def test_images_in_the_order_of_counting(tmp_path):
    for number in (1, 2, 3, 9, 10, 11, 12):
        cv2.imwrite(str(tmp_path / f"img{number}.png"), picture(number))
    (tmp_path / "._img1.png").write_bytes(b"macOS")
    (tmp_path / "README").touch()
    frames, lost = read(tmp_path)
    assert not lost
    assert [int(frame.image[-1, -1, 0]) // 4 for frame in frames] == [1, 2, 3, 9, 10, 11, 12]
    (tmp_path / "img4.png").write_bytes(b"damaged")
    frames, [gone] = read(tmp_path)
    assert (gone.number, len(frames)) == (3, 7)
    assert "img4.png" in gone.reason


@pytest.mark.parametrize("ending", [".tif", ".png", ".webp"])
def test_a_name_that_is_no_utf8_is_refused(ending, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in (b"frame_1", b"M\xe4use_2"):
        _, data = cv2.imencode(ending, texture(0))
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name + ending.encode())).write_bytes(data.tobytes())
    with pytest.raises(SourceError, match=r"M\\xe4use_2\.\w+: found a name that is no UTF-8; expected .*convmv"):
        open_frames(folder)
    old = Path(os.fsdecode(os.fsencode(tmp_path) + b"/M\xe4use"))
    folder.rename(old)
    for path in (old, old / f"frame_1{ending}"):
        with pytest.raises(SourceError, match=r"found a name that is no UTF-8; expected .*convmv"):
            open_frames(path)


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "bmp"])
def test_half_an_image_is_a_lost_frame(ending, tmp_path):
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"{number}.{ending}"), texture(number))
    cut = tmp_path / f"2.{ending}"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    (tmp_path / f"4.{ending}").write_bytes(b"")
    frames, lost = read(tmp_path)
    assert [one.number for one in lost] == [2, 4]
    assert [frame.number for frame in frames] == [0, 1, 3]


def test_an_image_with_wrong_bytes_is_a_lost_frame(tmp_path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), texture(number))
    content = bytearray((tmp_path / "1.png").read_bytes())
    content[len(content) // 2] ^= 0x5A
    (tmp_path / "1.png").write_bytes(content)
    frames, [lost] = read(tmp_path)
    assert (lost.number, len(frames)) == (1, 2)


def test_a_stack_is_read_page_by_page(tmp_path):
    pages = [np.full((64, 96), 1000 * number, np.uint16) for number in range(1, 12)]
    cv2.imwritemulti(str(tmp_path / "stack.tif"), pages)
    frames, _ = read(tmp_path / "stack.tif")
    assert [int(frame.image.max()) for frame in frames] == [1000 * number for number in range(1, 12)]
    assert frames[0].image.dtype == np.uint16
    cv2.imwrite(str(tmp_path / "x.png"), np.zeros((64, 96), np.uint8))
    assert len(read(tmp_path)[0]) == 12


def test_images_of_other_kinds_beside_those_that_are_read_are_told(tmp_path):
    for number in (1, 2):
        cv2.imwrite(str(tmp_path / f"frame_{number}.png"), texture(number))
    assert not any("left out" in text for text in open_frames(tmp_path).remarks)
    for name in ("frame_3.HEIC", "frame_4.jfif", ".frame_5.gif", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    [text] = [text for text in open_frames(tmp_path).remarks if "left out" in text]
    assert text.startswith("2 images beside them are left out (frame_3.HEIC, frame_4.jfif): expected names that end in")


def test_images_of_few_bits_are_told(tmp_path):
    colour = np.full((64, 96, 3), 2000, np.uint16)
    colour[:32] = 100
    cv2.imwrite(str(tmp_path / "a.png"), colour)
    file = open_frames(tmp_path / "a.png")
    assert "the brightest value is 2000 of 65535" in file.remarks[0]
    assert read(tmp_path / "a.png")[0][0].image.dtype == np.uint8
    cv2.imwrite(str(tmp_path / "b.tif"), np.ones((64, 96), np.float32))
    with pytest.raises(
        SourceError, match=r"no image that can be read .b.tif has values of type float32; expected 8 or 16 bits"
    ):
        open_frames(tmp_path / "b.tif")


def smooth(number: int) -> NDArray[np.uint8]:
    """Coarse shapes and fine noise: x264 takes blocks of 8 x 8 and of 4 x 4."""
    random = np.random.default_rng(0)
    shapes = cv2.GaussianBlur(random.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8), (0, 0), 3)
    shapes = cv2.normalize(shapes, shapes.copy(), 0, 255, cv2.NORM_MINMAX)
    noise = np.random.default_rng(number).integers(-8, 8, shapes.shape)
    return np.clip(np.roll(shapes, 3 * number, axis=1) + noise, 0, 255).astype(np.uint8)


def older_444(path: Path, quality: int) -> Path:
    """A video that says it is of x264 of 2016, which FFmpeg decodes in a way of its own."""
    write_video(path, even(20), pixels="yuv444p", options={"crf": str(quality), "g": "5"}, draw=smooth)
    data = path.read_bytes()
    written = re.search(rb"x264 - core \d+", data)
    assert written is not None
    path.write_bytes(data.replace(written[0], b"x264 - core 148"))
    return path


def test_a_frame_of_older_444_video_is_the_same_with_and_without_what_comes_before(tmp_path):
    videos = (older_444(tmp_path / f"{quality}.mp4", quality) for quality in range(11, 40))
    whole = (path for path in videos if all(isinstance(item, VideoFrame) for item in VideoFile(path).frames()))
    path = next(whole)  # what today's x264 writes can also be damaged when it is decoded so
    assert np.abs(plain(path, 15 / 30)[0] - plain(path, 0.0)[15]).mean() > 5, "FFmpeg alone errs after a jump"
    for item in VideoFile(path).frames():
        assert isinstance(item, VideoFrame)
        assert np.array_equal(VideoFile(path).image_at(item.number / 30), item.image), item.number


def plain(path: Path, start: float) -> list[NDArray[np.int_]]:
    """What FFmpeg makes of it from a time on."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        container.seek(int(start / stream.time_base), stream=stream)
        return [frame.to_ndarray(format="bgr24").astype(int) for frame in container.decode(stream)]
