"""RealSense cameras through librealsense's own pipeline: recordings of our pictures, played like a device."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyrealsense2 as rs
import pytest
from realsense_recording import FPS, HEIGHT, SERIAL, WIDTH, color, depth, frames, infrared, record
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from dlstream_camera import SOURCES, Camera, Shot, source_settings
from dlstream_camera.sources._connection import Taken
from dlstream_camera.sources._format import Notice
from dlstream_camera.sources._live import LiveReader
from dlstream_camera.sources._realsense_device import RealSenseDevice, StreamCamera
from dlstream_camera.sources._realsense_frames import Stamps, millimetres
from dlstream_camera.sources._realsense_recording import recorded_count
from dlstream_camera.sources._realsense_settings import RealSenseSettings
from dlstream_camera.sources._realsense_stream import StreamRequest
from dlstream_common import SourceError
from dlstream_common.ros import LATEST_IMAGE, POSE, frame_from_message, image_qos

COUNT = int(os.environ.get("DLSTREAM_REALSENSE_FRAMES", "2000"))
"""Moments of the recording whose every frame is looked at."""
SECOND = 1_000_000_000


def settings(recording: Path | None, stream: str = "color", **words) -> RealSenseSettings:
    made = source_settings("realsense")(source="realsense", recording=recording, stream=stream, **words)
    assert isinstance(made, RealSenseSettings)
    return made


def beside(*items: RealSenseSettings) -> list[RealSenseSettings]:
    """Cameras of one device, with what the rig fills in."""
    return [
        item.model_copy(update=dict(item.beside([other for other in items if other is not item]))) for item in items
    ]


def play(*items: RealSenseSettings) -> tuple[list[list[Shot]], list[list[Notice]]]:
    """Reads cameras of one recording to its end, each in a thread as its node does; what each got and told."""
    told: list[list[Notice]] = [[] for _ in items]
    cameras = [Camera(item.request.name, item, told[place].append) for place, item in enumerate(beside(*items))]
    got: list[list[Shot]] = [[] for _ in items]

    def read(place: int) -> None:
        while (shot := cameras[place].read()) is not None:
            got[place].append(shot)

    for camera in cameras:
        camera.open()
    threads = [threading.Thread(target=read, args=(place,)) for place in range(len(items))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for camera in cameras:
        camera.close()
    return got, told


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


NOW = 1_790_000_000_000_000_000


@pytest.mark.parametrize(
    ("milliseconds", "stamp", "source", "complaints"),
    [
        (NOW / 1e6 - 20, NOW - 20_000_000, "device", 0),
        (NOW / 1e6 - 499, NOW - 499_000_000, "device", 0),
        (NOW / 1e6 + 3, NOW, "device", 0),
        (NOW / 1e6 - 501, NOW, "arrival", 1),
        (NOW / 1e6 - 50 * 365 * 86_400_000, NOW, "arrival", 1),
        (NOW / 1e6 + 3_600_000, NOW, "arrival", 1),
    ],
)
def test_global_time_counts_only_where_it_can_be_true(milliseconds, stamp, source, complaints):
    notices: list[Notice] = []
    stamps = Stamps(notices.append, SECOND // FPS)
    for frame in frames(rs.timestamp_domain.global_time, milliseconds):
        domain = str(frame.get_frame_timestamp_domain()).rpartition(".")[2]
        for _ in range(3):
            found = stamps.of(domain, frame.get_timestamp(), NOW)
            assert abs(found - stamp) < 1000
        assert (stamps.domain, stamps.source) == ("global_time", source)
    assert [notice.kind for notice in notices] == ["clock"] * complaints, "said once"


def test_the_devices_own_clock_is_fitted_and_wraps():
    notices: list[Notice] = []
    stamps = Stamps(notices.append, SECOND // FPS)
    rng = np.random.default_rng(1)
    begin = 2**32 / 1000 - 2000  # two seconds before the counter wraps
    for number in range(400):
        exact = NOW + number * SECOND // 30
        ticks = (begin + number * 1000 / 30) % (2**32 / 1000)
        arrival = exact + 8_000_000 + round(rng.exponential(3_000_000))
        found = stamps.of("hardware_clock", ticks, arrival)
        assert found <= arrival
        if number > 100:
            assert abs(found - exact) < 12_000_000, number
    assert stamps.source == "device"
    assert not notices


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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"align": "color"}, "align with `stream: depth` only"),
        ({"stream": "depth", "align": "color", "width": 640, "height": 480}, "no width and height beside align"),
        ({"width": 640}, "width and height, or neither"),
        ({"index": 2}, "index with `stream: infrared` only"),
        ({"pace": False}, "pace with a recording only"),
        ({"fps": 29.97}, "a whole number of frames"),
        ({"streams": ["depth"]}, "streams as 'depth 0 640x480 30'"),
        ({"stream": "fisheye"}, "'color', 'depth' or 'infrared'"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(words, message):
    with pytest.raises(ValueError, match=message):
        settings(None, **words)


def test_a_recording_is_as_it_was_made(recording, tmp_path):
    for words, message in (({"emitter": False}, "no emitter beside"), ({"serial": "1"}, "either a serial or")):
        with pytest.raises(ValueError, match=message):
            settings(recording, **words)
    bag = tmp_path / "a.bag"
    bag.write_text("")
    with pytest.raises(ValueError, match=r"ends in \.db3"):
        settings(bag)


def test_cameras_of_one_device_must_agree():
    def wrong(one: dict, other: dict) -> str:
        found = settings(None, **one).check_beside([settings(None, **other)])
        return str(found[0]) if found else ""

    assert (
        wrong({"fps": 30}, {"fps": 60})
        == "fps: found 30; expected 60, as for the other camera with the device's color stream"
    )
    assert "emitter: found true; expected false" in wrong({"emitter": True}, {"stream": "depth", "emitter": False})
    assert "no serial, beside another RealSense camera with the serial '1'" in wrong({}, {"serial": "1"})
    assert wrong({"serial": "2", "fps": 30}, {"serial": "1", "fps": 60}) == ""
    assert wrong({"width": 640, "height": 480}, {"stream": "depth", "width": 848, "height": 480}) == ""


def test_which_depth_belongs_to_which_camera():
    top, side, both = settings(None), settings(None, "infrared"), settings(None, "infrared", index=2)
    plain, aligned = settings(None, "depth"), settings(None, "depth", align="color")
    assert [plain.shows_depth_of(item) for item in (top, side, both, aligned)] == [False, True, False, False]
    assert [aligned.shows_depth_of(item) for item in (top, side, both, plain)] == [True, False, False, False]


def test_a_request_is_what_its_text_says():
    for request in (StreamRequest("depth", 0, 640, 480, 30), StreamRequest("infrared", 2)):
        assert StreamRequest.of(str(request)) == request


def test_without_the_library_only_this_source_is_missing(recording):
    program = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pyrealsense2":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
from dlstream_camera import SOURCES, source_settings
from dlstream_common.plugins import PartError
assert source_settings("realsense").model_validate({"stream": "depth"}).check() == []
assert source_settings("realsense").model_validate({"recording": sys.argv[1]}).check() == []
assert SOURCES.usable("opencv") and SOURCES.usable("video")
try:
    SOURCES.usable("realsense")
except PartError as error:
    print(error)
"""
    words = [sys.executable, "-c", program, str(recording)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == (
        "source 'realsense': found no library pyrealsense2 on this machine; expected it to be installed. "
        "pip install pyrealsense2\n"
    )


def connection(path: Path, notices: list[Notice], **words) -> StreamCamera:
    camera = RealSenseDevice.join(settings(path, "depth", **words), notices.append)
    camera.begin()
    return camera


def test_a_device_that_fails_is_lost_and_comes_back(tmp_path, wait_for):
    """The way of a device that is unplugged: the same reader, whose pipeline is taken away from it."""
    path = record(tmp_path / "a.db3", 300, (depth(),))
    notices: list[Notice] = []
    opened: list[StreamCamera] = []

    def connect() -> StreamCamera:
        opened.append(connection(path, notices))
        return opened[-1]

    reader = LiveReader("realsense", connect, 0.05, notices.append)
    _, size = reader.open()
    assert size == (WIDTH, HEIGHT)
    first = reader.read()
    assert first is not None
    pipeline = opened[0]._device.pipeline
    taken_away, pipeline._pipeline = pipeline._pipeline, rs.pipeline()
    wait_for(lambda: "reconnected" in [notice.kind for notice in notices], "the device to be back")
    lost = next(notice for notice in notices if notice.kind == "disconnected")
    assert "reading it has failed" in lost.text
    assert opened[1]._device is not opened[0]._device
    capture = reader.read()
    assert capture is not None
    assert capture.image.dtype == np.uint16
    reader.close()
    taken_away.stop()


def test_a_device_does_not_wait_for_a_slow_camera_but_counts(tmp_path):
    camera = connection(record(tmp_path / "a.db3", 2, (depth(),)), [])
    while not camera.ended:
        camera.read()
    image = np.zeros((HEIGHT, WIDTH), np.uint16)
    for number in range(13):
        camera.give(Taken(image, number, missed=1 if number == 1 else 0), blocking=False)
    taken = [camera.read() for _ in range(10)]
    assert [item.stamp for item in taken if item is not None] == list(range(3, 13))
    assert sum(item.skipped for item in taken if item is not None) == 4, (
        "three frames, and one missed before the second"
    )
    camera.close()


def test_depth_without_any_depth_is_remarked(tmp_path):
    nothing = np.zeros((HEIGHT, WIDTH), np.uint16)
    path = record(tmp_path / "a.db3", 15, (depth(picture=lambda number: nothing),))
    _, (notices,) = play(settings(path, "depth", pace=False))
    assert [notice.kind for notice in notices] == ["remark"]
    assert "no depth in the whole image" in notices[0].text
