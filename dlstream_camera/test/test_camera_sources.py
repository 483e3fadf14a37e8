from __future__ import annotations

import subprocess
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from network_camera import jpeg, network_camera

from dlstream_camera import SOURCES, Camera, SourceSettings, crop_slices
from dlstream_camera.sources.opencv import OpenCVSettings
from dlstream_camera.sources.synthetic import SyntheticSettings
from dlstream_camera.sources.video import VideoSettings
from dlstream_common import SourceError
from dlstream_common.plugins import PartError
from dlstream_common.video import open_frames


def frames_of(settings: SourceSettings) -> list:
    camera = Camera("top", settings)
    camera.open()
    shots = []
    while (shot := camera.read()) is not None:
        shots.append(shot)
    camera.close()
    return shots


@pytest.mark.parametrize(("width", "height"), [(32, 48), (128, 96), (48, 64)])
@pytest.mark.parametrize("crop", [(), (0, 0, 16, 16)], ids=["whole", "cropped"])
def test_images_that_change_their_size_end_the_source_and_are_never_cut(width, height, crop):
    with network_camera() as server:
        camera = Camera("top", OpenCVSettings(device=server.url, crop=crop))
        camera.open()
        try:
            camera.read()
            for _ in range(31):  # that many in a row are no mistake of the server's
                server.send(jpeg(0, width, height))
            with pytest.raises(SourceError, match=f"its images changed size to {width}x{height}; expected one size"):
                list(islice(iter(camera.read, None), 200))
        finally:
            camera.close()


def test_every_source_is_found_by_its_name():
    assert set(SOURCES) >= {"basler", "opencv", "synthetic", "video"}
    with pytest.raises(PartError, match=r"source: found 'opncv'; expected one of .*. Did you mean 'opencv'\?"):
        SOURCES.load("opncv")


def test_synthetic_is_the_same_for_the_same_seed():
    settings = SyntheticSettings(width=96, height=64, seed=3, frames=5, pace=False)
    first, second = frames_of(settings), frames_of(settings)
    other = frames_of(SyntheticSettings(width=96, height=64, seed=4, frames=5, pace=False))
    assert len(first) == 5
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.frame.image, b.frame.image)
        assert np.array_equal(a.truth.individuals[0].x, b.truth.individuals[0].x)
    assert not np.array_equal(first[4].frame.image, other[4].frame.image)


def test_video_gives_each_frame_once_in_order(clip):
    path, frames = clip
    shots = frames_of(VideoSettings(path=path, pace=False))
    assert [shot.frame_number for shot in shots] == list(range(50))
    assert [shot.frame.sequence for shot in shots] == list(range(50))
    assert all(np.array_equal(shot.frame.image, image) for shot, image in zip(shots, frames, strict=True))


def test_video_loops(clip):
    path, frames = clip
    camera = Camera("top", VideoSettings(path=path, pace=False, loop=True))
    camera.open()
    shots = [camera.read() for _ in range(120)]
    assert [shot.frame_number for shot in shots] == [number % 50 for number in range(120)]
    assert np.array_equal(shots[100].frame.image, frames[0])
    camera.close()


def test_pace_gives_the_rate_asked_for(clip):
    """Never faster than asked, whatever the machine does; how much slower is not tested."""
    path, _ = clip
    shots = frames_of(VideoSettings(path=path, fps=500.0))
    stamps = np.array([shot.frame.stamp for shot in shots])
    assert stamps[-1] - stamps[0] >= 49 * 2_000_000 * 0.99


def test_video_that_is_missing_empty_or_no_video(tmp_path: Path):
    empty, text = tmp_path / "empty.mp4", tmp_path / "text.mp4"
    empty.touch()
    text.write_text("this is not a video\n" * 100)
    with pytest.raises(SourceError, match="found an empty file"):
        open_frames(empty)
    with pytest.raises(SourceError, match="found a text; expected a video"):
        open_frames(text)
    with pytest.raises(SourceError, match="found no such file"):
        open_frames(tmp_path / "missing.mp4")


def test_truncated_video_is_refused_before_its_first_frame(clip, tmp_path: Path):
    path, _ = clip
    whole = path.read_bytes()
    truncated = tmp_path / "truncated.avi"
    truncated.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="It is truncated"):
        Camera("top", VideoSettings(path=truncated)).open()


def test_damage_in_the_middle_is_lost_frames_and_the_rest_goes_on(damaged_clip):
    path, count = damaged_clip
    notices = []
    camera = Camera("top", VideoSettings(path=path, pace=False), notices.append)
    camera.open()
    shots = list(iter(camera.read, None))
    camera.close()
    lost = sum(int(notice.values["frames"]) for notice in notices if notice.kind == "frames_lost")
    assert 0 < lost == count - len(shots) == shots[-1].dropped
    assert shots[-1].frame_number == count - 1


def test_real_video(test_data):
    path = test_data / "openfield" / "videos" / "m3v1mp4.mp4"
    assert VideoSettings(path=path).image_size() == (640, 480)


def test_absent_camera_says_what_to_look_at():
    with pytest.raises(SourceError, match="Is it plugged in"):
        Camera("top", OpenCVSettings(device="/dev/no-such-camera")).open()


def test_opencv_takes_an_index_as_a_number():
    assert OpenCVSettings.model_validate({"device": 2}).device == "2"


@given(st.lists(st.integers(-10, 200), max_size=6), st.integers(1, 150), st.integers(1, 150))
def test_crop_is_inside_the_image_or_refused(crop, width, height):
    try:
        rows, columns = crop_slices(crop, width, height)
    except SourceError as error:
        assert "crop" in str(error)
    else:
        part = np.zeros((height, width))[rows, columns]
        assert part.shape == ((crop[3], crop[2]) if crop else (height, width))


def test_core_does_not_import_ros():
    code = "import sys, dlstream_camera; sys.exit('rclpy' in sys.modules)"
    assert subprocess.run([__import__("sys").executable, "-c", code], check=False).returncode == 0
