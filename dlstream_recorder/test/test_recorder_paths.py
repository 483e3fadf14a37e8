"""Where animals were: middles, ways, occupancy."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import LineCollection

from dlstream_recorder.report.path_plots import plot_occupancy, plot_trajectory
from dlstream_recorder.report.paths import Walk, occupancy, walks

SECOND = 1_000_000_000


def table(values: np.ndarray, names: tuple[str, ...] = ()) -> pd.DataFrame:
    """Of (frames, animals, keypoints, 3)."""
    keypoints = [f"k{index}" for index in range(values.shape[2])]
    levels = [["net"], list(names), keypoints, ["x", "y", "likelihood"]]
    columns = ["scorer", "individuals", "bodyparts", "coords"]
    if not names:
        levels, columns = [levels[0], *levels[2:]], [columns[0], *columns[2:]]
    return pd.DataFrame(values.reshape(len(values), -1), columns=pd.MultiIndex.from_product(levels, names=columns))


def test_the_middle_is_of_the_keypoints_that_are_seen():
    values = np.array([[[[0, 0, 0.9], [10, 20, 0.9]]], [[[0, 0, 0.9], [99, 99, 0.1]]], [[[np.nan] * 3, [1, 1, 0.4]]]])
    [walk] = walks(table(values), np.arange(3) * SECOND // 10)
    assert walk.middle[:2].tolist() == [[5, 10], [0, 0]]
    assert np.isnan(walk.middle[2]).all()
    assert walk.seen == pytest.approx(2 / 3)
    assert walk.length == pytest.approx(np.hypot(5, 10))
    assert walk.seconds.tolist() == [0, 0.1, 0.2]


def test_the_way_goes_on_over_frames_that_were_skipped():
    """A busy pose node that takes every other frame would leave no step between two neighbours."""
    values = np.full((8, 1, 1, 3), np.nan)
    values[::2, 0, 0] = [(x, 0, 0.9) for x in (0, 3, 6, 9)]
    [walk] = walks(table(values), np.arange(8) * SECOND // 10, analysed=np.arange(8) % 2 == 0)
    assert (walk.length, walk.seen) == (9, 1)
    assert walk.seconds.tolist() == pytest.approx([0, 0.2, 0.4, 0.6])
    assert occupancy(walk, (100, 100)).sum() == pytest.approx(0.8)


def test_where_no_frame_was_analysed_there_is_no_way(tmp_path):
    found = walks(table(np.zeros((5, 2, 3, 3)), ("m1", "m2")), np.arange(5) * SECOND, analysed=np.zeros(5, bool))
    assert [(walk.name, walk.length, walk.seen) for walk in found] == [("m1", 0, 0), ("m2", 0, 0)]
    plot_trajectory(tmp_path / "a.png", "a", found, (320, 240))
    plot_occupancy(tmp_path / "b.png", "b", found, (320, 240))


def test_each_animal_has_its_own_way():
    values = np.zeros((4, 2, 1, 3))
    values[..., 2], values[:, 1, 0, 0] = 1, [0, 1, 2, 3]
    one, two = walks(table(values, ("m1", "m2")), np.arange(4) * SECOND)
    assert (one.name, one.length, two.name, two.length) == ("m1", 0, "m2", 3)


@given(st.integers(0, 60), st.integers(0, 2**31), st.tuples(st.integers(1, 2000), st.integers(1, 2000)))
def test_occupancy_adds_up_to_the_time_in_which_it_was_seen(count, seed, size):
    random = np.random.default_rng(seed)
    middle = random.uniform((0, 0), size, (count, 2)) - 0.5
    middle[random.uniform(size=count) < 0.3] = np.nan
    found = occupancy(Walk("", middle, np.arange(count) / 10), size)
    seen = np.count_nonzero(~np.isnan(middle[:, 0])) / 10 if count > 1 else 0
    assert found.sum() == pytest.approx(seen, abs=1e-6)


def test_a_pause_of_the_camera_is_not_time_in_a_place():
    seconds = np.array([0, 0.1, 0.2, 60, 60.1])
    found = occupancy(Walk("", np.full((5, 2), 50.0), seconds), (100, 100))
    assert found.sum() == pytest.approx(0.1 + 0.1 + 1.0 + 0.1 + 0.1)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert (abs(row - 32) <= 1, abs(column - 32) <= 1) == (True, True)


def test_a_clock_that_was_set_back_takes_no_time_away(tmp_path, monkeypatch):
    seconds = np.concatenate([np.arange(60) / 10, np.arange(60) / 10 - 30])
    walk = Walk("", np.full((120, 2), 50.0), seconds)
    found = occupancy(walk, (100, 100))
    assert found.sum() == pytest.approx(12)
    assert found.min() >= 0
    limits = []
    monkeypatch.setattr(LineCollection, "set_clim", lambda _, *given: limits.append(given))
    plot_trajectory(tmp_path / "way.png", "way", [walk], (100, 100))
    assert limits == [(-30, pytest.approx(5.9))]


@pytest.mark.parametrize("animals", [1, 2, 4])
def test_pictures_are_drawn_where_the_animal_was(tmp_path, animals):
    way = np.stack([np.linspace(40, 60, 50), np.linspace(20, 80, 50)], axis=1)
    way[20:23] = np.nan
    ways = [Walk(f"m{index}", way, np.arange(50) / 10) for index in range(animals)]
    background = np.full((100, 200, 3), 200, np.uint8)
    outline = ("box", np.array([(10, 10), (100, 10), (100, 90), (10, 90)], np.float32))
    for plot in (plot_trajectory, plot_occupancy):
        path = tmp_path / "picture.png"
        plot(path, "m: way", ways, (200, 100), background, [outline])
        picture = cv2.imread(str(path)).astype(int)
        colourful = np.ptp(picture, axis=2) > 90
        assert colourful.sum() > 300 * animals
        plot(
            path,
            "鼠 \U0001f42d: a name that the font lacks",
            [Walk("", np.full((3, 2), np.nan), np.arange(3.0))],
            (200, 100),
        )
        assert path.stat().st_size > 1000, "never seen"
