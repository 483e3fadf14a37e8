"""A small network from a large one: all of it that needs no torch."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from blob_network import HEIGHT, WIDTH, write_blob_network, write_blob_video
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream_common import NetworkError, SourceError
from dlstream_pose import Estimator
from dlstream_pose.convert.distill import distill, main
from dlstream_pose.convert.distill._augment import (
    Answer,
    Augmentation,
    draw_view,
    matrix,
    moved_maps,
    moved_points,
    relit,
    viewed,
    window_size,
)
from dlstream_pose.convert.distill._choice import RUN, choose
from dlstream_pose.convert.distill._jumps import jumps
from dlstream_pose.convert.distill._picture import draw
from dlstream_pose.convert.distill._proof import prove
from dlstream_pose.convert.distill._schedule import Schedule
from dlstream_pose.convert.distill._targets import LOCREF_STD, target

EVERY = settings(max_examples=60, deadline=None)


@EVERY
@given(frames=st.integers(0, 3000), count=st.integers(20, 500), held_back=st.sampled_from([0.0, 0.1, 0.25, 0.9]))
def test_no_frame_is_for_two_things_and_the_proof_is_the_end(frames, count, held_back):
    try:
        found = choose(range(frames), count, held_back)
    except NetworkError as error:
        assert "expected at least" in str(error)
        assert frames < 500
        return
    training, validation, proof = (set(part) for part in (found.training, found.validation, found.proof))
    assert len(training | validation | proof) == len(training) + len(validation) + len(proof)
    assert max(training) < min(validation)
    assert len(training) <= count
    assert bool(proof) == bool(held_back)
    if proof:
        assert max(proof) == frames - 1
        assert min(proof) - max(validation) > min(30, frames // 20)


def test_frames_to_learn_from_are_in_runs():
    training = np.array(choose(range(2000), 100, 0.25).training)
    runs = np.split(training, np.flatnonzero(np.diff(training) > 1) + 1)
    assert len(training) == 100
    assert all(len(run) % RUN == 0 for run in runs)
    assert training[-1] > 1200


def test_a_keypoint_that_jumps_is_found_and_a_running_animal_is_not():
    random = np.random.default_rng(0)
    time = np.arange(100)
    path = np.column_stack([12.0 * time, 200 + 40 * np.sin(time / 9)])  # 12 px a frame
    poses = np.empty((100, 2, 3), np.float32)
    poses[..., :2] = path[:, None] + random.normal(0, 0.3, (100, 2, 2))
    poses[..., 2] = 0.9
    assert not jumps(poses, time).any()
    poses[40, 1, :2] += (0, 25)
    poses[60, 0] = (*(path[60] + 50), 0.2)  # not sure: nobody believes it anyway
    assert np.argwhere(jumps(poses, time)).tolist() == [[40, 1]]
    poses[80:82, 0, :2] += (0, 25)
    found = np.argwhere(jumps(poses, time)).tolist()
    assert [one for one in found if one[0] not in (79, 82)] == [[40, 1], [80, 0], [81, 0]]
    apart = time * 10  # no frame has a neighbour
    assert not jumps(poses, apart).any()


VIEWS = st.tuples(
    st.floats(60, 100), st.floats(40, 80), st.floats(-180, 180), st.floats(0.8, 1.25), st.booleans()
)  # centre, angle, zoom, mirror


@EVERY
@given(drawn=VIEWS, x=st.integers(50, 110), y=st.integers(40, 80))
def test_points_go_where_the_picture_goes(drawn, x, y):
    *centre, angle, zoom, mirror = drawn
    image = np.zeros((120, 160, 3), np.uint8)
    cv2.circle(image, (x, y), 3, (255, 255, 255), -1)
    view = matrix(centre, (160, 160), angle, zoom, mirror)
    seen = viewed(image, view, (160, 160)).mean(axis=2)
    rows, columns = np.mgrid[:160, :160]
    there = moved_points(np.array([[x, y]], np.float32), view, 0.0)[0]
    assert np.hypot((columns * seen).sum() / seen.sum() - there[0], (rows * seen).sum() / seen.sum() - there[1]) < 0.1


@EVERY
@given(drawn=VIEWS, x=st.floats(50, 110), y=st.floats(40, 80))
def test_heat_maps_go_where_the_points_go_to_another_stride(drawn, x, y):
    *centre, angle, zoom, mirror = drawn
    view, lag = matrix(centre, (160, 160), angle, zoom, mirror), 0.25
    middles = np.mgrid[:15, :20] * 8 + 4.0
    maps = np.exp(-((middles[1] - x) ** 2 + (middles[0] - y) ** 2) / (2 * 11.0**2))[None].astype(np.float32)
    moved = moved_maps(maps, (8, 4), view, lag, (40, 40))[0]
    rows, columns = np.mgrid[:40, :40] * 4 + 2.0
    there = moved_points(np.array([[x, y]], np.float32), view, lag)[0]
    if (there > 45).all() and (there < 115).all():
        middle = (columns * moved).sum() / moved.sum(), (rows * moved).sum() / moved.sum()
        assert np.hypot(*(middle - there)) < 1.0


def test_names_of_places_turn_about_the_pixel_that_they_mean():
    """DeepLabCut at half size calls the pixel with the index 10 "10.25": half a turn about it does not move it."""
    view = matrix((10, 10), (21, 21), 180, 1.0)
    assert moved_points(np.array([[10.25, 10.25]], np.float32), view, 0.25)[0] == pytest.approx(
        [10.25, 10.25], abs=1e-5
    )


def decoded(maps, offsets, stride=8.0):
    """As the heat-map decoder does it."""
    found = []
    for which, one in enumerate(maps):
        row, column = np.unravel_index(one.argmax(), one.shape)
        place = np.array([column, row]) * stride + stride / 2
        found.append(place + offsets[2 * which : 2 * which + 2, row, column] * LOCREF_STD)
    return np.array(found)


def answer(points, sure, maps=None, keep=None):
    poses = np.column_stack([points, sure]).astype(np.float32)
    return Answer(poses, maps, 16.0, np.ones(len(poses), bool) if keep is None else np.array(keep))


@EVERY
@given(drawn=VIEWS, random=st.integers(0, 10**6))
def test_what_the_student_should_give_decodes_to_the_teachers_points(drawn, random):
    *centre, angle, zoom, mirror = drawn
    points = np.random.default_rng(random).uniform((55, 40), (105, 80), (3, 2))
    view = matrix(centre, (160, 160), angle, zoom, mirror)
    order = (0, 2, 1) if mirror else None
    made = target(answer(points, [0.9, 0.6, 0.7]), view, (20, 20), 8.0, 0.25, order)
    there = moved_points(points[[0, 2, 1] if mirror else [0, 1, 2]].astype(np.float32), view, 0.25)
    inside = ((there > 4) & (there < 156)).all(axis=1)
    assert np.abs(decoded(made.heat, made.offset) - there)[inside].max(initial=0) < 0.01


def test_sure_keypoints_count_most_and_those_that_jumped_count_nothing():
    made = target(
        answer([[80, 60]] * 3, [0.9, 0.3, 0.9], keep=[True, True, False]),
        matrix((80, 60), (160, 120), 0, 1),
        (15, 20),
        8.0,
    )
    heat, offset = made.heat_weight.max(axis=(1, 2)), made.offset_weight.reshape(3, -1).max(axis=1)
    assert heat[0] > heat[1] > 0
    assert offset[0] > offset[1] > 0
    assert heat[2] == offset[2] == 0


def test_the_student_hears_of_the_other_place_where_the_teacher_hesitates():
    maps = np.zeros((1, 8, 10), np.float32)
    maps[0, 3, 2], maps[0, 5, 8] = 0.6, 0.5
    alone, both = (
        target(answer([[40, 56]], [0.6], given), matrix((79.5, 63.5), (160, 128), 0, 1), (16, 20), 8.0)
        for given in (None, maps)
    )
    assert alone.heat[0, 11, 17] < 0.01
    assert both.heat[0, 11, 17] > 0.25
    assert both.heat[0].max() == pytest.approx(alone.heat[0].max())


def test_views_show_the_animal_and_stay_within_what_was_asked():
    random = np.random.default_rng(0)
    points = np.array([[50, 50], [90, 70]], np.float32)
    drawn = [
        draw_view(answer(points, [0.9, 0.9]), (320, 240), (128, 128), Augmentation(rotation=20), random)
        for _ in range(300)
    ]
    upright = [view for view, *_ in drawn if np.array_equal(view[:, :2], np.eye(2))]
    assert 100 < len(upright) < 200
    assert all((view[:, 2] % 32 == 0).all() for view in upright)
    seen = 0
    for view, size, mirror in drawn:
        assert size == (128, 128)
        assert not mirror
        assert abs(np.rad2deg(np.arctan2(view[1, 0], view[0, 0]))) <= 20
        assert 0.79 < np.sqrt(np.linalg.det(view[:, :2])) < 1.26
        there = moved_points(points, view, 0.0)
        seen += bool(((there >= 0) & (there < 128)).all())
    assert seen > 150
    assert any(
        mirror
        for *_, mirror in (
            draw_view(answer(points, [1, 1]), (320, 240), None, Augmentation(mirrored=(1, 0)), random)
            for _ in range(20)
        )
    )
    lit = relit(np.full((32, 32, 3), 128, np.uint8), random)
    assert lit.dtype == np.float32
    assert 0 <= lit.min() < lit.max() <= 255


def test_a_window_shows_an_animal_with_something_around_it():
    poses = np.zeros((50, 2, 3), np.float32)
    poses[:, 1, 0], poses[..., 2] = 150, 1
    assert window_size(poses, (640, 480)) == (256, 256)
    assert window_size(poses, (200, 480)) == (200, 256)
    assert window_size(poses * 0, (640, 480)) == (128, 128)


def test_a_student_that_gets_no_better_ends_sooner():
    steady, stuck = Schedule(1000), Schedule(1000)
    for time in range(50, 650, 50):
        steady.validated(time, 20 * 0.9 ** (time / 50))
        stuck.validated(time, 5 + 0.01 * (time % 3))
    assert steady.end == 1000
    assert stuck.end <= 700
    for one in (steady, stuck):
        rates = [one.rate(share * one.end) for share in np.linspace(0, 1, 50)]
        assert max(rates) == 1
        assert 0 < rates[-1] < 0.03
        assert one.whole(one.end)
        assert not one.whole(0.6 * one.end)


def test_a_student_that_got_no_better_still_ends_sooner_when_it_goes_on():
    """As it would have without the interruption; with more minutes there is a way to go yet."""
    stuck = Schedule(1000)
    for time in range(50, 400, 50):
        stuck.validated(time, 5 + 0.01 * (time % 3))
    kept = json.loads(json.dumps(stuck.kept))
    same, less, more = (Schedule(seconds) for seconds in (1000, 600, 2000))
    for one in (same, less, more):
        one.resume(kept)
        assert one.scores == stuck.scores
    assert same.end == stuck.end < 1000
    assert (same.fall, less.fall) == (stuck.fall, stuck.fall)
    assert [same.rate(elapsed) for elapsed in range(0, 1000, 50)] == [
        stuck.rate(elapsed) for elapsed in range(0, 1000, 50)
    ]
    assert less.end <= 600
    assert (more.end, more.fall) == (2000, 800)


@pytest.fixture(scope="module")
def blobs(tmp_path_factory) -> tuple[Path, Path]:
    """A teacher and a video for it."""
    folder = tmp_path_factory.mktemp("blobs")
    return write_blob_network(folder / "blobs.onnx"), write_blob_video(folder / "blobs.avi", 80)


def test_the_proof_runs_both_on_the_frames_held_back(blobs):
    teacher, video = blobs
    found = prove(Estimator(teacher), Estimator(teacher), [(video, tuple(range(60, 80)))])
    assert (found.frames, found.on, found.sure) == (20, "blobs.avi", 40)
    assert found.median == found.worst == found.lost == found.lost_frames == 0
    assert found.teacher_ms > 0 < found.student_ms


def test_of_scores_that_differ_by_chance_the_later_is_the_best():
    schedule = Schedule(100)
    kept = []
    for elapsed, score in ((10, 3.0), (20, 2.0), (30, 2.19), (40, 2.21), (50, 2.1)):
        schedule.validated(elapsed, score)
        kept.append(schedule.best)
    assert kept == [True, True, True, False, True]


def test_the_picture_shows_how_far_it_is(tmp_path):
    images = [np.full((48, 64, 3), 200, np.uint8)] * 8
    poses = np.tile(np.array([[20, 20, 0.9], [40, 30, 0.9]], np.float32), (8, 1, 1))
    draw(tmp_path / "progress.png", [(1.0, 9.0), (2.0, 3.0)], images, poses, poses + 2, [(0, 1)])
    picture = cv2.imread(str(tmp_path / "progress.png"))
    assert picture.shape == (240 + 2 * 300, 1200, 3)
    assert (picture[240:] != 200).any()
    assert [path.name for path in tmp_path.iterdir()] == ["progress.png"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--size", "huge"], "small"),
        (["--held-back", "1"], "expected a share above 0, at most 0.9"),
        (["--rotation", "200"], "degrees from 0 to 180"),
        (["--minutes", "0"], "minutes, such as 30"),
        (["--mirror", "leftear"], "with a colon between them"),
    ],
)
def test_options_say_what_they_expect(options, said, capsys):
    with pytest.raises(SystemExit):
        main(["a.onnx", "--videos", "a.mp4", "--out", "b.onnx", *options])
    assert said in capsys.readouterr().err


def test_what_can_not_be_written_is_refused_first(blobs):
    with pytest.raises(NetworkError, match="is the teacher itself"):
        distill(blobs[0], [blobs[1]], blobs[0])
    with pytest.raises(NetworkError, match="expected a network file to write"):
        distill(blobs[0], [blobs[1]], Path("student.pt"))


@pytest.mark.parametrize("how", ["itself", "link", "copy", "image"])
def test_a_student_is_not_proved_on_what_it_learned_from(blobs, tmp_path, how):
    lesson, proof, said = blobs[1], tmp_path / "proof.avi", r"proof\.avi"
    if how == "itself":
        proof, said = lesson, r"blobs\.avi"
    elif how == "link":
        proof.symlink_to(lesson)
    elif how == "copy":
        proof.write_bytes(lesson.read_bytes())
    else:
        lesson, proof, said = tmp_path / "lesson", tmp_path / "proof", r"2\.png"
        for folder, pictures in ((lesson, (1, 3)), (proof, (2, 3))):
            folder.mkdir()
            for number, grey in enumerate(pictures, start=1):
                cv2.imwrite(str(folder / f"{number}.png"), np.full((HEIGHT, WIDTH, 3), grey, np.uint8))
    with pytest.raises(NetworkError, match=rf"--proof: found \S+{said}, the same as \S+ of --videos; expected frames"):
        distill(blobs[0], [tmp_path / "other.avi", lesson], tmp_path / "student.onnx", proof=[proof])
    assert not (tmp_path / "student.onnx.training").exists()


def test_a_video_of_the_proof_that_is_not_there_is_told_before_any_work(blobs, tmp_path):
    with pytest.raises(SourceError, match=r"gone\.avi: found no such file"):
        distill(blobs[0], [blobs[1]], tmp_path / "student.onnx", proof=[tmp_path / "gone.avi"])


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is here")
def test_without_torch_it_says_what_to_do_before_any_work(blobs, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main([str(blobs[0]), "--videos", str(blobs[1]), "--out", str(tmp_path / "out.onnx")])
    assert ended.value.code == 1
    assert "make dlc, then make distill" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
