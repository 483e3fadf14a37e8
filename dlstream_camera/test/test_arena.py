"""The synthetic arena: the same frames each time, a truth that is true, and a path that gives an experiment work."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream_camera.arena import KEYPOINTS, SKELETON, Arena

NECK = KEYPOINTS.index("neck")


def path(arena: Arena, frames: int) -> np.ndarray:
    return np.stack([arena.truth(n)[NECK] for n in range(frames)])


def test_a_frame_does_not_depend_on_what_was_rendered_before() -> None:
    first, second = Arena(seed=3), Arena(seed=3)
    frames = [0, 29, 30, 31, 400, 2500]
    forwards = {n: first.render(n) for n in frames}
    backwards = {n: second.render(n) for n in reversed(frames)}
    for n in frames:
        assert np.array_equal(forwards[n][0], backwards[n][0])
        assert np.array_equal(forwards[n][1], backwards[n][1])


def test_an_image_is_a_fresh_array_of_the_size_asked_for() -> None:
    arena = Arena(width=320, height=200)
    image, points = arena.render(7)
    assert (image.shape, image.dtype) == ((200, 320, 3), np.uint8)
    assert (points.shape, points.dtype) == ((len(KEYPOINTS), 2), np.float32)
    image[:] = 0
    assert arena.render(7)[0].any()


def test_truth_is_the_truth_of_the_rendered_frame() -> None:
    arena = Arena(seed=1)
    for n in (0, 100, 333):
        assert np.array_equal(arena.truth(n), arena.render(n)[1])


def test_seeds_give_other_walks_and_other_floors() -> None:
    one, other = Arena(seed=0), Arena(seed=1)
    assert np.abs(path(one, 300) - path(other, 300)).max() > 50
    assert not np.array_equal(one.render(0)[0], other.render(0)[0])


def test_the_sensor_is_noisy_from_frame_to_frame() -> None:
    arena = Arena(fps=1000.0)  # the animal hardly moves between two frames
    first, second = (arena.render(n)[0].astype(int) for n in (0, 1))
    corner = np.s_[100:160, 560:620]
    assert 1.0 < (first - second)[corner].std() < 12.0


@pytest.mark.parametrize("seed", range(5))
def test_the_animal_is_drawn_where_the_truth_says(seed: int) -> None:
    """Neck and base of the tail lie in dark fur, and what surrounds the animal is bright floor."""
    arena = Arena(seed=seed)
    for n in range(0, 600, 40):
        image, points = arena.render(n)
        grey = image.mean(axis=2)
        floor = np.median(grey)
        inside = (points[KEYPOINTS.index("tailbase")] + points[NECK]) / 2
        for x, y in (points[NECK], inside):
            assert grey[round(float(y)), round(float(x))] < 0.62 * floor
        forward = points[KEYPOINTS.index("snout")] - points[NECK]
        x, y = points[KEYPOINTS.index("snout")] + forward * 0.5
        if 60 < x < 580 and 60 < y < 420:
            assert grey[round(float(y)), round(float(x))] > 0.8 * floor


def test_left_is_left_of_where_the_animal_looks() -> None:
    arena = Arena(seed=2)
    for n in range(0, 900, 50):
        points = dict(zip(KEYPOINTS, arena.truth(n), strict=True))
        ahead = points["snout"] - points["neck"]
        across = points["rightear"] - points["leftear"]
        # With y down, a turn from ahead to the right is clockwise: a positive cross product.
        assert ahead[0] * across[1] - ahead[1] * across[0] > 0


def test_it_walks_turns_and_stops() -> None:
    arena = Arena(fps=30.0)
    neck = path(arena, 1800)
    speed = np.hypot(*np.diff(neck, axis=0).T) * arena.fps
    assert (speed < 5).mean() > 0.05, "it never rests"
    assert (speed > 120).mean() > 0.2, "it never walks"
    assert speed.max() < 500
    walking = np.diff(neck, axis=0)[speed > 60]
    directions = np.degrees(np.arctan2(walking[:, 1], walking[:, 0]))
    assert len(np.unique(directions // 45)) == 8, "it does not walk in every direction"


@pytest.mark.parametrize("seed", range(8))
def test_it_enters_the_regions_often(seed: int) -> None:
    arena = Arena(seed=seed, fps=30.0)
    neck = path(arena, 600)
    inside = [np.hypot(neck[:, 0] - c.x, neck[:, 1] - c.y) < c.radius for c in arena.regions]
    entries = sum(int(np.sum(~now[:-1] & now[1:])) for now in inside)
    assert entries >= 3


def test_the_regions_are_those_of_the_example_and_grow_with_the_image() -> None:
    assert [(c.x, c.y, c.radius) for c in Arena().regions] == [(550.0, 163.0, 87.5), (372.0, 163.0, 87.5)]
    assert [(c.x, c.y, c.radius) for c in Arena(1280, 960).regions] == [(1100.0, 326.0, 175.0), (744.0, 326.0, 175.0)]


def test_a_smaller_image_shows_the_same_arena() -> None:
    large, small = Arena(640, 480, seed=4), Arena(320, 240, seed=4)
    for n in (0, 200, 777):
        assert large.truth(n) == pytest.approx(small.truth(n) * 2, abs=1e-3)


def test_a_faster_camera_sees_the_same_walk() -> None:
    slow, fast = Arena(seed=5, fps=30.0), Arena(seed=5, fps=120.0)
    for n in (0, 50, 310):
        assert slow.truth(n) == pytest.approx(fast.truth(4 * n), abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(width=st.integers(64, 1000), height=st.integers(64, 800), seed=st.integers(0, 2**32), frame=st.integers(0, 2000))
def test_any_size_shows_the_whole_animal(width: int, height: int, seed: int, frame: int) -> None:
    image, points = Arena(width, height, seed).render(frame)
    assert image.shape == (height, width, 3)
    assert (points >= 0).all()
    assert (points < (width, height)).all()


def test_the_skeleton_joins_known_keypoints() -> None:
    assert {name for edge in SKELETON for name in edge} <= set(KEYPOINTS)


@pytest.mark.parametrize(
    ("arguments", "found"), [({"width": 32}, "32x480"), ({"fps": 0.0}, "0.0"), ({"seed": -1}, "-1")]
)
def test_what_can_not_be_is_refused(arguments: dict[str, float], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        Arena(**arguments)  # type: ignore[arg-type]


def test_there_is_no_frame_before_the_first() -> None:
    with pytest.raises(ValueError, match=r"found -0\.03"):
        Arena().render(-1)
