from __future__ import annotations

import numpy as np
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
