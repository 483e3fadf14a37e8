"""Tables of poses in DeepLabCut's layout: row n is frame n of the video."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dlstream_common import RecordingError
from dlstream_recorder import OfflineSession, PoseTable, summarise
from dlstream_recorder.report.tables import KEY, read_events, read_poses

IMAGE = np.zeros((16, 16), np.uint8)


@pytest.fixture
def recorded(open_session, make):
    """Records frames and poses in the order given, numbers for frames and poses for poses; gives the folder."""

    def record(*items, truths=(), **settings):
        session = open_session(video="none", bag=False, **settings)
        for item in items:
            if isinstance(item, int):
                session.add_frame(make.frame(item, IMAGE, "mono8"))
            else:
                session.add_poses(item)
        for truth in truths:
            session.add_ground_truth(truth)
        session.finish()
        assert session.failure == ""
        return session.folder

    return record


def test_one_animal_is_deeplabcuts_own_layout(recorded, make):
    folder = recorded(0, 1, 2, make.poses(0), make.poses(2, x=(0.1, 7.25)))
    assert (folder / "top.poses.csv").read_text() == (
        "scorer,dlstream,dlstream,dlstream,dlstream,dlstream,dlstream\n"
        "bodyparts,nose,nose,nose,tail,tail,tail\n"
        "coords,x,y,likelihood,x,y,likelihood\n"
        "0,1.5,10.0,0.9,NaN,10.0,0.9\n"
        "1,NaN,NaN,NaN,NaN,NaN,NaN\n"
        "2,0.1,10.0,0.9,7.25,10.0,0.9\n"
    )
    table = pd.read_hdf(folder / "top.poses.h5", KEY)
    assert table.columns.names == ["scorer", "bodyparts", "coords"]
    assert list(table.index) == [0, 1, 2]
    with pd.HDFStore(str(folder / "top.poses.h5"), mode="r") as store:
        assert store.get_storer(KEY).attrs.pandas_version == "0.15.2", "pandas 2, which DeepLabCut has, asks for it"
    pd.testing.assert_frame_equal(
        table, read_poses(folder / "top.poses.csv"), check_names=False, check_column_type=False
    )


@pytest.mark.parametrize("before", [0, 2])
def test_a_network_for_one_animal_has_no_row_of_individuals_whatever_its_id(open_session, make, before):
    session = open_session(video="none", bag=False)
    for number in range(4):
        if number == before:  # its skeleton may be heard after its first poses
            session.set_network("top", "mouse.onnx", "ab", [], ["individual_1"])
        session.add_frame(make.frame(number, IMAGE, "mono8"))
        session.add_poses(make.poses(number, ids=("individual_1",)))
    session.finish()
    table = pd.read_csv(session.folder / "top.poses.csv", header=[0, 1, 2], index_col=0)
    assert table.columns.names == ["scorer", "bodyparts", "coords"]
    assert set(table.columns.get_level_values("scorer")) == {"mouse"}
    assert table.index.tolist() == list(range(4))
    assert table.notna().any(axis=1).all()


@pytest.mark.parametrize("individuals", [["mouse"], []])
def test_a_table_that_begins_before_the_animal_is_there_has_that_animal_only(open_session, make, individuals):
    session = open_session(video="none", bag=False)
    session.set_network("top", "net.onnx", "ab", [], individuals)
    for number, ids in enumerate([(), ("mouse",), ("mouse",)]):
        session.add_frame(make.frame(number, IMAGE, "mono8"))
        session.add_poses(make.poses(number, ids=ids))
    session.finish()
    table = read_poses(session.folder / "top.poses.csv")
    levels = ["scorer", "bodyparts", "coords"] if individuals else ["scorer", "individuals", "bodyparts", "coords"]
    assert table.columns.names == levels
    if not individuals:
        assert set(table.columns.get_level_values("individuals")) == {"mouse"}
    assert table.shape == (3, 6)
    assert table.iloc[:, 0].tolist()[1:] == [1.5, 1.5]
    assert table.iloc[0].isna().all()


def test_the_second_animal_that_comes_into_an_empty_table_widens_it(recorded, make):
    folder = recorded(0, 1, make.poses(0, ids=()), make.poses(1, ids=("a", "b")))
    table = read_poses(folder / "top.poses.csv")
    height = table.xs("nose", axis=1, level="bodyparts").xs("y", axis=1, level="coords")["dlstream"]
    assert height.columns.tolist() == ["a", "b"]
    assert height.iloc[1].tolist() == [10.0, 20.0]
    assert height.iloc[0].isna().all()


@pytest.mark.parametrize("network", [["mouse"], ["a", "b", "c"]])
@pytest.mark.parametrize("late", [False, True])
def test_track_analyze_and_a_recording_write_the_same_table(open_session, make, tmp_path, network, late):
    """As the three do it; the skeleton of a recording may be heard after the first poses."""
    seen = [(), network[-1:], network[1:], ()]
    poses = [make.poses(number, ids=ids) for number, ids in enumerate(seen)]
    single = len(network) == 1
    tracked = PoseTable(tmp_path / "tracked.csv", "net", single, () if single else network)
    analysed = OfflineSession(tmp_path / "analysed", "x", ["top"], make.start)
    analysed.set_network("top", "net.onnx", "ab", [], network)
    recorded = open_session(video="none", bag=False)
    for number, found in enumerate(poses):
        if number == 2 * late:
            recorded.set_network("top", "net.onnx", "ab", [], network)
        frame = make.frame(number, IMAGE, "mono8")
        tracked.expect(number, frame.stamp, number)
        tracked.write(number, found)
        for session in (analysed, recorded):
            session.add_frame(frame)
            session.add_poses(found)
    tracked.finish(4)
    analysed.finish("", make.start)
    recorded.finish()
    expected = read_poses(tmp_path / "tracked.csv")
    for session in (analysed, recorded):
        table = read_poses(session.folder / "top.poses.csv")
        pd.testing.assert_frame_equal(table[expected.columns], expected)
        assert table.shape == expected.shape
    assert (tmp_path / "analysed" / "top.poses.csv").read_text() == (tmp_path / "tracked.csv").read_text()


def test_positions_come_back_exactly(recorded, make):
    values = np.float32([1 / 3, 1e-7])
    folder = recorded(0, make.poses(0, x=values))
    table = read_poses(folder / "top.poses.csv")
    assert np.float32(table.xs("x", axis=1, level="coords").iloc[0]).tolist() == values.tolist()


@pytest.mark.parametrize("order", ["frames first", "poses first", "mixed"])
def test_poses_find_their_frames_in_any_order(recorded, make, order):
    poses = [make.poses(number, x=(number, number)) for number in (1, 2, 4)]
    items = {
        "frames first": [0, 1, 2, 3, 4, 5, *poses],
        "poses first": [0, *poses, 1, 2, 3, 4, 5],
        "mixed": [0, 1, poses[0], poses[1], 2, 3, poses[2], 4, 5],
    }[order]
    table = read_poses(recorded(*items) / "top.poses.csv")
    found = table.xs("nose", axis=1, level="bodyparts").xs("x", axis=1, level="coords").iloc[:, 0]
    assert found.dropna().to_dict() == {1: 1.0, 2: 2.0, 4: 4.0}
    assert list(found.index) == list(range(6))


def test_a_frame_missing_from_the_video_shifts_nothing(recorded, make):
    poses = [make.poses(number, x=(number, number)) for number in range(10, 15)]
    folder = recorded(10, 11, 13, 14, *poses)  # 12 was lost on the way
    table = read_poses(folder / "top.poses.csv")
    assert table.iloc[:, 0].tolist() == [10, 11, 13, 14]
    frames = pd.read_csv(folder / "top.frames.csv")
    assert frames["sequence"].tolist() == [10, 11, 13, 14]
    assert frames["dropped"].tolist() == [0, 0, 1, 1]
    events = read_events(folder)
    lost, posed = events["values"]
    assert "1 frame was lost" in lost
    assert "poses of frames that are not in the video: 1" in posed


def test_several_animals_and_named_ones_get_the_row_of_individuals(recorded, make):
    folder = recorded(0, 1, 2, make.poses(0, ids=("a",)), make.poses(1, ids=("b", "a")), make.poses(2, ids=()))
    table = read_poses(folder / "top.poses.csv")
    assert table.columns.names == ["scorer", "individuals", "bodyparts", "coords"]
    height = table.xs("nose", axis=1, level="bodyparts").xs("y", axis=1, level="coords")["dlstream"]
    assert height["a"].tolist()[:2] == [10.0, 20.0], "by name, not by order"
    assert height["b"].tolist()[1] == 10.0
    assert np.isnan(height["b"][0])
    assert height.iloc[2].isna().all()
    stored = pd.read_hdf(folder / "top.poses.h5", KEY)
    assert list(stored.columns.get_level_values("individuals").unique()) == ["a", "b"]


def test_a_second_nameless_animal_widens_the_table(recorded, make):
    folder = recorded(0, 1, 2, make.poses(0), make.poses(1, ids=("", "")), make.poses(2))
    table = read_poses(folder / "top.poses.csv")
    assert list(table.columns.get_level_values("individuals").unique()) == ["individual1", "individual2"]
    nose = table.xs("nose", axis=1, level="bodyparts").xs("y", axis=1, level="coords")["dlstream"]
    assert nose["individual1"].tolist() == [10.0, 10.0, 10.0]
    assert nose["individual2"].dropna().to_dict() == {1: 20.0}


def test_other_keypoints_are_a_fault_and_not_in_the_table(recorded, make):
    folder = recorded(0, 1, make.poses(0), make.poses(1, keypoints=("nose", "paw")), make.poses(1))
    assert read_poses(folder / "top.poses.csv").iloc[:, 0].tolist() == [1.5, 1.5]
    events = read_events(folder)
    assert events["kind"].tolist() == ["fault"]
    assert "other keypoints" in events["values"][0]
    assert "paw" in events["values"][0]


def test_an_animal_with_more_numbers_than_keypoints_is_a_fault_and_not_in_the_table(recorded, make):
    poses = make.poses(1)
    many = np.ones(5, np.float32)
    broken = replace(poses, individuals=(replace(poses.individuals[0], x=many, y=many, confidence=many),))
    folder = recorded(0, 1, 2, make.poses(0), broken, make.poses(2))
    np.testing.assert_array_equal(read_poses(folder / "top.poses.csv").iloc[:, 0], [1.5, np.nan, 1.5])
    events = read_events(folder)
    assert events["kind"].tolist() == ["fault"]
    assert "without a place for each keypoint" in events["values"][0]


def test_the_scorer_is_the_network(open_session, make):
    session = open_session(video="none", bag=False)
    session.set_network("top", "/nets/mouse.onnx", "ab", [(0, 1)])
    session.add_frame(make.frame(0, IMAGE, "mono8"))
    session.add_poses(make.poses(0))
    session.finish()
    assert read_poses(session.folder / "top.poses.csv").columns.get_level_values("scorer").unique() == ["mouse"]


def test_tracking_error_by_name_and_confidence(recorded, make):
    def truth(number):
        return make.poses(number, x=(4.5, 5.0), keypoints=("tail", "nose"))  # in another order

    poses = make.poses(0, x=(5.0, 1.5))
    poses.individuals[0].confidence[1] = 0.4
    poses_1 = make.poses(1, x=(8.0, 4.5))
    folder = recorded(0, 1, poses, poses_1, truths=[truth(0), truth(1)])
    error = summarise(folder).cameras["top"].tracking_error
    assert error is not None
    assert (error.n, error.left_out, error.min_confidence) == (3, 1, 0.5)
    assert error.per_keypoint["nose"].mean == 1.5
    assert error.per_keypoint["tail"].n == 1
    assert error.per_keypoint["tail"].median == 0.0
    assert error.mean == 1.0


def test_no_poses_no_table(recorded):
    folder = recorded(0, 1)
    assert not list(folder.glob("*.poses.*"))
    assert summarise(folder).poses == 0


def test_a_file_in_the_way_of_an_analysis_is_named(tmp_path):
    file = tmp_path / "empty.csv"
    file.touch()
    for folder in (file, file / "day1"):
        with pytest.raises(RecordingError, match=f"{folder}: found the file {file} in its way; expected a folder, or "):
            OfflineSession(folder, "x", ["top"], 1)
