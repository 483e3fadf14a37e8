from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlstream_common import FramePoses, Individual
from dlstream_common.ros import poses_from_message, poses_to_message, stamp_from_message, stamp_to_message

floats = st.floats(width=32, allow_infinity=False)


@given(st.integers(0, 2**31 * 10**9 - 1))
def test_stamps_keep_every_nanosecond(stamp):
    assert stamp_from_message(stamp_to_message(stamp)) == stamp


@given(st.lists(st.lists(st.tuples(floats, floats, floats), min_size=2, max_size=2), max_size=4), st.integers(0, 2**40))
def test_poses_come_back_as_they_were(animals, sequence):
    individuals = tuple(
        Individual(f"m{index}", *np.array(points, np.float32).T.copy(), score=0.5)
        for index, points in enumerate(animals)
    )
    poses = FramePoses("top", sequence, 10**18, ("snout", "tail"), individuals, 1, 2, 3, 4, "optical")
    back = poses_from_message(poses_to_message(poses))
    assert (back.camera, back.sequence, back.stamp, back.keypoints) == ("top", sequence, 10**18, ("snout", "tail"))
    assert (back.received, back.inference_start, back.inference_end, back.dropped) == (1, 2, 3, 4)
    assert back.frame_id == "optical"
    assert len(back.individuals) == len(individuals)
    for found, expected in zip(back.individuals, individuals, strict=True):
        assert found.id == expected.id
        assert (found.vx, found.vy, found.covariance) == (None, None, None)
        for name in ("x", "y", "confidence"):
            assert np.array_equal(getattr(found, name), getattr(expected, name), equal_nan=True)


def test_what_a_filter_adds_comes_back():
    x = np.arange(3, dtype=np.float32)
    filtered = Individual("m0", x, x + 1, x / 4, vx=x + 2, vy=-x, covariance=np.outer(x, x), swap_risk=0.25)
    poses = FramePoses("top", 7, 10**18, ("a", "b", "c"), (filtered,), stale=True, predicted_to=10**18 + 5)
    back = poses_from_message(poses_to_message(poses))
    assert (back.stale, back.predicted_to) == (True, 10**18 + 5)
    (found,) = back.individuals
    for name in ("vx", "vy", "covariance"):
        assert np.array_equal(getattr(found, name), getattr(filtered, name))
    assert found.swap_risk == 0.25


@pytest.mark.parametrize(("count", "kept"), [(0, False), (3, False), (4, False), (6, True), (9, False)])
def test_a_covariance_without_three_numbers_for_each_keypoint_is_none(count, kept):
    """Of a publisher of somebody else's; the places are used all the same."""
    x = np.arange(2, dtype=np.float32)
    message = poses_to_message(FramePoses("top", 7, 10**18, ("a", "b"), (Individual("m0", x, x, x),)))
    message.individuals[0].covariance = [float(number) for number in range(count)]
    (found,) = poses_from_message(message).individuals
    assert found.x.tolist() == [0, 1]
    if kept:
        assert found.covariance.tolist() == [[0, 1, 2], [3, 4, 5]]
    else:
        assert found.covariance is None
