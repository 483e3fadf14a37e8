"""The annotated video: what was added is seen in it, in order and at its time."""

from __future__ import annotations

import resource

import av
import numpy as np
import pytest

from dlstream.offline.annotated import AnnotatedVideo
from dlstream_common import RecordingError

SECOND = 1_000_000_000


def picture(number, width=320, height=240):
    """Grey of another brightness in each, with a bright square that moves on."""
    image = np.full((height, width, 3), 40 + 3 * number, np.uint8)
    image[100:140, 5 * number : 5 * number + 40] = 230
    return image


def read(path):
    with av.open(str(path)) as container:
        return [(frame.time, frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]


@pytest.mark.parametrize(("width", "height"), [(320, 240), (319, 239)])
def test_each_picture_is_its_own(tmp_path, width, height):
    """They share one array on their way to the encoder."""
    video = AnnotatedVideo(tmp_path / "a.mp4", width, height, 7 * SECOND)
    for number in range(40):
        video.add(picture(number, width, height), 7 * SECOND + number * SECOND // 25)
    video.close()
    found = read(tmp_path / "a.mp4")
    assert [time for time, _ in found] == pytest.approx([number / 25 for number in range(40)], abs=1e-4)
    for number, (_, image) in enumerate(found):
        wanted = picture(number, width, height)
        assert np.abs(image[:height, :width].astype(int) - wanted).mean() < 2, number


def test_nothing_is_lost_that_is_seen(tmp_path):
    random = np.random.default_rng(3)
    scene = np.repeat(np.linspace(40, 200, 320), 3).reshape(1, 320, 3).repeat(240, axis=0)
    pictures = [np.clip(scene + random.normal(0, 1.5, scene.shape), 0, 255).astype(np.uint8) for _ in range(30)]
    video = AnnotatedVideo(tmp_path / "a.mp4", 320, 240, 0)
    for number, each in enumerate(pictures):
        video.add(each, number * SECOND // 30)
    video.close()
    found = read(tmp_path / "a.mp4")
    error = np.mean(
        [np.square(image.astype(int) - each).mean() for (_, image), each in zip(found, pictures, strict=True)]
    )
    assert 10 * np.log10(255**2 / error) > 40, "dB"


def test_a_disk_without_room_is_told(tmp_path):
    video = AnnotatedVideo(tmp_path / "annotated.mp4", 320, 240, 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))

    random = np.random.default_rng(2)

    def fill(video: AnnotatedVideo) -> None:
        for number in range(500):
            noise = random.integers(0, 255, (240, 320, 3), np.uint8)  # many bytes, so that the disk is written to
            video.add(noise, number * SECOND // 30)

    said = r"can't write .*annotated.mp4: File too large \(disk .* free\)"
    try:
        with pytest.raises(RecordingError, match=said):
            fill(video)
        with pytest.raises(RecordingError, match=said):
            video.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
