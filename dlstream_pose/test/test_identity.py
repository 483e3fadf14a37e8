"""Identity: animals keep their ids through crossings, occlusions, leaving and coming back; doubt is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream_pose.runtime.identity import Identity

SECOND = 1_000_000_000
RATE = 30
BODY = np.array([[24.0, 0.0], [8.0, 7.0], [8.0, -7.0], [-24.0, 0.0]])
"""An animal 48 pixels long that looks to the right."""


def animal(x: float, y: float, angle: float = 0.0, confidence: float = 0.9) -> np.ndarray:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([BODY @ turn.T + [x, y], np.full(len(BODY), confidence)]).astype(np.float32)


NOTHING = np.column_stack([np.full((4, 2), np.nan), np.zeros(4)]).astype(np.float32)


def follow(scenes: list[list[np.ndarray]], places: int, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Runs over frames whose animals stand in any order; ordered poses and risks of each frame."""
    identity, random = Identity(places, len(BODY)), np.random.default_rng(seed)
    ordered, risks = [], []
    for number, scene in enumerate(scenes):
        noisy = [pose + np.column_stack([random.normal(0, 0.7, (4, 2)), np.zeros(4)]) for pose in scene]
        turned = [noisy[index] for index in random.permutation(len(noisy))]
        found, risk = identity.assign(np.array(turned, np.float32).reshape(-1, 4, 3), number * SECOND // RATE)
        ordered.append(found)
        risks.append(risk)
    return ordered, risks


def place_of(ordered: np.ndarray, pose: np.ndarray) -> int:
    """Which place holds an animal."""
    distance = np.hypot(*(ordered[..., :2] - pose[None, :, :2]).transpose(2, 0, 1)).mean(axis=1)
    return int(np.nanargmin(distance))


def test_animals_in_any_order_keep_their_places():
    scenes = [[animal(100 + 3 * t, 100), animal(300, 200 - t, 1.6), animal(500, 400 + t, 3.0)] for t in range(60)]
    ordered, risks = follow(scenes, 3)
    for index in range(3):
        assert len({place_of(found, scene[index]) for found, scene in zip(ordered, scenes, strict=True)}) == 1
    assert np.max(risks[-1]) < 1e-6


def test_crossing_animals_keep_their_ids():
    scenes = [[animal(100 + 5 * t, 240), animal(400 - 5 * t, 250, np.pi)] for t in range(60)]
    ordered, _ = follow(scenes, 2)
    assert place_of(ordered[-1], scenes[-1][0]) == place_of(ordered[0], scenes[0][0])


@pytest.mark.parametrize("hidden", [4, 8, 12])
def test_crossing_under_occlusion(hidden):
    """While one is above the other, the network sees only one animal."""
    scenes = [[animal(100 + 5 * t, 240), animal(400 - 5 * t, 250, np.pi)] for t in range(60)]
    for t in range(30 - hidden // 2, 30 + hidden // 2):
        scenes[t] = [scenes[t][0]]
    ordered, risks = follow(scenes, 2)
    assert place_of(ordered[-1], scenes[-1][0]) == place_of(ordered[0], scenes[0][0])
    assert np.isnan(ordered[30]).any(axis=(1, 2)).sum() == 1
    assert np.max(risks[10]) < 1e-3


def test_the_ids_of_the_others_stay_where_one_is_lost():
    """Two that are lost at once, and a list that closes up: nobody moves to another's place."""
    spots = [(100, 100), (300, 100), (100, 300), (300, 300)]
    scenes = [[animal(x, y) for x, y in spots] for _ in range(10)]
    scenes += [[animal(*spots[2]), animal(*spots[3])] for _ in range(30)]
    scenes += [[animal(x, y) for x, y in spots] for _ in range(10)]
    ordered, _ = follow(scenes, 4)
    before = [place_of(ordered[5], animal(x, y)) for x, y in spots]
    for found in ordered[10:40]:
        assert [place_of(found, animal(*spot)) for spot in spots[2:]] == before[2:]
        assert np.isnan(found[before[:2], :, :2]).all()
        assert (found[before[:2], :, 2] == 0).all()
    assert [place_of(ordered[-1], animal(x, y)) for x, y in spots] == before


def test_nan_animals_are_no_animals():
    identity = Identity(3, 4)
    identity.assign(np.array([animal(100, 100), animal(300, 300), NOTHING]), 0)
    ordered, _ = identity.assign(np.array([NOTHING, NOTHING, animal(301, 300)]), SECOND // RATE)
    assert place_of(ordered, animal(300, 300)) == 1
    assert np.isnan(ordered[[0, 2], :, :2]).all()


@pytest.mark.parametrize("value", [np.inf, -np.inf, 3e38])
def test_a_place_without_end_is_no_place(value):
    """Of a broken network: it is neither remembered nor waited for."""
    identity, broken = Identity(2, 4), animal(100, 100)
    broken[0, :2] = value
    for number in range(3):
        ordered, risk = identity.assign(np.array([animal(300, 300), broken]), number * SECOND // RATE)
    assert place_of(ordered[:, 1:], broken[1:]) == 1
    assert np.isfinite(risk).all()


@pytest.mark.parametrize("places", [2, 3])
@pytest.mark.parametrize("hidden", [0, 3, 5, 8])
@pytest.mark.parametrize("back", [350, 380, 400, 420])
def test_one_that_stands_still_keeps_its_id_whoever_comes_back_beside_it(places, hidden, back):
    """Nobody leaves its own place for one that was lost, so that another can have started from there."""
    both = [animal(300, 200), animal(230, 200)]
    scenes = [both] * 10 + [[both[0]]] * hidden + [[both[0], animal(back, 200)]] * 10
    ordered, _ = follow(scenes, places)
    assert place_of(ordered[-1], both[0]) == place_of(ordered[5], both[0])


def test_one_that_enters_takes_a_free_place():
    scenes = [[animal(100, 100)] for _ in range(10)] + [[animal(100, 100), animal(10 + 4 * t, 400)] for t in range(30)]
    ordered, _ = follow(scenes, 3)
    assert place_of(ordered[-1], scenes[-1][0]) == 0
    assert place_of(ordered[-1], scenes[-1][1]) == 1
    assert np.isnan(ordered[-1][2, :, :2]).all()


def test_one_that_leaves_and_comes_back_is_itself_again():
    scenes = [[animal(300, 200), animal(100 - 4 * t, 300, np.pi)] for t in range(20)]
    scenes += [[animal(300, 200)] for _ in range(90)]
    scenes += [[animal(300, 200), animal(20 + 4 * t, 200)] for t in range(20)]
    ordered, _ = follow(scenes, 2)
    first = place_of(ordered[5], scenes[5][1])
    assert place_of(ordered[-1], scenes[-1][1]) == first
    assert place_of(ordered[-1], scenes[-1][0]) == 1 - first


@pytest.mark.parametrize("seen", [1, 2, 4])
@pytest.mark.parametrize(("places", "away", "far"), [(2, 0.1, 300), (3, 0.3, 1000), (3, 0.03, 400)])
def test_one_that_takes_a_lost_ones_place_brings_no_speed_from_there(places, away, far, seen):
    """It stands still, and keeps its id on all frames, however many of its keypoints are seen."""
    identity, random = Identity(places, len(BODY)), np.random.default_rng(0)
    lost = np.array([animal(100, 100 + 60 * number) for number in range(places)])
    for number in range(30):
        identity.assign(lost, number * SECOND // RATE)
    taken = []
    for number in range(20):
        found = animal(100 + far, 100)
        found[:, :2] += random.normal(0, 0.7, (4, 2))
        found[seen:] = np.nan
        ordered, _ = identity.assign(found[None], (number + 30) * SECOND // RATE + int(away * SECOND))
        taken.append(np.isfinite(ordered[:, 0, 0]).nonzero()[0].tolist())
    assert taken == [taken[0]] * 20
    assert len(taken[0]) == 1


ONE = np.zeros((1, 2))
EARS = np.array([[0.0, 0.0], [-10.0, 0.0]])


@pytest.mark.parametrize(
    ("places", "body", "starts", "speed"),
    [
        (2, ONE, [(100, 100), (100, 400)], 8),  # 300 px apart, and nearer to nothing else
        (2, ONE, [(100, 100), (100, 400)], 80),
        (2, ONE, [(100, 100), (100, 1600)], 400),  # too fast to fit: the nearest
        (5, ONE, [(300, 300)], 0),
        (5, ONE, [(10, 200)], 30),
        (4, ONE, [(100, 100), (100, 400)], 15),
        (5, EARS, [(10, 200)], 10),
        (4, EARS, [(100, 100), (100, 400)], 20),
        (5, BODY, [(10, 200)], 50),
    ],
)
def test_animals_keep_their_ids_however_few_keypoints_they_have(places, body, starts, speed):
    """They run `speed` pixels a frame and are in any order; places that were never used are no temptation."""
    identity, random, ids = Identity(places, len(body)), np.random.default_rng(0), []
    for number in range(60):
        spots = np.array(starts, float) + [speed * number, 0]
        poses = np.full((len(spots), len(body), 3), 0.9, np.float32)
        poses[..., :2] = spots[:, None] + body + random.normal(0, 0.5, (len(spots), len(body), 2))
        ordered, _ = identity.assign(poses[random.permutation(len(spots))], number * SECOND // RATE)
        ids.append([place_of(ordered, pose) for pose in poses])
    assert ids == [ids[0]] * 60


def test_one_that_enters_nose_first_keeps_its_id():
    identity, ids = Identity(3, 4), []
    for number in range(40):
        found = animal(10 + 3 * number, 200)
        found[1 if number < 20 else 4 :] = np.nan
        ordered, _ = identity.assign(found[None], number * SECOND // RATE)
        ids.append(np.isfinite(ordered[:, 0, 0]).nonzero()[0].tolist())
    assert ids == [[0]] * 40


def test_the_length_of_a_body_stays_while_only_one_keypoint_is_seen():
    """Ten seconds of a nose only, and it may still start as fast as one of which all keypoints are seen."""
    identity, ids = Identity(3, 4), []
    for number in range(330):
        found = animal(100 + max(0, number - 310) * 30, 200)
        found[1 if number > 5 else 4 :] = np.nan
        ordered, risk = identity.assign(found[None], number * SECOND // RATE)
        ids.append(np.isfinite(ordered[:, 0, 0]).nonzero()[0].tolist())
    assert ids == [[0]] * 330
    assert risk[0] == 0, "it fits"


def test_one_that_starts_suddenly_keeps_its_id_and_doubt_is_said():
    scenes = [[animal(100, 100)] for _ in range(10)] + [[animal(170, 100)] for _ in range(10)]
    ordered, risks = follow(scenes, 3)
    assert [place_of(found, scene[0]) for found, scene in zip(ordered, scenes, strict=True)] == [0] * 20
    assert risks[9][0] == 0
    assert risks[10][0] == 1


def test_one_far_from_that_of_the_last_frame_is_another():
    """One is lost in the frame in which another is found at the other end."""
    ordered, _ = follow([[animal(100, 100)] for _ in range(10)] + [[animal(500, 100)] for _ in range(5)], 3)
    assert place_of(ordered[-1], animal(500, 100)) == 1


def test_nobody_leaves_its_place_for_one_that_may_have_started_there():
    """The second is lost in the frame in which a third is found on the other side of the first."""
    scenes = [[animal(200, 100), animal(300, 100)] for _ in range(10)]
    ordered, _ = follow([*scenes, *([animal(200, 100), animal(100, 100)] for _ in range(5))], 3)
    before = place_of(ordered[5], animal(200, 100))
    assert {place_of(found, animal(200, 100)) for found in ordered} == {before}
    assert place_of(ordered[-1], animal(100, 100)) == 2


def test_velocity_decides_where_the_places_can_not():
    """Two that pass through each other: the nearest is the other one, the expected one is itself."""
    scenes = [[animal(100 + 9 * t, 240, 0.5 * t), animal(388 - 9 * t, 240, 0.5 * t)] for t in range(33)]
    ordered, risks = follow(scenes, 2)
    assert place_of(ordered[-1], scenes[-1][0]) == place_of(ordered[0], scenes[0][0])
    assert np.max(risks) > 0.001


def test_the_risk_rises_where_two_are_alike_and_falls_again():
    apart = [[animal(100 + 4 * t, 200), animal(420 - 4 * t, 200)] for t in range(38)]
    together = [[animal(252, 200), animal(256, 200)] for _ in range(10)]
    away = [[animal(252 - 4 * t, 200), animal(256 + 4 * t, 200)] for t in range(120)]
    _, risks = follow([*apart, *together, *away], 2)
    assert np.max(risks[10]) < 1e-3
    assert np.max(risks[45]) > 0.3, "an experiment must be able to veto"
    assert np.max(risks[-1]) < 0.1
    assert all(((risk >= 0) & (risk <= 1)).all() for risk in risks)


def test_one_animal_alone_is_never_taken_for_another():
    _, risks = follow([[animal(100 + 8 * t, 100)] for t in range(40)], 1)
    assert np.max(risks) == 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9999), x=st.integers(-500, 500), y=st.integers(-500, 500))
def test_neither_the_order_nor_the_place_in_the_image_matters(seed, x, y):
    random = np.random.default_rng(seed)
    paths = random.uniform(50, 450, (3, 2)) + random.normal(0, 6, (25, 3, 2)).cumsum(axis=0)
    plain, shifted = Identity(3, 4), Identity(3, 4)
    for number, spots in enumerate(paths):
        scene = np.array([animal(*spot) for spot in spots])
        order = random.permutation(3) if number else np.arange(3)
        stamp = number * SECOND // RATE
        ordered, risk = plain.assign(scene, stamp)
        moved, same = shifted.assign(scene[order] + np.array([x, y, 0], np.float32), stamp)
        np.testing.assert_allclose(moved - [x, y, 0], ordered, atol=1e-3)
        np.testing.assert_allclose(same, risk, atol=1e-3)


def test_a_frame_of_the_past_begins_anew():
    identity = Identity(2, 4)
    identity.assign(np.array([animal(100, 100), animal(300, 300)]), 5 * SECOND)
    ordered, _ = identity.assign(np.array([animal(300, 300), animal(100, 100)]), SECOND)
    assert place_of(ordered, animal(300, 300)) == 0


def test_nothing_to_assign():
    ordered, risk = Identity(2, 4).assign(np.empty((0, 4, 3), np.float32), 0)
    assert np.isnan(ordered[..., :2]).all()
    assert not risk.any()
