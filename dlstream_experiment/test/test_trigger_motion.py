"""Triggers on speed, freezing and acceleration: measured by the stamps, not by the rate of the frames."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trigger_runs import run
from trigger_tools import GONE, bound, decisions, scene


def test_speed_is_the_way_by_its_own_time():
    words = {"type": "speed", "keypoints": ["nose"], "window": 0.2, "at_least": 100}
    steady = [(number * 0.1, number * 10.0) for number in range(5)]
    assert run(words, steady) == [None, None, True, True, True]
    assert run({**words, "at_least": 100.001}, steady) == [None, None, False, False, False]
    lost = [(0.0, 0.0), (0.1, 10.0), (0.2, None), (0.3, 30.0), (0.5, 50.0)]
    assert run(words, lost) == [None, None, None, True, True], "a lost frame is bridged"
    to_and_fro = [(number * 0.1, 10.0 * (number % 2)) for number in range(6)]
    assert run(words, to_and_fro)[2:] == [True] * 4
    assert run({**words, "way": "displacement"}, to_and_fro)[2:] == [False] * 4
    centimetres = {**words, "unit": "cm/s", "at_least": 10}
    assert run(centimetres, steady, calibration={"top": 10.0})[2:] == [True] * 3
    assert run({**centimetres, "at_least": 10.1}, steady, calibration={"top": 10.0})[2:] == [False] * 3


def test_a_keypoint_out_of_sight_for_longer_than_the_window_is_not_measured_over_it():
    words = {"type": "speed", "keypoints": ["nose"], "window": 0.2, "at_least": 0}
    places = [(number * 0.1, None if 2 <= number <= 6 else 0.0) for number in range(12)]
    # At 0.7 s it is back; the window begins at 0.5 s, when it had been away for 0.4 s.
    assert run(words, places)[6:] == [None, None, None, True, True, True]


def test_no_motion_is_measured_across_a_second_without_frames():
    """An animal that ran before and after, and is near where it was last seen, does not freeze."""
    words = {"type": "freeze", "keypoints": ["nose"], "window": 0.2, "at_most": 50}
    runs = [(number * 0.1, number * 10.0) for number in range(6)]
    assert run(words, runs + [(3.0 + time, 60 + x) for time, x in runs]) == [None, None, *[False] * 4] * 2
    assert run(words, runs + [(1.49 + time, 60 + x) for time, x in runs])[6:8] == [True, True], "0.99 s is no such gap"


@pytest.mark.parametrize("early", [0.0, 0.001, 0.1, 0.49])
@pytest.mark.parametrize("kind", ["speed", "freeze", "acceleration"])
def test_a_frame_out_of_order_is_not_measured_and_takes_nothing_from_the_next(kind, early):
    """As of a camera that gives two frames one stamp: `early` is how long before the one before it."""
    words = {"type": kind, "keypoints": ["nose"], "window": 0.5, ("at_most" if kind == "freeze" else "at_least"): 0}
    steady = [(number * 0.1, 0.0) for number in range(20)]
    plain, disturbed = bound(words), bound(words)
    expected = decisions(plain, [scene(time, {"nose": (x, 50.0)}) for time, x in steady])
    told: list[bool | None] = []
    for number, (time, x) in enumerate(steady):
        told += decisions(disturbed, [scene(time, {"nose": (x, 50.0)})])
        if number in (3, 12, 15):
            odd = scene(time - early, {"nose": (x + 40, 50.0)})
            assert decisions(disturbed, [odd]) == [None]
            assert math.isnan(disturbed.measured["it"])
    assert told == expected
    assert told[-1] is not None


def test_after_a_stamp_that_is_much_earlier_motion_is_measured_anew():
    words = {"type": "speed", "keypoints": ["nose"], "window": 0.2, "at_least": 0}
    steady = [(number * 0.1, 0.0) for number in range(8)]
    assert run(words, [*steady, *((time + 0.2, x) for time, x in steady)]) == [None, None, *[True] * 6] * 2


def test_freeze_is_speed_from_the_other_side_for_all_keypoints():
    words = {"type": "freeze", "keypoints": ["nose"], "window": 0.1, "at_most": 20, "release": 30, "dwell": 0.2}
    speeds = [0, 0, 0, 0, 25, 25, 31, 25, 0, 0, 0]
    x, places = 0.0, []
    for number, speed in enumerate(speeds):
        x += speed * 0.1
        places.append((number * 0.1, x))
    assert run(words, places) == [None, False, False, True, True, True, False, False, False, False, True]


def test_acceleration_of_a_steadily_faster_animal():
    words = {"type": "acceleration", "keypoints": ["nose"], "window": 0.1, "at_least": 199.9, "at_most": 200.1}
    times = [0.0, 0.1, 0.2, 0.35, 0.4, 0.5, 0.6, 0.7]
    places = [(time, 100 * time * time) for time in times]
    assert run(words, places)[3:] == [True] * 5
    assert (
        run({"type": "acceleration", "keypoints": ["nose"], "at_most": -199.9}, [(t, -x) for t, x in places])[3:]
        == [False] * 5
    ), "to the left is as fast as to the right"


motions = st.lists(st.tuples(st.floats(0.01, 0.2), st.floats(-20, 20), st.floats(-20, 20)), min_size=4, max_size=15)


@given(motions, st.floats(0.2, 5), st.floats(-180, 180), st.floats(-300, 300), st.floats(-300, 300))
@settings(max_examples=40, deadline=None)
def test_turning_scaling_and_shifting_the_plane(steps, scale, angle, dx, dy):
    """Speeds, distances and angles with lengths scaled alike: the same decisions."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))

    def move(x: float, y: float) -> tuple[float, float]:
        return scale * (c * x - s * y) + dx, scale * (s * x + c * y) + dy

    lengths = {
        "speed": {"keypoints": ["nose"], "window": 0.1, "at_least": 97.0},
        "acceleration": {"keypoints": ["nose"], "window": 0.1, "at_least": 203.0},
        "distance": {"keypoints": ["nose", "neck"], "at_least": 31.0},
    }
    shapes = {
        "angle": {"keypoints": ["nose", "neck", "tailroot"], "at_most": 77.0},
        "ratio": {"distance": ["nose", "neck"], "over": ["neck", "tailroot"], "at_least": 1.1},
        "ego_head_direction": {"at_least": 33.0, "side": "left"},
    }
    for kind, words in {**lengths, **shapes}.items():
        time, x, y = 0.0, 0.0, 0.0
        scaled = {
            key: value * scale if key == "at_least" and kind in lengths else value for key, value in words.items()
        }
        plain, moved = bound({"type": kind, **words}), bound({"type": kind, **scaled})
        for wait, step_x, step_y in steps:
            time, x, y = time + wait, x + step_x, y + step_y
            places = {"nose": (x, y), "neck": (20.0, 30.0), "tailroot": (70.0, 10.0)}
            first = decisions(plain, [scene(time, places)])
            second = decisions(moved, [scene(time, {name: move(*place) for name, place in places.items()})])
            value, limit = plain.measured["it"], words.get("at_least", words.get("at_most", 0.0))
            # Poses are single precision: a value near its bound may be decided either way.
            if not abs(value - limit) < 0.02 * max(1.0, abs(limit)):
                assert first == second, (kind, value)


@given(st.lists(st.floats(0.005, 0.099), min_size=10, max_size=60), st.floats(10, 300))
@settings(max_examples=40, deadline=None)
def test_the_rate_of_the_frames_does_not_matter_to_speed_and_dwell(waits, speed):
    """A steady run, seen at any times: one speed, and a dwell that ends with the first frame after its time."""
    made = bound({"type": "speed", "keypoints": ["nose"], "window": 0.1, "at_least": speed * 0.99, "dwell": 0.3})
    time, since = 0.0, None
    for wait in waits:
        time += wait
        value = decisions(made, [scene(time, {"nose": (speed * time, 5.0)})])[0]
        if value is None:
            continue
        assert made.measured["it"] == pytest.approx(speed, rel=1e-3)
        since = time if since is None else since
        if abs(time - since - 0.3) > 1e-6:
            assert value is (time - since > 0.3)


def test_an_acceleration_begins_at_the_last_sight_where_the_windows_meet():
    """Of a keypoint that was not seen where they meet; the window before begins a window before that frame."""
    words = {"type": "acceleration", "keypoints": ["nose"], "at_least": 0, "window": 0.2}
    way = {0.0: 0.0, 0.1: 1.0, 0.2: 3.0, 0.3: None, 0.4: 10.0, 0.5: 20.0}

    def gained(seen: dict[float, float | None]) -> float:
        made = bound(words)
        for time, x in seen.items():
            made.decide("top", scene(time, {"nose": GONE if x is None else (x, 0.0)}))
        return made.measured["it"]

    # At 0.5 s the windows meet at 0.3 s, unseen: at 0.2 s. The one before begins 0.2 s before 0.3 s: at 0.1 s.
    assert gained(way) == pytest.approx(((20 - 3) / 0.3 - (3 - 1) / 0.1) / ((0.3 + 0.1) / 2))
    assert math.isnan(gained({0.0: 0.0, 0.1: 1.0, 0.2: None, 0.3: None, 0.4: 10.0, 0.5: 20.0})), "one sight for both"
