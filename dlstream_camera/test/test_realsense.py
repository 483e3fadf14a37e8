"""RealSense cameras through librealsense's own pipeline: recordings of our pictures, played like a device."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyrealsense2", reason="pyrealsense2 is not installed (make devices)")
from realsense_recording import FPS, HEIGHT, SERIAL, WIDTH, color, depth, infrared, record
from realsense_tools import beside, play, settings
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from dlstream_camera import SOURCES, Camera
from dlstream_camera.sources._realsense_frames import millimetres
from dlstream_camera.sources._realsense_recording import recorded_count
from dlstream_camera.sources._realsense_stream import StreamRequest
from dlstream_common import SourceError
from dlstream_common.ros import LATEST_IMAGE, POSE, frame_from_message, image_qos

COUNT = int(os.environ.get("DLSTREAM_REALSENSE_FRAMES", "2000"))
"""Moments of the recording whose every frame is looked at."""
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """Noise over the whole range of values in three streams."""
    return record(tmp_path_factory.mktemp("rs") / "noise.db3", COUNT, (depth(), infrared(), color()))


def test_every_frame_of_every_stream_comes_pixel_for_pixel(recording):
    kinds = ("depth", "infrared", "color")
    got, told = play(*(settings(recording, kind, pace=False) for kind in kinds))
    pictures = (depth().picture, infrared().picture, color().picture)
    for kind, shots, picture in zip(kinds, got, pictures, strict=True):
        assert [shot.frame_number for shot in shots] == list(range(COUNT)), kind
        for number, shot in enumerate(shots):
            assert np.array_equal(shot.frame.image, picture(number)), (kind, number)
        assert shots[-1].dropped == 0
    assert [shots[0].frame.encoding for shots in got] == ["16UC1", "mono8", "bgr8"]
    assert not any(told)


def test_a_recording_is_played_at_the_times_of_its_frames(tmp_path):
    path = record(tmp_path / "a.db3", 16, (depth(), color()))
    (depths, colors), _ = play(settings(path, "depth"), settings(path))
    stamps = [shot.frame.stamp for shot in depths]
    assert stamps[-1] - stamps[0] >= 15 * SECOND // FPS - SECOND // 100
    assert stamps == [shot.frame.stamp for shot in colors], "frames of one moment have one stamp"


def test_frames_of_a_slower_stream_are_not_repeated(tmp_path):
    path = record(tmp_path / "a.db3", 40, (depth(), color(every=2)))
    (depths, colors), told = play(settings(path, "depth", pace=False), settings(path, pace=False))
    assert [shot.frame_number for shot in depths] == list(range(40))
    assert [shot.frame_number for shot in colors] == list(range(20))
    for number, shot in enumerate(colors):
        assert np.array_equal(shot.frame.image, color().picture(2 * number))
    assert not any(told)


def test_frames_that_the_device_lost_are_counted_by_its_own_numbers(tmp_path):
    path = record(tmp_path / "a.db3", 20, (depth(),), skip=(7, 8, 13))
    (shots,), (notices,) = play(settings(path, "depth", pace=False))
    assert [shot.frame_number for shot in shots] == [n for n in range(20) if n not in (7, 8, 13)]
    assert shots[-1].dropped == 3
    assert sum(int(notice.values["frames"]) for notice in notices) == 3
    assert {notice.values["how"] for notice in notices} == {"missed"}


@pytest.mark.parametrize(
    ("units", "raw", "expected"), [(0.0001, 6543, 654), (0.0025, 400, 1000), (0.01, 60_000, 65_535)]
)
def test_depth_is_in_millimetres_whatever_the_devices_unit(tmp_path, units, raw, expected):
    picture = np.full((HEIGHT, WIDTH), raw, np.uint16)
    picture[:, ::2] = 0
    path = record(tmp_path / "a.db3", 3, (depth(picture=lambda number: picture),), units=units)
    (shots,), _ = play(settings(path, "depth", pace=False))
    assert np.array_equal(shots[0].frame.image, np.where(picture > 0, expected, 0))


def test_millimetres_of_every_raw_value_are_rounded():
    raw = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    exact = np.minimum(np.floor(raw.astype(np.float64) * 0.25 + 0.5), 65_535)
    assert np.abs(millimetres(raw, 0.00025).astype(float) - exact).max() <= 1
    assert np.array_equal(millimetres(raw, 0.0010000000474974513), raw), "a millimetre as float32"


def test_depth_aligned_to_colour_has_the_colour_streams_size_and_lens(tmp_path):
    near = np.full((HEIGHT, WIDTH), 1500, np.uint16)
    near[:, WIDTH // 2 :] = 700
    streams = (depth(picture=lambda number: near), color(size=(2 * WIDTH, 2 * HEIGHT), focal=120.0))
    path = record(tmp_path / "a.db3", 12, streams)
    aligned = settings(path, "depth", align="color", pace=False)
    assert aligned.image_size() == (2 * WIDTH, 2 * HEIGHT)
    (depths, colors), told = play(aligned, settings(path, pace=False))
    assert (len(depths), len(colors)) == (12, 12), told
    image = depths[3].frame.image
    assert image.shape == (2 * HEIGHT, 2 * WIDTH)
    left, right = image[8:-8, 8 : WIDTH - 8], image[8:-8, WIDTH + 8 : -8]
    assert set(np.unique(left)) <= {0, 1500}
    assert set(np.unique(right)) <= {0, 700}
    assert (left > 0).mean() > 0.5
    camera = Camera("depth", aligned)
    calibration = camera.open().calibration
    camera.close()
    assert calibration is not None
    assert calibration.camera_matrix.data == [120, 0, WIDTH, 0, 120, HEIGHT, 0, 0, 1]


def test_the_devices_calibration_follows_the_crop(tmp_path):
    path = record(tmp_path / "a.db3", 2, (color(coefficients=(0.1, -0.2, 0.01, 0.02, 0.05)),))
    camera = Camera("top", settings(path, crop=[10, 20, 30, 25]))
    calibration = camera.open().calibration
    camera.close()
    assert calibration is not None
    assert calibration.size == (30, 25)
    assert calibration.camera_matrix.data == [60, 0, WIDTH / 2 - 10, 0, 60, HEIGHT / 2 - 20, 0, 0, 1]
    assert calibration.projection_matrix.data == [60, 0, WIDTH / 2 - 10, 0, 0, 60, HEIGHT / 2 - 20, 0, 0, 0, 1, 0]
    assert calibration.distortion_coefficients.data == pytest.approx([0.1, -0.2, 0.01, 0.02, 0.05])


def test_the_node_publishes_depth_with_its_own_camera_info(tmp_path, start_node, observer, wait_for):
    path = record(tmp_path / "a.db3", 30, (depth(), color()))
    images = observer.collect(Image, "/above/image_raw", image_qos(100))
    infos = observer.collect(CameraInfo, "/above/camera_info", POSE)
    views = observer.collect(CompressedImage, "/above/image_raw/compressed", LATEST_IMAGE)
    words = {"source": "realsense", "stream": "depth", "recording": str(path), "wait_for": 1}
    node = start_node("dlstream_camera.node", namespace="/above", **words)
    wait_for(lambda: len(images) == 30, "all images")
    wait_for(lambda: len(infos) == 30, "their camera_info")
    for number, message in enumerate(images):
        frame = frame_from_message(message, "above", number)
        assert frame.encoding == "16UC1"
        assert np.array_equal(frame.image, depth().picture(number))
    assert list(infos[0].k) == [60, 0, WIDTH / 2, 0, 60, HEIGHT / 2, 0, 0, 1]
    assert (infos[0].width, infos[0].height, infos[0].distortion_model) == (WIDTH, HEIGHT, "plumb_bob")
    assert node.wait() == 0, "the camera ends with its recording"
    assert all(view.format == "16UC1; jpeg compressed bgr8" for view in views)
    assert "the brightest value" not in node.output, "no advice about pictures"


def test_a_recording_that_waits_has_not_ended(tmp_path, wait_for):
    path = record(tmp_path / "a.db3", 60, (depth(),))
    source = SOURCES["realsense"](settings(path, "depth", pace=False))
    source.open()
    pipeline = source._played._device.pipeline
    assert not pipeline.has_ended, "no frame comes, as from an unplugged device"
    assert not pipeline.is_unplugged
    count = 0
    while source.read() is not None:
        count += 1
    assert count == 60
    wait_for(lambda: pipeline.has_ended, "the end")
    source.close()


def test_all_wait_for_the_last_camera_of_a_recording_and_closing_ends_the_wait(tmp_path):
    path = record(tmp_path / "a.db3", 10, (depth(), color()))
    first, second = (
        SOURCES["realsense"](item) for item in beside(settings(path, "depth", pace=False), settings(path, pace=False))
    )
    first.open()
    second.open()
    got: list[object] = []
    thread = threading.Thread(target=lambda: got.append(first.read()))
    thread.start()
    while thread.is_alive():
        first.stop()  # again, since it may have come before the read
        thread.join(0.01)
    assert got == [None]
    second.close()
    count = 0
    while first.read() is not None:
        count += 1
    assert count == 10, "nothing was played before"
    first.close()
    first.close()


@pytest.mark.slow
def test_what_librealsense_leaves_out_is_lost_and_told(tmp_path, monkeypatch):
    path = record(tmp_path / "a.db3", 5, (depth(),))
    monkeypatch.setattr("dlstream_camera.sources._realsense_device.recorded_count", lambda path, request: 7)
    (shots,), (notices,) = play(settings(path, "depth", pace=False))
    assert len(shots) == 5
    assert [(notice.kind, notice.values["frames"], notice.values["how"]) for notice in notices] == [
        ("frames_lost", "2", "skipped")
    ]


def test_the_frames_of_a_recording_are_counted_by_stream(tmp_path):
    path = record(tmp_path / "a.db3", 9, (depth(), color(every=2)))
    requests = (StreamRequest("depth"), StreamRequest("color"), StreamRequest("infrared", 1))
    assert [recorded_count(path, request) for request in requests] == [9, 5, None]
    (tmp_path / "b.db3").write_text("nonsense")
    assert recorded_count(tmp_path / "b.db3", requests[0]) is None


def test_a_stream_that_the_open_device_lacks_is_refused(tmp_path):
    path = record(tmp_path / "a.db3", 3, (depth(), color()))
    one, other = SOURCES["realsense"](settings(path, "depth")), SOURCES["realsense"](settings(path))
    one.open()
    with pytest.raises(SourceError, match=r"with the streams Depth; expected color, too\. The cameras"):
        other.open()
    one.close()
    other.open()
    other.close()


def test_what_is_no_recording_and_what_a_recording_lacks_is_told(tmp_path):
    (tmp_path / "a.db3").write_text("nonsense")
    [problem] = settings(tmp_path / "a.db3", "depth").check()
    assert "file is not a database; expected a recording of librealsense (.db3)" in problem.found
    path = record(tmp_path / "b.db3", 3, (depth(),))
    [problem] = settings(path).check()
    assert f"found no stream color; expected one of its streams: depth {WIDTH}x{HEIGHT} at 30 fps" in problem.found
    with pytest.raises(SourceError, match="found no way to deliver color"):
        Camera("top", settings(path)).open()
    assert settings(path, "depth").check() == []


def test_without_a_device_this_is_said():
    with pytest.raises(SourceError, match="found no RealSense camera; expected one"):
        Camera("top", settings(None)).open()
    with pytest.raises(SourceError, match=f"expected the one with serial {SERIAL}"):
        Camera("top", settings(None, serial=SERIAL)).open()
    assert list(SOURCES["realsense"].devices()) == []


def test_depth_without_any_depth_is_remarked(tmp_path):
    nothing = np.zeros((HEIGHT, WIDTH), np.uint16)
    path = record(tmp_path / "a.db3", 15, (depth(picture=lambda number: nothing),))
    _, (notices,) = play(settings(path, "depth", pace=False))
    assert [notice.kind for notice in notices] == ["picture", "picture"], "where it begins, and at the end"
    assert "no depth in the whole image" in notices[0].text
