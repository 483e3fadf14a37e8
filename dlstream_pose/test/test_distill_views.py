"""Turned views, about which the teacher is asked itself; and that what is learned is what it says of each picture."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import pytest
from blob_network import HEIGHT, WIDTH, write_blob_network, write_blob_video

from dlstream_pose.convert.distill import _batches
from dlstream_pose.convert.distill._augment import Answer, Augmentation, after, matrix, moved_points, turned, viewed
from dlstream_pose.convert.distill._batches import Batches
from dlstream_pose.convert.distill._lessons import Lessons, lessons_of
from dlstream_pose.convert.distill._targets import LOCREF_STD
from dlstream_pose.convert.distill._teacher import Teacher
from dlstream_pose.convert.distill._views import MOST, Views
from dlstream_pose.convert.progress import silent

HOW = Augmentation(rotation=20)


@pytest.fixture(scope="module")
def blobs(tmp_path_factory) -> tuple[Path, Path]:
    """A teacher and a video for it."""
    folder = tmp_path_factory.mktemp("blobs")
    return write_blob_network(folder / "blobs.onnx"), write_blob_video(folder / "blobs.avi", 60)


def asked(blobs: tuple[Path, Path], folder: Path) -> tuple[Teacher, Lessons]:
    teacher = Teacher(blobs[0])
    lessons = lessons_of(blobs[1], folder / "0", 100, 0.2, 1.0, silent)
    lessons.ask(teacher, 1.0)
    return teacher, lessons


def ask(lessons: Lessons, teacher: Teacher, seconds: int) -> Views:
    """By a clock that counts views."""
    views = Views(lessons._folder, len(lessons.training), HOW, 0.0, 1.0)
    ticks = count()
    views.ask(teacher, lessons.images, lessons.answer, seconds, silent, lambda: float(next(ticks)))
    return views


def test_the_teacher_itself_says_what_is_in_each_view(blobs, tmp_path):
    teacher, lessons = asked(blobs, tmp_path)
    lessons.ask_views(teacher, HOW, 0.0, 1e9)
    views = lessons.views
    assert views is not None
    assert views.count == MOST * len(lessons.training)
    each = [views.place(which) for which in range(views.count)]
    assert sorted(each) == sorted(lessons.training.tolist() * MOST)
    kept = 0
    for which in range(0, views.count, 9):
        frame = lessons.answer(views.place(which))
        view = views.matrix(which, frame, lessons.size)
        found = views.answer(which, frame, view)
        image = viewed(np.asarray(lessons.images[views.place(which)]), view, lessons.size)
        assert np.array_equal(found.poses, teacher.answer(image)[0])
        kept += found.keep.sum()
    assert kept > 20


def test_no_more_time_is_spent_than_was_given_and_nothing_is_asked_twice(blobs, tmp_path):
    teacher, lessons = asked(blobs, tmp_path)
    assert ask(lessons, teacher, 10).count == 10
    assert ask(lessons, teacher, 10).count == 10
    more = ask(lessons, teacher, 25)
    assert (more.count, more.seconds) == (25, 25.0)
    whole = ask(asked(blobs, tmp_path / "other")[1], teacher, 25)
    frame = lessons.answer(0)
    for which in range(25):
        assert np.array_equal(
            more.answer(which, frame, np.eye(2, 3)).poses, whole.answer(which, frame, np.eye(2, 3)).poses
        )


def test_a_keypoint_that_the_teacher_sees_elsewhere_in_a_view_is_left_out(blobs, tmp_path):
    _, lessons = asked(blobs, tmp_path)

    class Contrary(Teacher):
        def answer(self, image):
            return np.array([[3.0, 3.0, 0.9], [60.0, 44.0, 0.3]], np.float32), None

    views = ask(lessons, Contrary(blobs[0]), 30)
    for which in range(30):
        frame = lessons.answer(views.place(which))
        view = views.matrix(which, frame, lessons.size)
        there = moved_points(frame.poses[:1, :2], view, 0.0)[0]
        assert frame.keep.all()
        assert views.answer(which, frame, view).keep.tolist() == [bool(np.hypot(*(there - 3)) <= 12), True]


def test_a_view_shows_the_animal_and_every_second_is_only_shifted():
    random, size = np.random.default_rng(0), (320, 240)
    poses = np.array([[300, 30, 0.9], [310, 40, 0.9], [0, 0, 0.1]], np.float32)
    frame = Answer(poses, None, 1.0, np.ones(3, bool))
    views = [turned(frame, size, Augmentation(rotation=30), random) for _ in range(300)]
    upright = [view for view in views if np.array_equal(view[:, :2], np.eye(2))]
    assert 110 < len(upright) < 190
    for view in views:
        there = moved_points(np.array([[305, 35]], np.float32), view, 0.0)[0]
        assert (there >= 0.1 * np.array(size) - 0.01).all()
        assert (there <= 0.9 * np.array(size) + 0.01).all()
    assert np.std([view[0, 2] for view in upright]) > 10
    both = after(matrix((10, 10), (20, 20), 0, 1), matrix((50, 40), (100, 80), 30, 1.2))
    point = np.array([[44.0, 33.0]], np.float32)
    one = moved_points(
        moved_points(point, matrix((50, 40), (100, 80), 30, 1.2), 0), matrix((10, 10), (20, 20), 0, 1), 0
    )
    assert moved_points(point, both, 0)[0] == pytest.approx(one[0], abs=1e-3)


def test_what_is_learned_of_a_picture_decodes_to_what_the_teacher_says_of_it(blobs, tmp_path, monkeypatch):
    """Frames as they are, and views; no half pixel is lost on the way."""
    teacher, lessons = asked(blobs, tmp_path)
    lessons.ask_views(teacher, HOW, 0.0, 1e9)
    monkeypatch.setattr(_batches, "relit", lambda image, _: image.astype(np.float32))
    batches = Batches([lessons], HOW, 0.0, lambda size: (size[1] // 8 + 1, size[0] // 8 + 1))
    images, targets = batches.draw(60, True, np.random.default_rng(0))
    frames = {np.asarray(lessons.images[place]).tobytes() for place in lessons.training}
    as_they_are = sum(image.astype(np.uint8).tobytes() in frames for image in images)
    assert 5 < as_they_are < 30
    compared = 0
    for image, wanted in zip(images, targets, strict=True):
        assert image.shape == (HEIGHT, WIDTH, 3)
        poses = teacher.answer(image.astype(np.uint8))[0]
        for which in range(2):
            if poses[which, 2] < 0.5 or not wanted.heat_weight[which].any():
                continue
            row, column = np.unravel_index(wanted.heat[which].argmax(), wanted.heat[which].shape)
            offset = wanted.offset[2 * which : 2 * which + 2, row, column] * LOCREF_STD
            assert np.array([column, row]) * 8 + 4 + offset == pytest.approx(poses[which, :2], abs=0.01)
            compared += 1
    assert compared > 60
