"""GenICam cameras, on Aravis's own GigE Vision camera, which streams over this computer's loopback."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from fake_gv_camera import FakeCamera, only_here
from genicam_tools import SMALL, Watched

from dlstream_camera.sources._aravis_stream import Buffer
from dlstream_camera.sources._genicam_camera import GenicamCamera
from dlstream_camera.sources._genicam_settings import GenicamSettings
from dlstream_common import SourceError, now

pytestmark = pytest.mark.slow

FRAMES = int(os.environ.get("DLSTREAM_CAMERA_FRAMES", "300"))
"""Frames of the test of losses; 2000 for the figure in the documentation."""


def connection(watched: Watched) -> GenicamCamera:
    """What the camera's thread reads."""
    return watched.camera._source._reader._connection


def test_no_frame_is_lost_and_each_is_stamped_by_the_camera(fake, watch):
    watched = watch(fps=50, width=160, height=120)  # small: a stock kernel then holds some frames while we have no core
    shots = watched.shots(FRAMES)
    numbers = [shot.frame_number for shot in shots]
    assert numbers == list(range(numbers[0], numbers[0] + FRAMES)), "the camera's own numbers have no gap"
    before = shots[0].dropped  # a busy machine may miss packets of the very first frame, and says so
    assert before <= numbers[0] - 1
    assert shots[-1].dropped == before, "none once they come"
    assert watched.notices.qsize() == before
    state = watched.camera.state()
    assert state.stamp_source == "device"
    assert not state.lost
    stamps = np.array([shot.frame.stamp for shot in shots])
    assert np.median(np.diff(stamps)) == pytest.approx(20e6, abs=1e6), "steady, as the camera's clock is"
    assert now() >= stamps[-1]
    assert watched.format.fps == 50
    assert watched.format.hardware_id == "GV81"


@pytest.mark.parametrize("form", ["Mono8", "Mono16", "RGB8", "BayerGB8", "BayerGR8"])
def test_pixel_formats(fake, watch, form):
    watched = watch(pixel_format=form, fps=50)
    image = watched.shots(2)[-1].frame.image
    assert watched.settings["pixel_format"] == form
    if form.startswith("Mono"):  # a diagonal ramp: each pixel is one grey level above its left neighbour
        assert image.shape == (240, 320)
        steps = np.diff(image.astype(int), axis=1)
        assert set(np.unique(steps)) <= {1, -255, -254}
        assert np.array_equal(image[1:, :-1], image[:-1, 1:])
    else:  # the ramp in colours from blue over green to red
        assert image.shape == (240, 320, 3)
        blue, green, red = (image[..., channel].astype(int) for channel in range(3))
        assert (blue > red + 100).any()
        assert (red > blue + 100).any()
        assert (green > 200).any()
        place = np.argmax(blue - red)
        assert np.median(np.abs(image.reshape(-1, 3)[place : place + 8] - image.reshape(-1, 3)[place])) < 40
    told = [] if watched.notices.empty() else [watched.notices.get().text]
    assert any("upper 8 of 16 bits" in text for text in told) == (form == "Mono16")


def test_bayer_and_rgb_show_the_same_colours(fake, watch):
    means = {}
    for form in ("RGB8", "BayerGB8", "BayerGR8"):
        watched = watch(pixel_format=form, fps=50)
        # the ramp runs: whole turns of it have the same mean colour in every frame
        means[form] = watched.shots(1)[0].frame.image[:, :255].reshape(-1, 3).mean(axis=0)
        watched.camera.close()
    assert np.allclose(means["BayerGB8"], means["RGB8"], atol=2)
    assert np.allclose(means["BayerGR8"], means["RGB8"], atol=2)


def test_what_is_asked_for_is_set_and_read_back(fake, watch):
    watched = watch(
        width=200,
        height=100,
        offset_x=40,
        offset_y=20,
        fps=40,
        exposure=1500,
        gain=2,
        packet_size=1000,
        features={"BinningHorizontal": 2, "TriggerActivation": "RisingEdge", "TestBoolean": True},
    )
    assert (watched.format.width, watched.format.height, watched.format.fps) == (200, 100, 40)
    assert watched.shots(1)[0].frame.image.shape == (100, 200)
    expected = {
        "width": "200",
        "height": "100",
        "offset_x": "40",
        "offset_y": "20",
        "fps": "40",
        "exposure": "1500",
        "gain": "2",
        "packet_size": "1000",
        "features.BinningHorizontal": "2",
        "features.TestBoolean": "true",
        "pixel_format": "Mono8",
    }
    assert {key: watched.settings[key] for key in expected} == expected
    assert not [item for item in watched.format.settings if item.differs]


def test_automatic_gain_is_asked_for_by_its_name(fake, watch):
    assert watch(gain="auto").settings["gain"] == "Continuous"


def test_dlstream_triggers_a_camera_that_waits_for_it(fake, watch):
    watched = watch(trigger="software", fps=10)
    assert watched.settings["trigger"] == "Software"
    shots = watched.shots(15)
    assert np.median(np.diff([shot.frame.stamp for shot in shots])) == pytest.approx(100e6, abs=45e6), "its poll: 25 Hz"
    assert shots[-1].dropped == 0


def test_a_camera_that_waits_for_a_trigger_says_so_and_is_not_lost(fake, watch, wait_for):
    watched = watch(trigger="Line0", trigger_edge="rising", silence=0.2, fps=30)
    assert watched.settings["TriggerMode"] == "On"
    assert watched.settings["trigger_edge"] == "RisingEdge"
    assert (watched.format.width, watched.format.height) == (320, 240)
    wait_for(lambda: watched.camera.state().waiting == "a trigger on Line0", "the state")
    assert watched.notices.empty()


def test_a_usb_camera_that_waits_for_a_trigger_is_asked_whether_it_is_there(fake, watch):
    """Aravis watches GigE cameras by itself; here it is not to be believed, as for USB."""
    watched = watch(trigger="Line0", silence=0.2)
    device = connection(watched)._device
    device.is_gige = False
    assert device.is_controlled()
    threading.Timer(1.0, watched.camera.stop).start()
    assert watched.camera.read() is None, "it answers: no error, however long it waits"
    fake.kill()
    assert device.is_controlled()
    with pytest.raises(SourceError, match=r"it no longer answers \(.*\)\. Is its cable loose"):
        watched.camera.read()


def test_the_next_run_without_a_trigger_is_free_again(fake, watch):
    watch(trigger="Line0").camera.close()
    assert len(watch(fps=50).shots(3)) == 3


def test_incomplete_frames_are_counted_and_told(watch):
    with only_here():
        fake = FakeCamera("GV81", "-r", "5")  # of 1000 packets
        try:
            watched = watch(fps=50)
            notice = watched.notice("frames_lost", reads=True)
            assert "it came incomplete (packets of it are missing)" in notice.text
            assert notice.values["how"] == "failed"
            shots = watched.shots(100)
            gaps = int(np.sum(np.diff([shot.frame_number for shot in shots]) - 1))
            assert gaps == shots[-1].dropped - shots[0].dropped
            assert watched.camera.state().lost["failed"] >= gaps > 0
            watched.camera.close()
        finally:
            fake.kill()


def test_a_camera_that_sends_only_incomplete_frames_is_refused(watch):
    with only_here():
        fake = FakeCamera("GV81", "-r", "700")
        try:
            with pytest.raises(SourceError, match=r"found no image .*packets of it are missing"):
                watch(fps=50, silence=1.0)
        finally:
            fake.kill()


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (Buffer(np.empty(0, np.uint8), "packets of it are missing"), "packets of it are missing"),
        (Buffer(np.zeros(7, np.uint8), "", 0, 320, 240), "it has 7 bytes"),
    ],
    ids=["incomplete", "too small"],
)
def test_a_camera_that_sends_only_unusable_frames_from_then_on_is_lost(fake, watch, frame, why):
    watched = watch(fps=50, silence=0.5)
    watched.shots(5)
    count = itertools.count()

    def pop(seconds: float) -> Buffer:
        threading.Event().wait(0.02)
        assert next(count) < 500, "it goes on for ever"
        return frame

    connection(watched)._stream.pop = pop
    with pytest.raises(SourceError, match=rf"only frames that can't be used for [0-9.]+ s \({why}.*`reconnect: 2`"):
        list(iter(watched.camera.read, None))
    assert watched.camera.state().lost["failed"] > 10, "each is counted"


def test_a_camera_that_sends_nothing_and_no_error_is_refused(watch):
    """As where a firewall takes all its packets."""
    with only_here():
        fake = FakeCamera("GV81", "-r", "1000")
        try:
            with pytest.raises(SourceError, match=r"it answers, but sent no whole frame for .* firewall"):
                watch(fps=50, silence=0.2)
        finally:
            fake.kill()


def test_a_lost_camera_ends_the_run_and_says_why(fake, watch):
    watched = watch(fps=50, silence=1.0)
    watched.shots(10)
    fake.kill()
    with pytest.raises(SourceError, match=r"(sent no whole frame|no longer answers).* With `reconnect: 2`"):
        watched.shots(1000)


def test_a_slow_camera_is_stopped_whenever_it_is_closed(fake, monkeypatch):
    camera = GenicamCamera(GenicamSettings(fps=1, **SMALL), lambda notice: None)
    while camera.read() is None:
        pass
    asked: list[str] = []
    do = camera._device.do
    monkeypatch.setattr(camera._device, "do", lambda name, *rest: (asked.append(name), do(name, *rest))[1])
    camera._heard -= 0.7  # as if closed in the middle between two frames
    camera.close()
    assert asked == ["stop_acquisition"]


def test_a_camera_that_comes_back_is_set_up_again_and_goes_on(fake, watch):
    watched = watch(fps=50, exposure=1234, silence=1.0, reconnect=0.2)
    before = watched.shots(10)[-1]
    fake.kill()
    gone = watched.notice("disconnected")
    assert "Is its cable loose" in gone.text
    fake.start()
    assert watched.notice("reconnected").text.startswith("camera 'genicam': reconnected after")
    after = watched.shots(10)
    assert after[-1].frame.image.shape == (240, 320), "a camera that was off has forgotten its settings"
    assert after[0].frame.sequence > before.frame.sequence
    assert after[0].frame_number > before.frame_number
    assert after[0].frame.stamp > before.frame.stamp


HOLD = """
import sys
from dlstream_camera.sources._aravis import Device, list_cameras
device = Device(list_cameras()[0])
print(device.is_controlled(), flush=True)
sys.stdin.read()
"""


def test_a_camera_of_another_program_is_refused(fake, watch):
    other = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdin is not None
    assert other.stdout is not None
    with other:
        assert other.stdout.readline() == "True\n"
        with pytest.raises(SourceError, match="controlled by another program; expected it free"):
            watch()
        other.stdin.close()
