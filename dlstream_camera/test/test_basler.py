"""Basler cameras, through the maker's own library and its emulation."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("pypylon", reason="pypylon is not installed (make devices)")
from basler_emulation import SERIALS, showing
from pypylon import pylon

from dlstream_camera import SOURCES, Camera, Shot
from dlstream_camera.arena import Arena
from dlstream_camera.sources import Notice
from dlstream_camera.sources._basler_camera import BaslerCamera, BaslerSettings
from dlstream_common import SourceError, now

FRAMES = int(os.environ.get("DLSTREAM_CAMERA_FRAMES", "100"))
"""Frames that must arrive without a loss: 2000 for the figure in the documentation."""
RATE = 50.0 if FRAMES >= 2000 else 10.0
"""Ten frames may wait: at 50 a second a machine with much else to do, that stalls for 0.2 s, would lose one."""
FAST = {"width": 64, "height": 48, "fps": 100.0, "exposure": 1000.0}
PATIENCE = 60.0


class Opened:
    """An open camera, what it tells, and pylon's own object."""

    def __init__(self, **settings: object) -> None:
        self.notices: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self.camera = Camera("top", BaslerSettings.model_validate(settings), self.notices.put)
        self.format = self.camera.open()

    @property
    def pylon(self) -> pylon.InstantCamera:
        return self.camera._source._reader._connection._camera

    def settings(self) -> dict[str, tuple[str, str]]:
        return {item.key: (item.asked, item.found) for item in self.format.settings}

    def shots(self, count: int) -> list[Shot]:
        return [self.camera.read() for _ in range(count)]


@pytest.fixture
def opened() -> Iterator[type[Opened]]:
    cameras: list[Opened] = []

    def make(**settings: object) -> Opened:
        cameras.append(Opened(**{"serial": SERIALS[0], **FAST, **settings}))
        return cameras[-1]

    yield make
    for one in cameras:
        one.camera.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[np.ndarray]]:
    """The synthetic mouse in twenty steps."""
    folder = tmp_path_factory.mktemp("pictures")
    images = [Arena(640, 480, seed=5, fps=30.0).render(number)[0] for number in range(20)]
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / f"{number:04d}.png"), image)
    return folder, images


def test_what_is_asked_for_is_set_and_read_back(opened):
    camera = opened(width=320, height=240, offset_x=16, offset_y=8, gain=6, binning=2, pixel_format="BayerRG8")
    assert (camera.format.width, camera.format.height, camera.format.fps) == (320, 240, 100.0)
    assert camera.format.description == "Basler Emulation (emulation)"
    assert camera.format.hardware_id == SERIALS[0]
    found = camera.settings()
    for key, value in {
        "width": "320",
        "height": "240",
        "offset_x": "16",
        "offset_y": "8",
        "pixel_format": "BayerRG8",
        "exposure": "1000",
        "fps": "100",
        "binning": "2",
    }.items():
        assert found[key] == (value, value), key
    asked, gain = found["gain"]
    assert asked == "6"
    assert float(gain) == pytest.approx(6, abs=0.1)
    assert camera.pylon.BinningVertical.Value == 2
    assert camera.shots(1)[0].frame.image.shape == (240, 320, 3)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"serial": "17"}, r"serial: found '17'; expected one of those connected: 0815-0000 \(Emulation\), 0815-0001"),
        ({"serial": ""}, "serial: found none, and 2 basler cameras; expected one of 0815-0000"),
        ({"width": 5000}, "width: found 5000; expected 1 to 4096"),
        ({"pixel_format": "Mono9"}, r"pixel_format: found Mono9; expected one of Mono8, .* Did you mean 'Mono8'"),
        ({"exposure": 1e9}, r"exposure: found 1000000000; expected 1 to 10000000"),
        ({"trigger": "Line9"}, "trigger: found Line9; expected one of Software, Line1"),
        ({"features": {"Nonsense": 1}}, r"features\.Nonsense: found a feature that this camera doesn't have"),
        ({"features": {"ReverseX": "maybe"}}, r"features\.ReverseX: found maybe; expected true or false"),
    ],
)
def test_what_the_camera_cant_do_is_refused_by_its_key(opened, settings, text):
    with pytest.raises(SourceError, match=text):
        opened(**settings)


def test_every_mistake_is_told_at_once(opened):
    with pytest.raises(SourceError) as told:
        opened(width=5000, gain=99, trigger="Line9")
    assert [line.split(": ")[1] for line in str(told.value).splitlines()] == ["width", "gain", "trigger"]


@pytest.mark.parametrize("form", ["Mono8", "Mono12", "BGR8Packed", "RGB8Packed", "BayerRG8", "BayerGB12"])
@pytest.mark.parametrize("color", [True, False])
def test_every_pixel_format_arrives_as_eight_bits(opened, form, color):
    camera = opened(pixel_format=form, color=color)
    (shot,) = camera.shots(1)
    grey = form.startswith("Mono") or not color
    assert shot.frame.image.dtype == np.uint8
    assert shot.frame.image.shape == ((48, 64) if grey else (48, 64, 3))
    assert 20 < shot.frame.image.mean() < 235, "a picture, not its low bits"


def test_the_cameras_pictures_arrive_as_they_are(opened, pictures):
    folder, images = pictures
    camera = opened(width=640, height=480, fps=RATE, pixel_format="BGR8Packed", features=showing(folder))
    shots = camera.shots(25)
    which = [next(i for i, image in enumerate(images) if np.array_equal(image, shot.frame.image)) for shot in shots]
    steps = [shot.frame_number - shots[0].frame_number for shot in shots]  # a busy machine may be too slow for one
    assert which == [(which[0] + step) % 20 for step in steps]


@pytest.mark.slow
def test_no_frame_is_lost(opened, pictures):
    """From two cameras at once, as many as DLSTREAM_CAMERA_FRAMES says, of 640x480 in colour."""
    folder, _ = pictures
    size = {"width": 640, "height": 480, "fps": RATE, "pixel_format": "BGR8Packed", "features": showing(folder)}
    both = [opened(serial=serial, **size) for serial in SERIALS]

    def read(camera: Opened) -> tuple[list[int], object]:
        numbers = [shot.frame_number for shot in camera.shots(FRAMES)]
        return numbers, camera.camera.state().lost

    with ThreadPoolExecutor() as pool:
        for numbers, lost in pool.map(read, both):
            assert set(lost) <= {"slow"}, "none is missing, whatever this machine has to do"
            steps = np.diff(numbers)
            assert steps.min() == 1
            assert (steps - 1).sum() <= lost.get("slow", 0)


def test_two_cameras_at_once(opened):
    both = [opened(serial=serial, width=64 + 32 * number) for number, serial in enumerate(SERIALS)]
    assert [camera.format.hardware_id for camera in both] == list(SERIALS)
    assert [camera.shots(20)[-1].frame.image.shape[1] for camera in both] == [64, 96]


def test_failed_buffers_are_counted_apart_from_missing_frames(opened):
    camera = opened()
    camera.pylon.ForceFailedBufferCount.Value = 7
    shots = camera.shots(1)
    camera.pylon.ForceFailedBuffer.Execute()
    while camera.camera.state().lost.get("failed") != 7 or shots[-1].dropped < 7:
        shots += camera.shots(1)
    assert set(camera.camera.state().lost) <= {"failed", "slow"}, "none is missing, whatever this machine has to do"
    told = 0
    while told < 7:
        camera.shots(1)
        while not camera.notices.empty():
            notice = camera.notices.get()
            if notice.values["how"] == "failed":
                assert "it came incomplete (The buffer was incompletely grabbed)" in notice.text
                told += int(notice.values["frames"])
    numbers = [shot.frame_number for shot in shots]
    assert numbers[-1] - numbers[0] == len(shots) - 1 + shots[-1].dropped


def test_a_software_trigger_makes_a_frame_each_and_stamps_it(opened):
    camera = opened(trigger="software", fps=50.0)
    begin = now()
    shots = camera.shots(20)
    stamps = [shot.frame.stamp for shot in shots]
    assert begin - (camera.camera.state().uncertainty or 0) < stamps[0]
    assert stamps == sorted(set(stamps))
    assert stamps[-1] - stamps[0] > 18 * 1e9 / 50, "not faster than asked for"
    assert camera.camera.state().stamp_source == "exposure"
    assert set(camera.camera.state().lost) <= {"slow"}
    assert camera.pylon.TriggerMode.Value == "On"


class LosesOne:
    """A camera of which the next frame never reaches this computer."""

    def __init__(self, camera: pylon.InstantCamera) -> None:
        self._camera, self.lost = camera, False

    def __getattr__(self, name: str) -> object:
        return getattr(self._camera, name)

    def RetrieveResult(self, milliseconds: int, handling: object) -> object:  # noqa: N802
        result = self._camera.RetrieveResult(milliseconds, handling)
        if self.lost or not result.IsValid():
            return result
        self.lost = True
        result.Release()
        return self._camera.RetrieveResult(milliseconds, handling)


def test_a_triggered_frame_that_never_arrives_is_missed_and_the_next_one_triggered(opened):
    camera = opened(trigger="software", fps=20.0)
    camera.shots(2)
    camera.camera._source._reader._connection._camera = LosesOne(camera.pylon)
    shots = camera.shots(1)
    while not shots[-1].dropped:
        shots += camera.shots(1)
    assert len(camera.shots(5)) == 5
    assert camera.camera.state().lost["missed"] == 1


def test_waiting_for_a_trigger_on_a_line_is_a_state(opened):
    camera = opened(trigger="Line1", trigger_edge="falling", silence=0.1)
    assert (camera.format.width, camera.format.height) == (64, 48)
    assert camera.camera.state().waiting == "a trigger on Line1"
    assert (camera.pylon.TriggerSource.Value, camera.pylon.TriggerActivation.Value) == ("Line1", "FallingEdge")
    threading.Timer(1.0, camera.camera.stop).start()
    assert camera.camera.read() is None
    assert camera.camera.state().waiting == "a trigger on Line1"
    assert camera.notices.empty()


def test_a_trigger_that_another_program_left_on_is_switched_off(opened):
    camera = opened(trigger="Line1")
    camera.camera.close()
    assert len(opened().shots(3)) == 3


def test_the_emulation_has_no_clock_so_stamps_are_arrivals(opened):
    camera = opened()
    before = now()
    shots = camera.shots(10)
    assert camera.camera.state().stamp_source == "arrival"
    assert camera.camera.state().uncertainty is None
    assert before - 10**9 < shots[0].frame.stamp < shots[-1].frame.stamp < now()


def test_a_slow_camera_is_not_silent_while_its_next_frame_is_on_its_way():
    settings = BaslerSettings.model_validate({"serial": SERIALS[0], **FAST, "fps": 0.1, "silence": 5.0})
    connection = BaslerCamera(settings, lambda notice: None)
    try:
        assert connection.silence > 5 + 1 / connection.fps >= 15
    finally:
        connection.close()


@pytest.mark.parametrize("end", ["StopGrabbing", "DestroyDevice"])
def test_a_camera_that_is_gone_ends_the_run(opened, end):
    """After these, pylon's read returns at once, without a frame and without an error."""
    camera = opened()
    camera.shots(3)
    getattr(camera.pylon, end)()
    with pytest.raises(SourceError, match="it was stopped"):
        list(iter(camera.camera.read, None))


def test_a_camera_that_is_back_is_taken_up_again_if_the_rig_says_so(opened):
    camera = opened(reconnect=0.2)
    before = camera.shots(3)[-1]
    camera.pylon.DestroyDevice()
    after = camera.shots(30)[-1]
    assert after.frame.sequence > before.frame.sequence
    kinds = [camera.notices.get(timeout=PATIENCE).kind for _ in range(2)]
    assert kinds == ["disconnected", "reconnected"]


def test_connected_cameras_are_listed():
    devices = SOURCES.load("basler").devices()
    assert [(item.source, item.serial, item.interface) for item in devices] == [
        ("basler", serial, "emulation") for serial in SERIALS
    ]
