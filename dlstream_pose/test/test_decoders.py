"""What is done behind a network's graph: candidates become animals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlstream_common import NetworkError
from dlstream_pose import NetworkInfo, Source
from dlstream_pose.runtime.assignment import best_assignment
from dlstream_pose.runtime.decoders import make_decoder

NAMES = ("snout", "neck", "tailbase")
EDGES = [[0, 1], [1, 2], [0, 2]]


def info(**changes: object) -> NetworkInfo:
    settings = {"animals": 2, "edges": EDGES, "min_affinity": 0.05, "clip": False}
    about = {
        "format": 2,
        "keypoints": NAMES,
        "individuals": ("a", "b"),
        "stride": 8.0,
        "decoder": "part_affinity",
        "outputs": ("candidates", "affinities"),
        "decoding": settings | changes,
        "source": Source(file="x.pt", sha256="0", tool="test"),
    }
    return NetworkInfo.model_validate(about)


def two_animals() -> tuple[np.ndarray, np.ndarray]:
    """Two animals side by side; the candidates of the middle keypoint come in the other order."""
    candidates = np.zeros((3, 2, 4), np.float32)
    for keypoint, order in enumerate(([0, 1], [1, 0], [0, 1])):
        for place, animal in enumerate(order):
            candidates[keypoint, place] = 100 * animal + 10 * keypoint, 50, 0.9 - 0.1 * place, 2 * keypoint + animal
    affinities = np.full((3, 2, 2), 0.02, np.float32)
    for edge, pairs in enumerate((((0, 1), (1, 0)), ((1, 0), (0, 1)), ((0, 0), (1, 1)))):
        for first, second in pairs:
            affinities[edge, first, second] = 0.8
    return candidates, affinities


def decode(candidates: np.ndarray, affinities: np.ndarray, **changes: object) -> np.ndarray:
    outputs, decoder = make_decoder(info(**changes))
    assert outputs == ("candidates", "affinities")
    return decoder({"candidates": candidates, "affinities": affinities})


def test_candidates_become_the_animals_that_their_connections_say():
    poses = decode(*two_animals())
    assert sorted(pose[:, 0].tolist() for pose in poses) == [[0, 10, 20], [100, 110, 120]]
    assert (poses[..., 1] == 50).all()


def test_a_keypoint_that_was_not_found_is_not_a_number():
    candidates, affinities = two_animals()
    candidates[2, 1, 2] = 0  # the graph fills up with nothing where there are not enough
    found = sorted(decode(candidates, affinities).tolist(), key=lambda pose: np.nan_to_num(pose[2][0]))
    assert len(found) == 1  # the other animal hangs on a single link, which is not enough
    candidates, affinities = two_animals()
    candidates[2, 1, 2] = 0.05  # below DeepLabCut's 0.1: not linked
    assert len(decode(candidates, affinities)) == 1


def test_an_animal_without_one_of_its_keypoints_has_the_others():
    candidates = np.zeros((4, 2, 4), np.float32)
    for keypoint in range(3):
        candidates[keypoint, 0] = 10 * keypoint, 5, 0.9, keypoint
    affinities = np.full((3, 2, 2), 0.5, np.float32)
    about = info(edges=[[0, 1], [1, 2], [2, 3]]).model_copy(update={"keypoints": (*NAMES, "tailtip")})
    (pose,) = make_decoder(about)[1]({"candidates": candidates, "affinities": affinities})
    assert pose[:3, 0].tolist() == [0, 10, 20]
    assert np.isnan(pose[3, :2]).all()
    assert pose[3, 2] == 0


def test_nothing_found_is_nobody():
    assert decode(np.zeros((3, 2, 4), np.float32), np.zeros((3, 2, 2), np.float32)).shape == (0, 3, 3)


def test_one_animal_is_the_best_of_each_keypoint():
    candidates = np.zeros((3, 1, 4), np.float32)
    candidates[:, 0] = [[1, 2, 0.5, 0], [3, 4, 0.02, 1], [5, 6, 1.2, 2]]
    (pose,) = decode(candidates, np.zeros((3, 1, 1), np.float32), animals=1, clip=True)
    assert pose.tolist() == [[1, 2, 0.5], [3, 4, pytest.approx(0.02)], [5, 6, 1]]


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(2, 5))
def test_whatever_the_graph_gives_animals_share_no_candidate(seed, animals, keypoints):
    random = np.random.default_rng(seed)
    edges = list(itertools.combinations(range(keypoints), 2))
    candidates = random.uniform(0, 200, (keypoints, animals, 4)).astype(np.float32)
    candidates[..., 2] = -np.sort(-random.choice([0, 0.05, 0.3, 0.9, 1.01], (keypoints, animals)), axis=1)
    candidates[..., 3] = np.arange(keypoints * animals).reshape(keypoints, animals)
    affinities = random.choice([0, 0.04, 0.5, 0.5, 0.9, np.nan], (len(edges), animals, animals)).astype(np.float32)
    about = info(edges=edges, animals=animals)
    about = about.model_copy(update={"keypoints": tuple(f"k{index}" for index in range(keypoints))})
    poses = make_decoder(about)[1]({"candidates": candidates, "affinities": affinities})
    assert poses.shape[0] <= animals
    assert poses.shape[1:] == (keypoints, 3)
    used = [tuple(point) for pose in poses for point in pose.tolist() if point[2] > 0]
    assert len(used) == len(set(used))
    assert np.isfinite(poses[..., 2]).all()
    assert (np.isfinite(poses[..., 0]) == (poses[..., 2] > 0)).all()


def test_poses_of_nobody_are_left_out():
    about = info().model_copy(update={"decoder": "dekr", "outputs": ("poses",)})
    poses = np.stack([np.full((3, 3), -1.0), np.full((3, 3), 0.5), np.zeros((3, 3))]).astype(np.float32)
    assert make_decoder(about)[1]({"poses": poses}).tolist() == [[[0.5] * 3] * 3]


def test_a_decoder_of_a_later_version_is_refused():
    about = info().model_copy(update={"decoder": "telepathy"})
    with pytest.raises(NetworkError, match="needs the decoder 'telepathy'"):
        make_decoder(about)


@pytest.mark.parametrize("name", ["_animal", "../convert", "", "a.b"])
def test_a_decoder_is_found_by_its_plain_name_alone(name):
    with pytest.raises(NetworkError, match="needs the decoder"):
        make_decoder(info().model_copy(update={"decoder": name}))


@pytest.mark.parametrize("changes", [{"edges": [[0, 3]]}, {"edges": "all"}, {"animals": 0}, {"animals": None}])
def test_wrong_settings_of_a_decoder_are_named(changes):
    with pytest.raises(NetworkError, match="settings of the decoder 'part_affinity'"):
        make_decoder(info(**changes))


@given(
    st.integers(1, 4).flatmap(
        lambda columns: st.lists(
            st.lists(st.integers(0, 3), min_size=columns, max_size=columns), min_size=1, max_size=4
        )
    )
)
def test_an_assignment_has_the_greatest_sum(gain):
    pairs = best_assignment(gain)
    rows, columns = len(gain), len(gain[0])
    assert len(pairs) == len({row for row, _ in pairs}) == len({column for _, column in pairs}) == min(rows, columns)
    if rows <= columns:
        choices = [list(enumerate(choice)) for choice in itertools.permutations(range(columns), rows)]
    else:
        choices = [
            [(row, column) for column, row in enumerate(choice)]
            for choice in itertools.permutations(range(rows), columns)
        ]
    assert sum(gain[a][b] for a, b in pairs) == max(sum(gain[a][b] for a, b in choice) for choice in choices)


def test_an_assignment_without_a_choice_is_the_diagonal():
    assert best_assignment([[1, 1, 1]] * 3) == [(0, 0), (1, 1), (2, 2)]
    assert best_assignment([]) == best_assignment([[]]) == []
