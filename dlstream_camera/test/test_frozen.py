"""A camera that delivers the same picture again and again."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest

from dlstream_camera import Camera
from dlstream_camera.sources import Notice
from dlstream_camera.sources.opencv import OpenCVSettings
from dlstream_camera.sources.synthetic import SyntheticSettings
from dlstream_camera.sources.video import VideoSettings
from dlstream_common import SourceError
from dlstream_common.frozen import FrozenCheck

MOVING, EQUAL = 10, 150
PERIOD = 1 / 30


def picture(seed: int, shape: tuple[int, ...] = (48, 64, 3), kind: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, shape).astype(kind)


def became_frozen(images: list[np.ndarray], after: float = 1.0) -> int | None:
    """The number of the first image that was found frozen."""
    check = FrozenCheck(after)
    for number, image in enumerate(images):
        check.add(image, number * PERIOD)
        if check.frozen:
            return number
    return None


@pytest.mark.parametrize("shape", [(48, 64, 3), (7, 5), (480, 640)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_equal_images_are_frozen_after_their_time_and_a_single_bit_that_differs_is_none(shape, kind):
    still = picture(0, shape, kind)
    found = became_frozen([still] * 60)
    assert found is not None
    assert 1.0 <= found * PERIOD <= 1.0 + 3 * PERIOD
    chance = np.random.default_rng(1)
    noisy = [still.copy() for _ in range(200)]
    for image in noisy:
        image.flat[chance.integers(image.size)] ^= 1
    assert became_frozen(noisy) is None, "one pixel anywhere"
    assert became_frozen([still] * 60, after=0) is None
    assert became_frozen([still] * 4, after=PERIOD) is None, "a few may be equal by chance"


def test_a_picture_of_one_colour_is_told_as_that_and_not_as_frozen():
    assert became_frozen([np.full((48, 64), 2, np.uint8)] * 100) is None


def test_the_memory_of_a_source_that_fills_it_again_is_not_compared_with_itself():
    memory, check = np.zeros((48, 64), np.uint8), FrozenCheck(0.5)
    for number in range(60):
        memory[8:] = picture(number, (40, 64))  # the rows above are the first that are looked at
        check.add(memory, number * PERIOD)
        assert not check.frozen


def test_it_is_over_with_the_first_image_that_differs():
    check, changes = FrozenCheck(1.0), []
    for number, image in enumerate([picture(0)] * 60 + [picture(1)] * 60 + [picture(2)]):
        if check.add(image, number * PERIOD):
            changes.append((number, check.frozen, round(check.lasted, 1)))
    begins, ends = [at for at, frozen, _ in changes if frozen], [at for at, frozen, _ in changes if not frozen]
    assert len(begins) == 2
    assert ends == [60, 120]


@pytest.fixture
def video(tmp_path):
    """It moves, stands still, and moves again; and its number of frames."""
    path = tmp_path / "still.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 100.0, (64, 48))
    for number in (*range(MOVING), *[MOVING] * EQUAL, *range(100, 100 + MOVING)):
        writer.write(picture(number))
    writer.release()
    return path, MOVING + EQUAL + MOVING


def frames_of(settings, told: list[Notice]):
    camera = Camera("top", settings, told.append)
    camera.open()
    try:
        while (shot := camera.read()) is not None:
            yield shot
    finally:
        camera.close()


def test_the_images_of_a_frozen_camera_are_held_back_until_they_differ(video):
    path, count = video
    told: list[Notice] = []
    shots = list(frames_of(VideoSettings(path=path, frozen_after=0.2), told))
    assert [notice.kind for notice in told] == ["picture", "picture_back"]
    assert re.match(r"frozen: its images have been equal, bit by bit, for [\d.]+ s", told[0].text)
    assert "(frozen_after: 0.2); it counts as silent until they differ again" in told[0].text
    held = count - len(shots)
    assert told[1].values["held_back"] == str(held)
    assert 0 < held < EQUAL
    assert [shot.frame.sequence for shot in shots] == list(range(len(shots))), "none is missing on the way"
    assert shots[-1].dropped == held, "they are counted"
    numbers = [shot.frame_number for shot in shots]
    assert numbers[:MOVING] == list(range(MOVING))
    assert numbers[-MOVING:] == list(range(count - MOVING, count))


def test_a_frozen_camera_is_only_told_or_ends_where_the_rig_says_so(video):
    path, count = video
    told: list[Notice] = []
    assert len(list(frames_of(VideoSettings(path=path, frozen_after=0.2, on_frozen="report"), told))) == count
    assert [notice.kind for notice in told] == ["picture", "picture_back"]
    assert VideoSettings(path=path, on_frozen="tell").on_frozen == "report", "as former rig files call it"
    with pytest.raises(SourceError, match="camera top is frozen: its images have been equal"):
        list(frames_of(VideoSettings(path=path, frozen_after=0.2, on_frozen="stop"), told))


def test_what_may_stand_still_is_not_accused():
    assert VideoSettings.model_fields["frozen_after"].default == 0, "it may be the recording of a still scene"
    assert SyntheticSettings().frozen_after == 0
    assert OpenCVSettings().frozen_after == 2
    stream = {"device": "rtsp://10.0.0.9/live"}
    assert OpenCVSettings(**stream).frozen_after == 15, "a coder sends nothing new of a scene that is nearly still"
    assert OpenCVSettings(**stream, frozen_after=3).frozen_after == 3
