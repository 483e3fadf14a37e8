"""The large network that is asked: its poses, its heat maps, and what is kept of both."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from blob_network import HEIGHT, WIDTH, write_blob_network, write_blob_video
from heat_network import light, write_heat_network

from dlstream_camera.arena import Arena
from dlstream_common import NetworkError
from dlstream_pose import Estimator
from dlstream_pose.convert.distill._lessons import lessons_of
from dlstream_pose.convert.distill._teacher import Teacher
from dlstream_pose.convert.progress import silent


@pytest.fixture(scope="module")
def blobs(tmp_path_factory) -> tuple[Path, Path]:
    """A teacher and a video for it."""
    folder = tmp_path_factory.mktemp("blobs")
    return write_blob_network(folder / "blobs.onnx"), write_blob_video(folder / "blobs.avi", 80)


def test_the_heat_maps_of_a_teacher_are_those_of_its_points(demo_network):
    teacher = Teacher(demo_network)
    image = cv2.resize(Arena(seed=3).render(100)[0], (320, 240))
    poses, maps = teacher.answer(image)
    assert maps is not None
    assert maps.max(axis=(1, 2)) == pytest.approx(poses[:, 2], abs=1e-5)
    for one, (x, y, _) in zip(maps, poses, strict=True):
        row, column = np.unravel_index(one.argmax(), one.shape)
        assert np.hypot(column * 8 + 4 - x, row * 8 + 4 - y) < 16
    assert poses == pytest.approx(Estimator(demo_network, 1.0).detect(image)[0], abs=1e-3)


def test_a_teacher_without_heat_maps_gives_points(blobs):
    teacher = Teacher(blobs[0])
    poses, maps = teacher.answer(np.full((HEIGHT, WIDTH, 3), 99, np.uint8))
    assert poses.shape == (2, 3)
    assert maps is None
    assert not teacher.maps


@pytest.mark.parametrize("curved", [False, True])
def test_a_frame_without_the_animal_does_not_tell_what_heat_maps_are(tmp_path, curved):
    """With logits and with confidences alike all is about 0 in it."""
    teacher = Teacher(write_heat_network(tmp_path / "heat.onnx", curved))
    for image in (light(9, 9, 0), light(20, 30, 60), light(20, 30), light(9, 9, 0), light(50, 11, 120)):
        poses, maps = teacher.answer(image)
        assert maps is not None
        assert maps.max() == pytest.approx(poses[0, 2], abs=1e-5)
        assert maps.min() == pytest.approx(1 / (1 + np.exp(5)) if curved else 0.0, abs=1e-5)
    assert teacher.maps


def test_what_turns_out_to_be_no_heat_maps_is_not_learned_from(tmp_path):
    """The first frames are empty, and the keypoint is elsewhere than the maximum of the map."""
    teacher = Teacher(write_heat_network(tmp_path / "heat.onnx", True, aside=12.0))
    writer = cv2.VideoWriter(str(tmp_path / "heat.avi"), cv2.VideoWriter.fourcc(*"FFV1"), 30, (WIDTH, HEIGHT))
    for number in range(60):
        writer.write(light(number % 40, 20, 200 if number > 2 else 0))
    writer.release()
    lessons = lessons_of(tmp_path / "heat.avi", tmp_path / "0", 100, 0.2, 1.0, silent)
    lessons.ask(teacher, 1.0)
    assert not teacher.maps
    assert lessons.maps is None
    assert not (tmp_path / "0" / "maps.npy").exists()


def test_an_interrupted_teacher_is_asked_only_about_the_rest(blobs, tmp_path):
    class Tired(Teacher):
        asked = 0

        def answer(self, image):
            self.asked += 1
            if self.asked > 55:
                raise KeyboardInterrupt
            return super().answer(image)

    tired, fresh = Tired(blobs[0]), Tired(blobs[0])
    one = lessons_of(blobs[1], tmp_path / "0", 100, 0.2, 1.0, silent)
    with pytest.raises(KeyboardInterrupt):
        one.ask(tired, 1.0)
    again = lessons_of(blobs[1], tmp_path / "0", 100, 0.2, 1.0, silent)
    again.ask(fresh, 1.0)
    assert fresh.asked == len(again.numbers) - 50
    whole = lessons_of(blobs[1], tmp_path / "whole", 100, 0.2, 1.0, silent)
    whole.ask(Teacher(blobs[0]), 1.0)
    assert np.array_equal(whole.poses, again.poses)
    assert np.array_equal(whole.images, again.images)
    other = lessons_of(blobs[1], tmp_path / "0", 100, 0.3, 1.0, silent)  # other frames: nothing of these is taken
    other.ask(Teacher(blobs[0]), 1.0)
    assert len(other.images) == len(other.numbers)
    assert np.array_equal(other.poses[0], whole.poses[0])


def test_a_video_of_something_else_is_refused(blobs, tmp_path):
    nothing = write_blob_video(tmp_path / "nothing.avi", 60, contrast=0.02)
    one = lessons_of(nothing, tmp_path / "0", 100, 0.2, 1.0, silent)
    with pytest.raises(NetworkError, match=r"nothing.avi: the teacher is sure of a keypoint in \d+% of the frames"):
        one.ask(Teacher(blobs[0]), 1.0)
    with pytest.raises(NetworkError, match=r"found 20 frames, of which 5 are held back"):
        lessons_of(write_blob_video(tmp_path / "short.avi", 20), tmp_path / "1", 100, 0.25, 1.0, silent)
