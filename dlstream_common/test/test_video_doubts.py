"""What is odd about a video is told: rates that nobody measured, coarse clocks, pixels that are not square."""

from __future__ import annotations

import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from video_files import HEIGHT, WIDTH, even, picture, read, texture, times, write_video

from dlstream_common import SourceError
from dlstream_common.video import open_frames


def avi_with_rate(path: Path, scale: int, rate: int, period: int) -> Path:
    """An AVI with this rate of its video, and period in microseconds in its main header."""
    content = bytearray(write_video(path, even(30), "mjpeg", "yuvj420p").read_bytes())
    video, main = content.find(b"vids"), content.find(b"avih")
    content[video + 20 : video + 28] = struct.pack("<II", scale, rate)
    content[main + 8 : main + 12] = struct.pack("<I", period)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("scale", "rate"), [(0, 0), (1, 0), (0, 30)])
def test_an_avi_without_a_rate_is_told_and_takes_the_one_asked_for(scale, rate, tmp_path):
    path = avi_with_rate(tmp_path / "a.avi", scale, rate, 0)
    [said] = open_frames(path).remarks
    assert said.startswith("its header has no frame rate; 25 fps assumed. --fps")
    assert not open_frames(path, 50).remarks
    frames, _ = read(path, 50)
    assert times(frames) == pytest.approx(even(30, 50))
    whole = avi_with_rate(tmp_path / "b.avi", scale, rate, 20_000)  # the main header has one
    assert not open_frames(whole).remarks
    assert times(read(whole)[0]) == pytest.approx(even(30, 50))


def test_a_rate_that_no_camera_has_is_told(tmp_path):
    path = avi_with_rate(tmp_path / "a.avi", 1, 1_000_000, 33_333)
    file = open_frames(path)
    assert file.fps is None
    assert "its header gives 1,000,000 fps, which can't be right" in file.remarks[0]


def test_a_digital_video_of_a_camcorder_has_its_own_rate(tmp_path):
    def draw(number: int) -> np.ndarray:
        return cv2.resize(picture(number), (720, 576))

    with av.open(str(tmp_path / "tape.dv"), "w") as container:
        stream = container.add_stream("dvvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        for number in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(draw(number), "bgr24").reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    file = open_frames(tmp_path / "tape.dv")
    assert (file.fps, file.expected) == (25, 10)
    assert "its pixels are not square (16:15): players stretch it to 768x576; it is read as it is" in file.remarks[0]
    assert times(read(tmp_path / "tape.dv")[0]) == pytest.approx(even(10, 25))


def test_pixels_that_are_not_square_are_told(tmp_path):
    path = write_video(tmp_path / "wide.mp4", even(5), aspect=Fraction(4, 3))
    file = open_frames(path)
    assert file.remarks == (
        f"its pixels are not square (4:3): players stretch it to {WIDTH * 4 // 3}x{HEIGHT}; it is read as it is "
        f"stored, {WIDTH}x{HEIGHT}, so that one pixel is another length across than down",
    )
    assert (file.width, file.height) == (WIDTH, HEIGHT)
    assert not open_frames(write_video(tmp_path / "square.mp4", even(5), aspect=Fraction(1))).remarks


def test_a_clock_too_coarse_for_the_frames_is_told(tmp_path):
    path = write_video(tmp_path / "fast.mkv", even(40, 2000), "ffv1", rate=2000)
    [said] = open_frames(path).remarks
    assert said.startswith("it counts time in steps of 1 ms, but its frames are 0.5 ms apart: their times are rounded.")
    assert not open_frames(path, 2000).remarks
    assert times(read(path, 2000)[0]) == pytest.approx(even(40, 2000))
    assert not open_frames(write_video(tmp_path / "usual.mkv", even(40, 200), "ffv1", rate=200)).remarks


@pytest.mark.parametrize(("ending", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("tif", "TIFF"), ("webp", "WebP")])
def test_an_image_named_as_a_video_is_no_video_of_one_frame(ending, kind, tmp_path):
    cv2.imwrite(str(tmp_path / f"a.{ending}"), picture(3))
    path = (tmp_path / f"a.{ending}").rename(tmp_path / "a.mp4")
    with pytest.raises(SourceError, match=rf"found an image \({kind}\); expected a video"):
        open_frames(path)


def noise(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (480, 640, 3), np.uint8)


def test_a_stream_of_jpegs_is_a_video_all_the_same(tmp_path):
    path = write_video(tmp_path / "a.mjpeg", even(5), "mjpeg", "yuvj420p", form="mjpeg")
    assert len(read(path, 30)[0]) == 5
    large = tmp_path / "large.mjpeg"  # FFmpeg takes it for one image by its first kilobytes
    write_video(
        large, even(5), "mjpeg", "yuvj420p", {"qmin": "1", "qmax": "1"}, None, "mjpeg", draw=noise, size=(640, 480)
    )
    assert len(read(large, 30)[0]) == 5
    with pytest.raises(SourceError, match="which has neither times nor a frame rate"):
        open_frames(large)


def test_a_video_named_as_an_image_is_named(tmp_path):
    path = write_video(tmp_path / "a.mp4", even(5)).rename(tmp_path / "a.png")
    with pytest.raises(SourceError, match=r"found a video \(MP4 or QuickTime\); expected an image.*such as a\.mp4"):
        open_frames(path)


def test_an_mp4_without_its_index_is_told(tmp_path):
    path = write_video(tmp_path / "a.mp4", even(50))
    content = path.read_bytes()
    index = content.find(b"moov") - 4
    path.write_bytes(content[:index])
    with pytest.raises(SourceError, match=r"found an MP4 without its index \(moov\).*still being recorded\? .*untrunc"):
        open_frames(path)


@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}, {"movflags": "frag_keyframe+empty_moov"}])
def test_a_second_recording_at_the_end_of_an_mp4_is_not_left_out_silently(options, tmp_path):
    one, two = (
        write_video(tmp_path / name, even(count), container_options=options)
        for name, count in (("one.mp4", 20), ("two.mp4", 30))
    )
    both = tmp_path / "both of them.mp4"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    place = one.stat().st_size
    with pytest.raises(SourceError, match=rf"a second MP4 appended .* at byte {place}, .*Split them: "):
        open_frames(both)
    both.write_bytes(both.read_bytes()[place:])
    assert len(read(both)[0]) == 30


def test_numbers_that_the_names_of_images_leave_out_are_told(tmp_path):
    for number in (8, 9, 10, 12, 13, 14, 17, 19, 21, 22):
        cv2.imwrite(str(tmp_path / f"trial2_{number}.png"), picture(number))
    told = [remark for remark in open_frames(tmp_path, 30).remarks if "leave out" in remark]
    assert told == [
        "the numbers in their names leave out 5 (11, 15 to 16, 18, ...); the images that are there follow one another "
        "without a gap: frame and number differ from there on"
    ]
    for number in (11, 15, 16, 18, 20):
        cv2.imwrite(str(tmp_path / f"trial2_{number}.png"), picture(number))
    assert not open_frames(tmp_path, 30).remarks


@pytest.mark.parametrize("names", [["img0012", "img0345", "img1777"], ["img1", "img4_old"], ["a", "b"], ["2", "2b"]])
def test_names_that_do_not_count_leave_nothing_out(names, tmp_path):
    for name in names:
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture(3))
    assert not open_frames(tmp_path, 30).remarks


@pytest.mark.parametrize("ending", ["png", "webp"])
def test_an_animation_is_not_taken_for_its_first_picture(ending, tmp_path):
    animation = cv2.Animation()
    animation.frames, animation.durations = [texture(number) for number in range(4)], [100] * 4
    path = tmp_path / f"a.{ending}"
    cv2.imwriteanimation(str(path), animation)
    cv2.imwrite(str(tmp_path / "b.png"), picture(3))
    for given in (path, tmp_path):
        with pytest.raises(SourceError, match=rf"a\.{ending}: found an animation of 4 pictures; expected one image."):
            open_frames(given)


def large_stack_of_imagej(path: Path, images: int) -> Path:
    """As ImageJ writes stacks above 4 GB: one directory of TIFF, and all images behind it."""
    about = f"ImageJ=1.54f\nimages={images}\nframes={images}\nloop=false\n\0".encode()
    start = 8 + 2 + 9 * 12 + 4
    fields = [(256, WIDTH), (257, HEIGHT), (258, 8), (259, 1), (262, 1), (270, start), (273, start + len(about))]
    fields += [(278, HEIGHT), (279, WIDTH * HEIGHT)]
    head = struct.pack(">2sHIH", b"MM", 42, 8, len(fields))
    for tag, value in fields:
        head += struct.pack(">HHII", tag, 2 if tag == 270 else 4, len(about) if tag == 270 else 1, value)
    pixels = b"".join(bytes([20 * number]) * WIDTH * HEIGHT for number in range(1, images + 1))
    path.write_bytes(head + bytes(4) + about + pixels)
    return path


def test_the_images_of_a_large_imagej_stack_are_not_left_out_silently(tmp_path):
    path = large_stack_of_imagej(tmp_path / "stack.tif", 6)
    for given in (path, tmp_path):
        with pytest.raises(
            SourceError, match=r"found 1 of 6 images that can be read: ImageJ keeps the others.*BigTIFF"
        ):
            open_frames(given)
    content = path.read_bytes()
    for length in (6 * WIDTH * HEIGHT - 1, len(content) // 2, 300):
        path.write_bytes(content[:length])
        with pytest.raises(SourceError, match=rf"of 6 images .* in {length} bytes; .*Is it truncated\? Copy it again$"):
            open_frames(path)
    [frame], _ = read(large_stack_of_imagej(tmp_path / "one.tif", 1))
    assert frame.image[0, 0, 0] == 20


def test_the_channels_of_an_imagej_stack_are_told(tmp_path):
    path = large_stack_of_imagej(tmp_path / "stack.tif", 1)
    assert not open_frames(path).remarks
    path.write_bytes(path.read_bytes().replace(b"\nframes=1\n", b"\nchannels=2\n").replace(b"loop=false", b"loop=yes"))
    [said] = open_frames(path).remarks
    assert said.startswith("a stack of ImageJ with 2 channels, by turns: each image of each is read as a")


def test_an_imagej_stack_without_its_last_directories_is_truncated_and_not_large(tmp_path):
    path = large_stack_of_imagej(tmp_path / "stack.tif", 6)
    content = bytearray(path.read_bytes())
    entries = 8 + 2 + 9 * 12
    content[entries : entries + 4] = struct.pack(
        ">I", len(content)
    )  # where the second directory was, behind all images
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"found 1 of 6 images .* by ImageJ's description\. Is it truncated\?"):
        open_frames(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_an_image_that_may_not_be_read_is_told(ending, tmp_path):
    path = tmp_path / f"a.{ending}"
    cv2.imwrite(str(path), picture(3))
    path.chmod(0)
    with pytest.raises(SourceError, match=r"can't be read \(Permission denied\); expected an image"):
        open_frames(path)


def test_an_image_that_is_gone_is_a_lost_frame_of_its_folder(tmp_path):
    (tmp_path / "a.tif").symlink_to("nowhere")
    cv2.imwrite(str(tmp_path / "b.tif"), picture(3))
    frames, gone = read(tmp_path)
    assert ([frame.number for frame in frames], [one.number for one in gone]) == ([1], [0])


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"avif"])
def test_a_picture_of_a_phone_is_no_video(brand, tmp_path):
    path = tmp_path / "IMG_1.jpg"
    path.write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(200))
    with pytest.raises(
        SourceError, match=r"found an image \(HEIC or AVIF\); expected one.*heif-convert IMG_1\.jpg IMG"
    ):
        open_frames(path)


@pytest.mark.parametrize("pixels", ["rgb48", "gray16"])
@pytest.mark.parametrize("bits", [12, 16])
def test_colour_of_16_bits_that_uses_few_of_them_is_told(pixels, bits, tmp_path):
    shape = (HEIGHT, WIDTH) if pixels == "gray16" else (HEIGHT, WIDTH, 3)
    values = np.random.default_rng(0).integers(0, 1 << bits, shape, np.uint16)
    values[0, 0] = (1 << bits) - 1
    path = tmp_path / "deep.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, f"{pixels}be"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(values, f"{pixels}le")
            container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode(None))
    remarks = open_frames(path).remarks
    if bits == 16 or pixels == "gray16":
        assert not remarks, "grey is passed on bit for bit, and looked at there"
    else:
        [text] = remarks
        assert text.startswith("the brightest value is 4095 of 65535, 12 bits of 16")
