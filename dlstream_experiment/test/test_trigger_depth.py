"""Triggers on the depth at keypoints: computed a second time by hand, replayed byte for byte, refused without depth."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from experiment_poses import BETWEEN, example, frame, individual, seconds
from hypothesis import given
from hypothesis import strategies as st
from test_experiment_replay import replayed, run
from trigger_tools import PARTS, bound, decisions, trigger

from dlstream_common import InputError
from dlstream_common.ros import poses_from_message, poses_to_message
from dlstream_experiment.checks.against_rig import check_experiment
from dlstream_experiment.journal.journal import Journal, read_journal
from dlstream_experiment.model.pose_array import PoseArray
from dlstream_experiment.runtime.inputs import Input, Poses, Start, Stop

NAN = math.nan


def mouse(depths, confidence=1.0, name="mouse0"):
    one = individual([(10, 20)] * len(PARTS), confidence, name)
    return one if depths is None else replace(one, depth=np.array(depths, np.float32))


def scene(*animals, time=0.0):
    return PoseArray.of(frame(time, *animals, keypoints=PARTS))


def told(words, *animals):
    made = bound({"type": "depth", "keypoints": ["nose"], **words})
    return decisions(made, [scene(*animals)])[0], made.measured["it"]


def test_a_distance_from_the_camera():
    assert told({"at_most": 640}, mouse([640, 900, 900])) == (True, 640)
    assert told({"at_most": 640}, mouse([640.5, 600, 600])) == (False, 640.5)
    assert told({"at_least": 600, "at_most": 700}, mouse([650, 0, 0])) == (True, 650)


def test_a_height_above_the_floor():
    rears = {"floor": 800, "at_least": 90}
    assert told(rears, mouse([710, 0, 0])) == (True, 90)
    assert told(rears, mouse([711, 0, 0])) == (False, 89)
    assert told({"floor": 800, "at_most": 20}, mouse([790, 0, 0])) == (True, 10)
    assert told({"floor": 800, "at_most": 20}, mouse([770, 0, 0])) == (False, 30)


def test_what_was_not_measured_decides_nothing():
    for animal in (mouse([NAN, 500, 500]), mouse(None), mouse([500, 500, 500], confidence=0.1)):
        decided, measured = told({"at_most": 640}, animal)
        assert decided is None
        assert math.isnan(measured)
    decided, _ = told({"at_most": 640}, mouse(None, name="a"), mouse([600, 0, 0], name="b"))
    assert decided is True, "one animal has no depth, the other one has"


def test_hysteresis_of_a_height():
    made = bound({"type": "depth", "keypoints": ["nose"], "floor": 800, "at_least": 90, "release": 70})
    depths = [720, 700, 725, 730, 731, 715]
    frames = [scene(mouse([depth] * 3), time=number / 30) for number, depth in enumerate(depths)]
    assert decisions(made, frames) == [False, True, True, True, False, False]


depths = st.lists(st.just(NAN) | st.floats(0, 65535, width=32), min_size=3, max_size=3)


@given(
    st.lists(depths, min_size=1, max_size=4),
    st.sampled_from([("any", 1), ("all", 3), (2, 2)]),
    st.floats(0, 65535),
    st.floats(0, 65535),
    st.none() | st.floats(1, 65535),
)
def test_any_depths_by_the_definition(animals, match, low, high, floor):
    low, high = min(low, high), max(low, high)
    words = {"keypoints": list(PARTS), "match": match[0], "at_least": low, "at_most": high}
    decided, _ = told(
        words if floor is None else {**words, "floor": floor},
        *(mouse(item, name=f"mouse{number}") for number, item in enumerate(animals)),
    )

    def inside(depth):
        if math.isnan(depth):
            return None
        return low <= depth <= high if floor is None else floor - high <= depth <= floor - low

    says = []
    for item in animals:
        tests = [inside(depth) for depth in np.array(item, np.float32).astype(float)]
        if tests.count(True) >= match[1]:
            says.append(True)
        elif tests.count(False) > 3 - match[1]:
            says.append(False)
        elif any(test is not None for test in tests):
            says.append(None)
    expected = True if True in says else None if None in says or not says else False
    assert decided is expected


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"keypoints": ["nose"], "at_most": 640}, "the nose of any animal is at most 640 mm from the camera"),
        (
            {"keypoints": ["nose"], "floor": 800, "at_least": 90},
            "the nose of any animal is at least 90 mm above the floor, which is 800 mm away",
        ),
        (
            {"keypoints": ["nose", "neck"], "match": "all", "at_most": 640},
            "each of nose and neck of any animal is at most 640 mm from the camera",
        ),
    ],
)
def test_the_words(words, sentence):
    assert trigger("depth", **words).in_words() == sentence


def rearing():
    return example(
        triggers={
            "in_left": {"type": "depth", "keypoints": ["snout"], "floor": 800, "at_least": 90},
            "in_right": {"type": "region", "region": "right", "keypoints": ["neck"]},
        }
    )


def inputs() -> list[Input]:
    rng = np.random.default_rng(5)
    poses = []
    for number in range(1, 200):
        x, y = BETWEEN
        one = individual([(x, y + 20), (x, y)])
        if number % 7:
            measured = rng.uniform(650, 800, 2).astype(np.float32)
            measured[rng.random(2) < 0.2] = np.nan
            one = replace(one, depth=measured)
        at = number / 30
        poses.append(Poses(frame(at, one, sequence=number), seconds(at + 0.02)))
    return [Start(seconds(0), 7), *poses, Stop(seconds(8), "enough")]


def test_a_run_on_depth_replays_byte_for_byte():
    journal, log = run(rearing(), inputs())
    assert sum('"in_left"' in line for line in log) > 10
    assert replayed(journal, rearing()) == log


def test_depth_goes_through_journal_and_message_bit_by_bit():
    depth = np.array([1.5, np.nan], np.float32)
    one = replace(individual([(1, 2), (3, 4)]), depth=depth)
    [line] = Journal().lines(Poses(frame(0, one), None), [], example())
    [entry] = read_journal([line])
    assert entry.input.poses.individuals[0].depth.tobytes() == depth.tobytes()
    back = poses_from_message(poses_to_message(frame(0, one)))
    assert back.individuals[0].depth.tobytes() == depth.tobytes()
    assert '"depth"' not in Journal().lines(Poses(frame(0, individual([(1, 2), (3, 4)])), None), [], example())[0]


def test_a_camera_without_depth_is_refused():
    check_experiment(rearing(), cameras=["top"], depths=["top"])
    check_experiment(rearing(), cameras=["top"])  # not known
    with pytest.raises(InputError, match=r"triggers\.in_left\.type: found 'depth', but the poses of camera 'top'"):
        check_experiment(rearing(), cameras=["top"], depths=[])


def test_arrays_of_another_length_are_no_poses():
    with pytest.raises(ValueError, match="has 2 values for 3 keypoints"):
        scene(mouse([1, 2]))
