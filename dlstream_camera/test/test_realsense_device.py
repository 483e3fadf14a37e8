"""A RealSense device: its clocks, its loss, and a camera that is slow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyrealsense2", reason="pyrealsense2 is not installed (make devices)")
import pyrealsense2 as rs
from realsense_recording import FPS, HEIGHT, WIDTH, depth, frames, record
from realsense_tools import settings

from dlstream_camera.sources._connection import Taken
from dlstream_camera.sources._format import Notice
from dlstream_camera.sources._live import LiveReader
from dlstream_camera.sources._realsense_device import RealSenseDevice, StreamCamera
from dlstream_camera.sources._realsense_frames import Stamps

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
