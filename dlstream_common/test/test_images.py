from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dlstream_common import (
    ENCODINGS,
    DeepCheck,
    EncodingError,
    Frame,
    RawImage,
    encoding_of,
    image_from_bytes,
    image_from_compressed,
    image_of_any,
    to_bgr,
    to_view,
)
from dlstream_common.images import CONVERTED
from dlstream_common.ros import frame_from_message, image_to_message

BYTES = {"mono8": 1, "8UC1": 1, "mono16": 2, "16UC1": 2, "bgr8": 3, "8UC3": 3, "rgb8": 3, "bgra8": 4, "8UC4": 4}


def test_known_colours_come_out_as_bgr():
    """One pixel pair of a known colour (blue 200, green 100, red 50) in every encoding."""
    bgr = np.full((2, 2, 3), (200, 100, 50), np.uint8)
    grey = int(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)[0, 0])
    b, g, r = 200, 100, 50  # ITU-R BT.601, studio range
    y = round(16 + (65.738 * r + 129.057 * g + 25.064 * b) / 256)
    u = round(128 + (-37.945 * r - 74.494 * g + 112.439 * b) / 256)
    v = round(128 + (112.439 * r - 94.154 * g - 18.285 * b) / 256)
    data = {
        "bgr8": [200, 100, 50] * 4,
        "rgb8": [50, 100, 200] * 4,
        "bgra8": [200, 100, 50, 255] * 4,
        "rgba8": [50, 100, 200, 255] * 4,
        "mono8": [grey] * 4,
        "mono16": [7, grey] * 4,
        "yuv422": [u, y, v, y] * 2,
        "uyvy": [u, y, v, y] * 2,
        "yuv422_yuy2": [y, u, y, v] * 2,
        "yuyv": [y, u, y, v] * 2,
    }
    for encoding, values in data.items():
        raw = bytes(values)
        image = to_bgr(image_from_bytes(RawImage(raw, 2, 2, len(raw) // 2, encoding)), encoding)
        expected = (grey, grey, grey) if encoding.startswith("mono") else (200, 100, 50)
        assert image.shape == (2, 2, 3), encoding
        assert np.abs(image.astype(int) - expected).max() <= 3, f"{encoding}: {image[0, 0]}"


@pytest.mark.parametrize(
    ("encoding", "pattern"),
    [("rggb", "RGGB"), ("bggr", "BGGR"), ("gbrg", "GBRG"), ("grbg", "GRBG")],
)
@pytest.mark.parametrize("bits", [8, 16])
def test_the_mosaic_of_a_sensor_becomes_its_colours(encoding, pattern, bits):
    """Each pixel sees one colour: of a picture of one colour that is known, all of it comes out."""
    seen = {"B": 200, "G": 100, "R": 50}
    pair = np.array([seen[one] for one in pattern], np.uint8).reshape(2, 2)
    mosaic = np.tile(pair, (4, 4))
    if bits == 16:
        mosaic = (mosaic.astype(np.uint16) * 256 + 255).astype(">u2")
    raw = mosaic.tobytes()
    image, found = image_of_any(RawImage(raw, 8, 8, bits, f"bayer_{encoding}{bits}", big_endian=bits == 16))
    assert found == "bgr8"
    assert (image == (200, 100, 50)).all()


@pytest.mark.parametrize(("encoding", "colours"), [("nv12", "uv"), ("nv21", "vu")])
def test_pictures_of_video_hardware_become_their_colours(encoding, colours):
    b, g, r = 200, 100, 50
    values = {
        "u": round(128 + (-37.945 * r - 74.494 * g + 112.439 * b) / 256),
        "v": round(128 + (112.439 * r - 94.154 * g - 18.285 * b) / 256),
    }
    y = round(16 + (65.738 * r + 129.057 * g + 25.064 * b) / 256)
    padding = [0] * 3  # behind each row
    rows = [[y] * 4 + padding] * 4 + [[values[one] for one in colours] * 2 + padding] * 2
    image, found = image_of_any(RawImage(bytes(np.array(rows, np.uint8)), 4, 4, 7, encoding))
    assert found == "bgr8"
    assert np.abs(image.astype(int) - (200, 100, 50)).max() <= 3


def test_of_16_bit_colours_the_upper_half_is_kept():
    wide = np.array([[[50, 100, 200]] * 2], np.uint16) * 256 + 255
    image, found = image_of_any(RawImage(wide.astype("<u2").tobytes(), 2, 1, 12, "rgb16"))
    assert found == "bgr8"
    assert image.tolist() == [[[200, 100, 50]] * 2]


@pytest.mark.parametrize("encoding", ["rgb16", "bgr16", "bayer_rggb16", "bayer_gbrg16"])
def test_16_bit_colours_of_few_bits_are_told_once(encoding):
    channels = 1 if encoding.startswith("bayer") else 3
    values = np.random.default_rng(0).integers(0, 4096, (8, 8 * channels), np.uint16)
    values[0, 0] = 4095
    dim, full = (each.astype(">u2").tobytes() for each in (values, values * 16))
    place = (8, 8, 16 * channels, encoding, True)
    check = DeepCheck()
    said = [check.add(RawImage(dim, *place)) for _ in range(30)]
    [text] = [one for one in said if one]
    assert text.startswith("the brightest value is 4095 of 65535, 12 bits of 16")
    short = DeepCheck()
    assert short.add(RawImage(dim, *place)) == ""
    assert short.finish() == text
    assert short.finish() == ""
    for data, form in ((full, encoding), (dim, "mono16" if channels == 1 else "8UC3")):
        check = DeepCheck()
        assert not any(check.add(RawImage(data, *place[:3], form, True)) for _ in range(30))
        assert check.finish() == ""


def test_big_endian_16_bit():
    image = image_from_bytes(RawImage(bytes([1, 2, 3, 4]), 2, 1, 4, "mono16", big_endian=True))
    assert image.tolist() == [[0x0102, 0x0304]]


def test_a_step_longer_than_the_row_is_skipped():
    raw = bytes([1, 2, 3, 0, 0, 4, 5, 6, 0, 0])
    assert image_from_bytes(RawImage(raw, 1, 2, 5, "bgr8")).tolist() == [[[1, 2, 3]], [[4, 5, 6]]]


def test_no_copy_of_a_plain_image():
    raw = bytearray(640 * 480 * 3)
    image = image_from_bytes(RawImage(memoryview(raw), 640, 480, 640 * 3, "bgr8"))
    raw[0] = 77
    assert image[0, 0, 0] == 77


@given(
    st.binary(max_size=64),
    st.integers(0, 6),
    st.integers(0, 6),
    st.integers(0, 40),
    st.sampled_from([*ENCODINGS, *CONVERTED, "bayer_rggb12", "", "BGR8"]),
    st.booleans(),
)
@example(bytes(64), 2, 2, 2, "bayer_rggb8", False)
@example(bytes(64), 2, 2, 4, "bayer_rggb16", True)
@example(bytes(64), 2, 2, 2, "nv12", False)
@example(bytes(64), 1, 1, 6, "bgr16", False)
def test_any_image_is_read_whole_or_refused(data, width, height, step, encoding, big_endian):
    try:
        image, found = image_of_any(RawImage(data, width, height, step, encoding, big_endian))
    except EncodingError as error:
        assert encoding in str(error)
    else:
        assert to_bgr(image, found).shape == (height, width, 3)


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (4, 6, 4)])
def test_message_round_trip(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    frame = Frame("top", 5, 1_700_000_000_123_456_789, image, encoding_of(image))
    back = frame_from_message(image_to_message(frame, "optical"), "top", 5)
    assert np.array_equal(back.image, image)
    assert (back.stamp, back.encoding) == (frame.stamp, frame.encoding)


def test_part_of_an_image_as_message():
    image = np.random.default_rng(0).integers(0, 256, (10, 10, 3), np.uint8)[2:5, 3:9]
    frame = Frame("top", 0, 0, image, "bgr8")
    assert np.array_equal(frame_from_message(image_to_message(frame, ""), "top", 0).image, image)


def test_arrays_that_are_no_image():
    with pytest.raises(EncodingError, match="no image encoding fits"):
        encoding_of(np.zeros((4, 4, 2), np.uint8))


@pytest.mark.parametrize(
    ("shape", "dtype", "encoding"),
    [
        ((4, 6), np.uint8, "mono8"),
        ((4, 6), np.uint16, "mono16"),
        ((4, 6, 3), np.uint8, "bgr8"),
        ((4, 6, 4), np.uint8, "bgra8"),
    ],
)
def test_a_compressed_image_is_what_was_compressed(shape, dtype, encoding):
    image = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    done, png = cv2.imencode(".png", image)
    assert done
    found, name = image_from_compressed(png.tobytes(), "png")
    assert name == encoding
    assert np.array_equal(found, image)


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_a_compressed_image_that_is_cut_off_is_refused(ending):
    """OpenCV gives what there is of it, the rest grey."""
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    data = cv2.imencode(f".{ending}", image)[1].tobytes()
    for size in (len(data) // 2, len(data) - 12):
        with pytest.raises(EncodingError, match="cut off; expected a whole image"):
            image_from_compressed(data[:size], "jpeg")
    image_from_compressed(data + bytes(100), "jpeg")  # webcams fill up their buffer


def test_the_mosaic_of_a_sensor_is_no_grey_picture():
    mosaic = cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes()
    with pytest.raises(EncodingError, match="a sensor's mosaic; expected colour or grey"):
        image_from_compressed(mosaic, "bayer_rggb8; png compressed bayer_rggb8")


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xff\xd8\xff")
def test_bytes_that_are_no_image_are_refused(data):
    found = f"found {len(data)} bytes of the format 'jpeg'"
    with pytest.raises(EncodingError, match=found):
        image_from_compressed(data, "jpeg")


def test_depth_is_shown_from_near_to_far():
    image = np.full((40, 40), 700, np.uint16)
    image[:, 20:] = 900
    image[:8] = 0
    view = to_view(image, "16UC1")
    assert view.dtype == np.uint8
    assert view.shape == (40, 40, 3)
    assert not view[:8].any()
    assert view[20, 5].tolist() == [255] * 3
    assert 40 < view[20, 30, 0] < 80
    assert not to_view(np.zeros((4, 4), np.uint16), "16UC1").any()


@given(arrays.arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_any_depth_can_be_shown(image):
    view = to_view(image, "16UC1")
    assert view.dtype == np.uint8
    assert ((view[..., 1] > 0) == (image > 0)).all(), "only what was not measured is black"


def test_pictures_are_shown_as_they_are():
    grey, colour = np.full((4, 4), 7, np.uint8), np.full((4, 4, 3), 9, np.uint8)
    assert to_view(grey, "mono8").tolist() == np.full((4, 4, 3), 7).tolist()
    assert to_view(colour, "bgr8") is colour
    assert to_view(np.full((4, 4), 512, np.uint16), "mono16").tolist() == np.full((4, 4, 3), 2).tolist()
