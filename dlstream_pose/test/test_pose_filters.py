"""Filters: what moves straight is followed without lag, gaps are bridged, outliers left out, and only stamps count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream_pose.runtime.filters import FILTERS, Filter, filter_settings

SECOND = 1_000_000_000
NAMES = sorted(FILTERS)
STEP = SECOND // 50


def make(name: str, shape: tuple[int, ...] = (1, 1), **changes: float) -> Filter:
    return FILTERS[name](shape, filter_settings(name)(**changes))


def walk(seed: int, frames: int = 40, shape: tuple[int, ...] = (2, 3)) -> tuple[np.ndarray, np.ndarray]:
    """Noisy tracks with gaps: (frames, *shape, 3), and their stamps, unevenly spaced."""
    random = np.random.default_rng(seed)
    poses = np.empty((frames, *shape, 3))
    poses[..., :2] = 300 + random.normal(0, 4, (frames, *shape, 2)).cumsum(axis=0)
    poses[..., 2] = random.uniform(0.0, 1.0, (frames, *shape))
    poses[random.random((frames, *shape)) < 0.1, :2] = np.nan
    stamps = 1_700_000_000 * SECOND + random.integers(5_000_000, 60_000_000, frames).cumsum()
    return poses, stamps


def run(filter_: Filter, poses: np.ndarray, stamps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities, (frames, 2, *shape)."""
    found = [filter_.update(pose, int(stamp)) for pose, stamp in zip(poses, stamps, strict=True)]
    return np.array([item.position for item in found]), np.array([item.velocity for item in found])


def test_both_filters_are_there():
    assert NAMES == ["kalman", "one_euro"]


def test_constant_velocity_is_followed_without_lag():
    kalman = make("kalman")
    for number in range(60):
        found = kalman.update(np.array([[[100 + 4.0 * number, 50 - 2.0 * number, 0.9]]]), number * STEP)
    assert found.position[:, 0, 0] == pytest.approx([100 + 4 * 59, 50 - 2 * 59], abs=0.01)
    assert found.velocity[:, 0, 0] == pytest.approx([200, -100], abs=0.5)
    ahead = kalman.predict(59 * STEP + SECOND // 10)
    assert ahead.position[:, 0, 0] == pytest.approx([100 + 4 * 64, 50 - 2 * 64], abs=0.1)
    assert (ahead.covariance[0, 0, [0, 2]] > found.covariance[0, 0, [0, 2]]).all(), "the future is less sure"


def test_noise_of_a_resting_point_becomes_less():
    random = np.random.default_rng(1)
    noisy = np.full((300, 1, 1, 3), 1.0)
    noisy[..., :2] = 200 + random.normal(0, 2, (300, 1, 1, 2))
    stamps = np.arange(300) * STEP
    for name, changes in (("kalman", {"noise": 2.0, "agility": 100.0}), ("one_euro", {"beta": 0.0})):
        positions, _ = run(make(name, **changes), noisy, stamps)
        assert positions[50:].std() < 0.6 * noisy[50:, ..., :2].std(), name


def test_the_spread_that_the_kalman_filter_says_is_the_one_it_has():
    """Of errors against the truth of its own model, the mean of their squares over the variance is 1."""
    random = np.random.default_rng(2)
    frames, count, step, agility, noise = 200, 400, 0.02, 300.0, 2.0
    q = agility**2
    spread = np.linalg.cholesky(q * np.array([[step**3 / 3, step**2 / 2], [step**2 / 2, step]]))
    position, velocity = np.zeros((count, 2)), np.zeros((count, 2))
    kalman = make("kalman", (count,), noise=noise, agility=agility)
    for number in range(frames):
        pushed = random.normal(size=(count, 2, 2)) @ spread.T
        position, velocity = position + step * velocity + pushed[..., 0], velocity + pushed[..., 1]
        seen = np.concatenate([position + random.normal(0, noise, (count, 2)), np.ones((count, 1))], axis=1)
        found = kalman.update(seen, int(number * step * SECOND))
    off = (found.position.T - position) ** 2
    assert np.mean(off / found.covariance[:, :1]) == pytest.approx(1.0, abs=0.15)
    assert np.mean((found.velocity.T - velocity) ** 2 / found.covariance[:, 2:]) == pytest.approx(1.0, abs=0.15)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), name=st.sampled_from(NAMES), x=st.integers(-900, 900), y=st.integers(-900, 900))
def test_a_shifted_image_gives_shifted_positions(seed, name, x, y):
    poses, stamps = walk(seed)
    positions, velocities = run(make(name, (2, 3)), poses, stamps)
    shifted, same = run(make(name, (2, 3)), poses + [x, y, 0], stamps)
    np.testing.assert_allclose(shifted - np.array([x, y])[:, None, None], positions, atol=1e-6)
    np.testing.assert_allclose(same, velocities, atol=1e-4)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), factor=st.sampled_from([0.25, 0.5, 2.0, 8.0]))
def test_slower_time_gives_the_same_path_at_a_lower_speed(seed, factor):
    """Of the Kalman filter; that the One-Euro filter has a fixed cut-off for the speed is its authors' choice."""
    poses, stamps = walk(seed)
    stamps = stamps - stamps[0]
    positions, velocities = run(make("kalman", (2, 3), agility=800.0, gap=0.2), poses, stamps)
    slow = make("kalman", (2, 3), agility=800.0 / factor**1.5, gap=0.2 * factor)
    later, slower = run(slow, poses, (stamps * factor).astype(int))
    np.testing.assert_allclose(later, positions, atol=1e-4)
    np.testing.assert_allclose(slower * factor, velocities, rtol=1e-4, atol=1e-3)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), name=st.sampled_from(NAMES), order=st.permutations(range(4)))
def test_each_animal_is_filtered_for_itself(seed, name, order):
    poses, stamps = walk(seed, shape=(4, 2))
    positions, _ = run(make(name, (4, 2)), poses, stamps)
    turned, _ = run(make(name, (4, 2)), poses[:, order], stamps)
    np.testing.assert_array_equal(turned, positions[:, :, order])
    alone, _ = run(make(name, (1, 2)), poses[:, :1], stamps)
    np.testing.assert_allclose(alone, positions[:, :, :1], atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_only_the_stamps_of_acquisition_count(name, monkeypatch):
    """The same frames give the same answer whatever the clock of the computer says, and however often it is asked."""
    import time

    poses, stamps = walk(7)
    first = run(make(name, (2, 3)), poses, stamps)
    for clock in ("time", "time_ns", "monotonic", "perf_counter"):
        monkeypatch.setattr(time, clock, lambda: pytest.fail("asked for the time"))
    assert all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(first, run(make(name, (2, 3)), poses, stamps), strict=True)
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_gap_is_bridged_for_a_while_and_then_the_keypoint_is_lost(name):
    filter_ = make(name, gap=0.2, **({"cutoff": 50.0} if name == "one_euro" else {}))
    for number in range(50):
        filter_.update(np.array([[[10.0 * number, 0.0, 0.8]]]), number * STEP)
    nothing = np.full((1, 1, 3), np.nan)
    confidences = []
    for number in range(50, 65):
        found = filter_.update(nothing, number * STEP)
        confidences.append(found.confidence[0, 0])
        if number < 60:
            assert found.position[0, 0, 0] == pytest.approx(10.0 * number, abs=10), "it goes on"
    assert np.isnan(found.position).all()
    assert np.isnan(found.velocity).all()
    assert confidences[0] == pytest.approx(0.8 * 0.9)
    assert confidences == sorted(confidences, reverse=True)
    assert confidences[-1] == 0
    back = filter_.update(np.array([[[5.0, 6.0, 0.7]]]), 65 * STEP)
    assert back.position[:, 0, 0] == pytest.approx([5, 6])
    assert back.confidence[0, 0] == pytest.approx(0.7)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("away", [0.4, 5.0])
def test_a_gap_without_frames_is_as_one_of_frames_without_the_keypoint(name, away):
    """What stands still after it has no speed left, above all none backwards."""
    nothing, found = np.full((1, 1, 3), np.nan), []
    for frames in (0, round(away * 50) - 1):
        filter_ = make(name)
        for number in range(30):
            filter_.update(np.array([[[10.0 * number, 0.0, 0.9]]]), number * STEP)
        for number in range(30, 30 + frames):
            filter_.update(nothing, number * STEP)
        last = 29 * STEP + round(away * SECOND)
        found += [filter_.update(np.array([[[300.0, 0.0, 0.9]]]), last + number * STEP) for number in range(3)]
        assert found[-1].velocity[:, 0, 0] == pytest.approx([0, 0], abs=1e-9)
    for bare, filled in zip(found[:3], found[3:], strict=True):
        for part in ("position", "velocity", "covariance", "confidence"):
            np.testing.assert_array_equal(getattr(bare, part), getattr(filled, part))


@pytest.mark.parametrize("name", NAMES)
def test_a_short_gap_does_not_start_each_frame_of_a_slow_camera_anew(name):
    filter_ = make(name, gap=0.0)
    for number in range(20):
        found = filter_.update(np.array([[[20.0 * number, 0.0, 0.9]]]), number * SECOND // 10)
    assert found.velocity[0, 0, 0] == pytest.approx(200, rel=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_network_is_not_sure_of_does_not_count(name):
    filter_ = make(name, min_confidence=0.3)
    for number in range(20):
        filter_.update(np.array([[[50.0, 50.0, 0.9]]]), number * STEP)
    found = filter_.update(np.array([[[400.0, 400.0, 0.2]]]), 20 * STEP)
    assert found.position[:, 0, 0] == pytest.approx([50, 50], abs=0.5)


def test_one_wild_value_is_left_out_and_a_lasting_one_believed():
    kalman = make("kalman", gap=0.2)
    for number in range(40):
        kalman.update(np.array([[[50.0, 50.0, 0.9]]]), number * STEP)
    found = kalman.update(np.array([[[450.0, 50.0, 0.9]]]), 40 * STEP)
    assert found.position[:, 0, 0] == pytest.approx([50, 50], abs=0.5)
    for number in range(41, 56):
        found = kalman.update(np.array([[[450.0, 50.0, 0.9]]]), number * STEP)
    assert found.position[:, 0, 0] == pytest.approx([450, 50], abs=0.5)


def test_an_unsure_value_moves_it_less_than_a_sure_one():
    moved = []
    for confidence in (0.2, 0.9):
        kalman = make("kalman", noise=2.0)
        for number in range(30):
            kalman.update(np.array([[[50.0, 50.0, 0.9]]]), number * STEP)
        moved.append(kalman.update(np.array([[[54.0, 50.0, confidence]]]), 30 * STEP).position[0, 0, 0])
    assert 50 < moved[0] < moved[1] < 54


@pytest.mark.parametrize("name", NAMES)
def test_a_frame_of_the_past_begins_anew(name):
    filter_ = make(name)
    for number in range(20):
        filter_.update(np.array([[[5.0 * number, 0.0, 1.0]]]), (100 + number) * STEP)
    found = filter_.update(np.array([[[300.0, 200.0, 1.0]]]), 0)
    assert found.position[:, 0, 0] == pytest.approx([300, 200])
    assert found.velocity[:, 0, 0] == pytest.approx([0, 0])


@pytest.mark.parametrize("name", NAMES)
def test_two_frames_of_one_stamp_give_numbers(name):
    filter_ = make(name)
    for x in (1.0, 2.0, 1.5):
        found = filter_.update(np.array([[[x, 2.0, 1.0]]]), STEP)
    assert np.isfinite(found.position).all()
    assert np.isfinite(found.velocity).all()


@pytest.mark.parametrize("name", NAMES)
def test_results_do_not_change_behind_ones_back(name):
    filter_ = make(name, (2, 3), gap=0.05)
    poses, stamps = walk(11)
    kept = [filter_.update(pose, int(stamp)) for pose, stamp in zip(poses, stamps, strict=True)]
    again = make(name, (2, 3), gap=0.05)
    for pose, stamp, found in zip(poses, stamps, kept, strict=True):
        np.testing.assert_array_equal(found.position, again.update(pose, int(stamp)).position)
