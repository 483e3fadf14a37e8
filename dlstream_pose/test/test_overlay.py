"""The overlay: what is drawn where, in which colour, and what is not drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream_common import Individual
from dlstream_pose.runtime.overlay import ACTIVE, INACTIVE, PALETTE, OverlayRegion, draw_overlay

SQUARE = np.array([[100, 100], [300, 100], [300, 300], [100, 300]], np.float32)


def individual(x, y, confidence):
    return Individual("mouse", *(np.array(values, np.float32) for values in (x, y, confidence)))


def blank(level=128):
    return np.full((480, 640, 3), level, np.uint8)


def near(image, colour):
    """Pixels that have nearly a colour."""
    return np.abs(image.astype(int) - colour).max(axis=2) < 24


@pytest.mark.parametrize("level", [0, 128, 255])
def test_keypoints_are_dots_of_their_colours(level):
    picture = draw_overlay(blank(level), [individual([100, 400], [200, 50], [1, 1])])
    assert near(picture, PALETTE[0])[200, 100]
    assert near(picture, PALETTE[1])[50, 400]
    # A dark rim and a bright one tell a dot from any ground.
    around = picture[190:211, 90:111].mean(axis=2)
    assert around.min() < 60
    assert around.max() > 200


def test_the_image_itself_is_not_altered():
    image = blank()
    draw_overlay(image, [individual([100], [200], [1])], regions=[OverlayRegion("left", SQUARE)], caption="x")
    assert (image == 128).all()


def test_uncertain_and_undetected_keypoints_are_left_out():
    image = blank()
    found = individual([100, np.nan, 300], [200, np.nan, 100], [0.49, 1.0, 0.49])
    assert np.array_equal(draw_overlay(image, [found], edges=[(0, 1), (0, 2)], min_confidence=0.5), image)
    assert not np.array_equal(draw_overlay(image, [found], min_confidence=0.4), image)


def test_the_skeleton_joins_what_is_seen():
    picture = draw_overlay(blank(), [individual([100, 300], [200, 200], [1, 1])], edges=[(0, 1)])
    assert (picture[200, 150:250] > 200).all()


@pytest.mark.parametrize(("active", "colour"), [(True, ACTIVE), (False, INACTIVE)])
def test_a_region_is_green_while_active_and_red_otherwise(active, colour):
    picture = draw_overlay(blank(), [], regions=[OverlayRegion("", SQUARE, active)])
    border = near(picture, colour)
    assert border[100, 150:250].all()
    assert border[150:250, 300].all()
    assert not border[150:250, 150:250].any()
    assert np.abs(picture[200, 200].astype(int) - 128).max() > 5, "the inside is tinted"
    assert (picture[50, 50] == 128).all()


def test_caption_and_legend_have_their_corners():
    image = blank()
    changed = (draw_overlay(image, [], caption="12.3 fps", legend=["snout", "neck"]) != image).any(axis=2)
    assert changed[:60, :200].any()
    assert changed[400:, :150].any()
    assert not changed[:, 320:].any()


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(16, 400),
    height=st.integers(16, 300),
    points=st.lists(st.tuples(*[st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))] * 2), min_size=3, max_size=8),
    outline=st.lists(st.tuples(*[st.floats(-2e3, 2e3, width=32)] * 2), max_size=8),
    caption=st.text(max_size=30),
)
def test_nothing_that_can_be_published_breaks_it(width, height, points, outline, caption):
    """Points far outside, odd outlines, any text, tiny images."""
    x, y = zip(*points, strict=True)
    picture = draw_overlay(
        np.zeros((height, width, 3), np.uint8),
        [individual(x, y, [1.0] * len(x))],
        edges=[(0, 1), (1, 2)],
        regions=[OverlayRegion(caption, np.array(outline, np.float32).reshape(-1, 2), True)],
        caption=caption,
        legend=["a", "b"],
    )
    assert picture.shape == (height, width, 3)
