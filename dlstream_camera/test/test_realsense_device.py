"""A RealSense device: its clocks, its loss, and a camera that is slow."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("pyrealsense2", reason="pyrealsense2 is not installed (make devices)")
import pyrealsense2 as rs
from realsense_recording import FPS, HEIGHT, WIDTH, depth, frames, record
from realsense_tools import beside, settings

from dlstream_camera.sources import _realsense_device, _realsense_pipeline
from dlstream_camera.sources._connection import Taken
from dlstream_camera.sources._format import Notice
from dlstream_camera.sources._live import LiveReader
from dlstream_camera.sources._realsense_device import RealSenseDevice, StreamCamera
from dlstream_camera.sources._realsense_frames import Stamps
from dlstream_camera.sources._realsense_settings import RealSenseSettings
from dlstream_camera.sources._realsense_stream import StreamRequest
from dlstream_common import SourceError, now

SECOND = 1_000_000_000

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


class Context:
    """librealsense's list of devices, which fails as it does while a device comes back, or has none any more."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    def query_devices(self) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


BUSY = RuntimeError("failed to set power state")
LISTED = SimpleNamespace(supports=lambda key: True, get_info=lambda key: "0815")


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ([BUSY], r"librealsense failed \(failed to set power state\)"),
        ([[LISTED], BUSY], r"librealsense failed \(failed to set power state\)"),
        ([[LISTED], []], "found it gone again"),
    ],
    ids=["listed", "opened", "gone"],
)
def test_a_device_that_cant_be_asked_is_an_error_in_words(monkeypatch, answers, text):
    monkeypatch.setattr(_realsense_pipeline, "context", lambda: context)
    monkeypatch.setattr(rs, "pipeline", lambda context: None)
    context = Context(*answers)
    with pytest.raises(SourceError, match=text):
        RealSenseDevice.join(settings(None), lambda notice: None)


class Live:
    """A device's pipeline, in the place of librealsense's: colour and depth; the first one that is opened hangs."""

    is_recording = has_ended = is_unplugged = False
    model, serial = "D435", "0815"

    def __init__(self, hangs: bool) -> None:
        self.hangs, self.number, self.stopped = hangs, 0, threading.Event()

    def profile(self, request: StreamRequest) -> SimpleNamespace:
        video = SimpleNamespace(width=lambda: WIDTH, height=lambda: HEIGHT)
        return SimpleNamespace(as_video_stream_profile=lambda: video, fps=lambda: FPS, format=lambda: "format.z16")

    def wait(self, milliseconds: int) -> int | None:
        if self.hangs and self.number == 5:
            self.stopped.wait(milliseconds / 1000)
            return None
        self.stopped.wait(0.01)
        self.number += 1
        return self.number

    def frame(self, frames: int, request: StreamRequest) -> SimpleNamespace:
        return SimpleNamespace(
            get_frame_number=lambda: frames,
            get_frame_timestamp_domain=lambda: "timestamp_domain.system_time",
            get_timestamp=lambda: now() / 1e6,
        )

    def stop(self) -> None:
        self.stopped.set()


def test_a_hung_device_of_two_cameras_is_opened_anew(monkeypatch):
    opened: list[Live] = []

    def pipeline(settings: RealSenseSettings, requests: list[StreamRequest]) -> Live:
        opened.append(Live(hangs=not opened))
        return opened[-1]

    monkeypatch.setattr(_realsense_device, "Pipeline", pipeline)
    monkeypatch.setattr(_realsense_device, "calibration_of", lambda profile: None)
    monkeypatch.setattr(_realsense_device, "image_of", lambda frame: np.zeros((HEIGHT, WIDTH), np.uint8))
    both = beside(*(settings(None, kind, reconnect=0.1, silence=0.5) for kind in ("color", "depth")))
    told: queue.SimpleQueue[Notice] = queue.SimpleQueue()
    readers = [
        LiveReader("realsense", lambda one=one: RealSenseDevice.join(one, told.put), 0.1, told.put) for one in both
    ]
    for reader in readers:
        reader.open()
    back = 0
    while back < 2:
        back += told.get(timeout=60).kind == "reconnected"
    assert len(opened) >= 2
    assert opened[0].stopped.is_set()
    assert all(reader.read() is not None for reader in readers)
    for reader in readers:
        reader.close()


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
