"""Pixel formats of GenICam cameras, without a camera."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlstream_camera.sources._pixel_formats import BY_NAME, FORMATS, image_of

RED, GREEN, BLUE = (0, 0, 200), (0, 150, 0), (100, 0, 0)


@pytest.mark.parametrize(("name", "bits"), [("Mono10", 10), ("Mono12", 12), ("Mono14", 14), ("Mono16", 16)])
def test_of_more_than_8_bits_the_upper_ones_are_kept(name, bits):
    values = np.arange(0, 2**bits, 2**bits // 96, dtype="<u2")[:96]
    image = image_of(values.view(np.uint8), BY_NAME[name], 12, 8)
    assert image.dtype == np.uint8
    assert image.shape == (8, 12)
    assert np.array_equal(image.ravel(), values >> (bits - 8))
    assert image.max() > 230
    assert f"upper 8 of {bits} bits" in BY_NAME[name].note


def test_a_value_of_more_bits_than_the_format_has_is_white_and_not_dark():
    assert image_of(np.array([4096 + 5], "<u2").view(np.uint8), BY_NAME["Mono12"], 1, 1)[0, 0] == 255


def test_colours_come_out_in_opencvs_order():
    pixels = np.array([[[10, 20, 30], [40, 50, 60]]], np.uint8)
    assert np.array_equal(image_of(pixels.ravel(), BY_NAME["BGR8"], 2, 1), pixels)
    assert np.array_equal(image_of(pixels.ravel(), BY_NAME["RGB8"], 2, 1), pixels[..., ::-1])


@pytest.mark.parametrize("name", ["BayerRG8", "BayerGR8", "BayerGB8", "BayerBG8"])
@pytest.mark.parametrize("colour", [RED, GREEN, BLUE], ids=["red", "green", "blue"])
def test_a_bayer_pattern_that_sees_one_colour_gives_an_image_of_that_colour(name, colour):
    """The standard names a pattern by the first two pixels of its first row."""
    first, second = name[5], name[6]
    other = {"RG": "GB", "GR": "BG", "GB": "RG", "BG": "GR"}[first + second]
    levels = dict(zip("BGR", colour, strict=True))
    tile = np.array([[levels[first], levels[second]], [levels[other[0]], levels[other[1]]]], np.uint8)
    image = image_of(np.tile(tile, (8, 8)).ravel(), BY_NAME[name], 16, 16)
    assert (image[4, 4] == colour).all()
    assert (image[5, 6] == colour).all()


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_bytes_at_the_end_of_each_row_are_left_out(form):
    rows = np.random.default_rng(0).integers(0, 250, (6, 4 * form.bits // 8), np.uint8)
    padded = np.pad(rows, ((0, 0), (0, 3)), constant_values=255).ravel()
    plain = image_of(rows.ravel(), form, 4, 6)
    assert np.array_equal(image_of(padded, form, 4, 6, padding=3), plain)
    assert np.array_equal(image_of(padded[:-3], form, 4, 6, padding=3), plain), "some leave out the last row's"


@given(
    form=st.sampled_from(FORMATS),
    data=st.binary(max_size=600),
    width=st.integers(-2, 20),
    height=st.integers(-2, 20),
    padding=st.integers(0, 5),
)
def test_whatever_a_camera_sends_is_an_image_of_its_size_or_refused(form, data, width, height, padding):
    try:
        image = image_of(np.frombuffer(data, np.uint8), form, width, height, padding)
    except ValueError as error:
        assert "bytes" in str(error) or "two rows" in str(error)
    else:
        assert image.shape[:2] == (height, width)
        assert image.dtype == np.uint8
