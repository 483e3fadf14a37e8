"""Depth is recorded bit for bit, whatever is said of pictures, and read back as it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlstream_common.video import VideoFrame, open_frames
from dlstream_recorder.writers._matroska_repair import repair
from dlstream_recorder.writers._segment import VideoSegment


def depth_images(seed: int, count: int, height: int, width: int) -> list[np.ndarray]:
    """Noise over all 16 bits, and pictures as depth cameras give them: holes, steps, few values."""
    rng = np.random.default_rng(seed)
    images = []
    for number in range(count):
        image = rng.integers(0, 65_536, (height, width), np.uint16)
        if number % 3 == 1:
            image = (800 + rng.integers(-3, 4, (height, width))).astype(np.uint16)
            image[rng.random((height, width)) < 0.2] = 0
        elif number % 3 == 2:
            image = np.full((height, width), rng.integers(0, 65_536), np.uint16)
        images.append(image)
    return images


def write(make, path, images, video, finish=True):
    frames = [make.frame(number, image, "16UC1") for number, image in enumerate(images)]
    segment = VideoSegment(path.with_suffix(""), frames[0], video, "network")
    for frame in frames:
        segment.add_frame(frame, 0, frame.stamp)
    if finish:
        segment.finish()


def read(path) -> list[np.ndarray]:
    return [item.image for item in open_frames(path).frames() if isinstance(item, VideoFrame)]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.integers(0, 1000), st.integers(2, 40), st.integers(2, 70), st.sampled_from(["lossless", "h264"]))
def test_every_value_comes_back(make, tmp_path, seed, height, width, video):
    for file in tmp_path.iterdir():
        file.unlink()
    images = depth_images(seed, 7, height, width)
    write(make, tmp_path / "depth.mkv", images, video)
    back = read(tmp_path / "depth.mkv")
    assert len(back) == len(images)
    for found, image in zip(back, images, strict=True):
        assert found.dtype == np.uint16
        assert np.array_equal(found, image)


@pytest.mark.parametrize("cut", [1, 1000])
def test_a_recording_that_was_cut_off_is_bit_exact_up_to_there(make, tmp_path, cut):
    images = depth_images(1, 40, 48, 64)
    path = tmp_path / "depth.mkv"
    write(make, path, images, "h264", finish=False)
    path.write_bytes(path.read_bytes()[:-cut])
    repair(path)
    back = read(path)
    assert 0 < len(back) <= len(images)
    assert all(np.array_equal(found, image) for found, image in zip(back, images, strict=False))
