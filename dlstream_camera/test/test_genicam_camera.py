"""GenICam cameras, on Aravis's own GigE Vision camera, which streams over this computer's loopback."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from fake_gv_camera import FakeCamera, only_here
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dlstream_camera.camera import Camera, Shot
from dlstream_camera.sources import SOURCES, Notice
from dlstream_camera.sources._aravis import Device, list_cameras
from dlstream_camera.sources._genicam_camera import GenicamSetup
from dlstream_camera.sources._genicam_settings import GenicamSettings
from dlstream_common import SourceError, now

FRAMES = int(os.environ.get("DLSTREAM_CAMERA_FRAMES", "300"))
"""Frames of the test of losses; 2000 for the figure in the documentation."""
SMALL = {"width": 320, "height": 240}


@pytest.fixture
def fake() -> Iterator[FakeCamera]:
    with only_here():
        camera = FakeCamera("GV81")
        yield camera
        camera.kill()


class Watched:
    """An open camera with what it tells."""

    def __init__(self, **keys: object) -> None:
        self.notices: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self.camera = Camera("top", GenicamSettings.model_validate({**SMALL, **keys}), self.notices.put)
        self.format = self.camera.open()
        self.settings = {item.key: item.found for item in self.format.settings}

    def notice(self, kind: str, reads: bool = False) -> Notice:
        """The next one of that kind; `reads`: while frames are read on."""
        while True:
            while reads and self.notices.empty():
                self.camera.read()
            notice = self.notices.get()
            if notice.kind == kind:
                return notice

    def shots(self, count: int) -> list[Shot]:
        return [self.camera.read() for _ in range(count)]


@pytest.fixture
def watch() -> Iterator[object]:
    opened: list[Watched] = []

    def make(**keys: object) -> Watched:
        opened.append(Watched(**keys))
        return opened[-1]

    yield make
    for one in opened:
        one.camera.close()


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


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"pixel_format": "Mono12"}, "pixel_format: found Mono12; expected one of BayerBG8, .* Did you mean 'Mono16'"),
        ({"width": 5000}, "width: found 5000; expected 1 to 2048"),
        ({"offset_y": 3000}, "offset_y: found 3000; expected 0 to 2048"),
        ({"exposure": 2}, "exposure: found 2; expected 10 to 10000000"),
        ({"exposure": 20.9}, r"exposure: asked for 20.9, but the camera made 20 of it \(ExposureTimeAbs\)"),
        ({"exposure": "auto"}, "exposure: found auto; expected a number: this camera has no automatic exposure"),
        ({"gain": 2.5}, "gain: found 2.5; expected a whole number, as this camera's GainRaw is"),
        ({"gain": 11}, "gain: found 11; expected 0 to 10"),
        ({"fps": 5000}, "fps: found 5000; expected 0.1 to 1000"),
        (
            {"trigger": "Line0", "trigger_edge": "falling"},
            "trigger_edge: found FallingEdge; expected one of RisingEdge",
        ),
        ({"trigger": "Line9"}, "trigger: found Line9; expected one of Line0, Software. Did you mean 'Line0'"),
        ({"packet_size": 1001}, "packet_size: found 1001; expected 0 to 65535 in steps of 4"),
        ({"features": {"GainAuto": "Of"}}, "features.GainAuto: found Of; expected one of Continuous, Off, Once"),
        ({"features": {"Gamma": 1}}, "features.Gamma: found a feature that this camera doesn't have"),
        ({"features": {"DeviceID": "me"}}, "features.DeviceID: found me; .* It says: .*read only"),
        ({"features": {"BinningVertical": 1.5}}, "features.BinningVertical: found 1.5; .* of type integer"),
        ({"features": {"TestBoolean": 2}}, "features.TestBoolean: found 2; expected true or false"),
        ({"features": {"Width": 10**400}}, r"features.Width: found 10{76}\.\.\.; expected 1 to 2048"),
        ({"features": {"TriggerSoftware": 1}}, "features.TriggerSoftware: found 1; expected true"),
    ],
    ids=str,
)
def test_what_the_camera_cannot_do_is_refused(fake, watch, keys, told):
    with pytest.raises(SourceError, match=f"camera 'GV81': {told}"):
        watch(**keys)


def test_all_that_is_wrong_is_told_at_once(fake, watch):
    with pytest.raises(SourceError) as caught:
        watch(width=5000, exposure=2, gain=11, features={"Gamma": 1})
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"exposure": "car"}, "at least 0.001, or auto"),
        ({"exposure": "nan"}, "at least 0.001, or auto"),
        ({"exposure": -5}, "at least 0.001, or auto"),
        ({"features": {"Two Words": 1}}, "GenICam names"),
        ({"features": {"Gamma": [1]}}, "a number, true, false or a text"),
        ({"features": ["Gamma"]}, "one of them is 'Gamma'"),
        ({"trigger_edge": "up"}, "rising"),
        ({"trigger": "line 1"}, "pattern"),
    ],
    ids=str,
)
def test_what_no_camera_can_do_is_refused_without_one(keys, told):
    with pytest.raises(ValidationError, match=told):
        GenicamSettings.model_validate(keys)


def test_a_software_trigger_needs_a_rate():
    problems = GenicamSettings(trigger="software").check()
    assert [problem.place for problem in problems] == [("fps",)]
    assert not GenicamSettings(trigger="software", fps=10).check()


def test_a_pixel_format_that_dlstream_cannot_read_is_refused_without_a_camera():
    [problem] = GenicamSettings(pixel_format="Mono12p").check()
    assert problem.place == ("pixel_format",)
    assert "Did you mean 'Mono12'" in problem.suggestion


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


def test_the_next_run_without_a_trigger_is_free_again(fake, watch):
    watch(trigger="Line0").camera.close()
    assert watch(fps=50).shots(3)[-1].dropped == 0


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


def test_a_wrong_serial_number_names_the_cameras_there(fake, watch):
    with pytest.raises(SourceError, match=r"found 'GV8'; expected .*GV81 \(Aravis Fake\).* Did you mean 'GV81'"):
        watch(serial="GV8")


def test_of_two_cameras_one_must_be_named(fake, watch):
    with fake.twin("GV82"):
        with pytest.raises(SourceError, match=r"2 genicam cameras; expected one of GV81 .*GV82"):
            watch()
        assert len(watch(serial="GV81", fps=50).shots(2)) == 2
        one, other = SOURCES["genicam"].devices()
        assert (one.serial, one.model, one.interface) == ("GV81", "Aravis Fake", "GigE 127.0.0.1")
        assert other.serial == "GV82"


def test_no_camera_at_all_says_where_to_look(watch):
    with only_here(), pytest.raises(SourceError, match=r"no GigE Vision or USB3 Vision camera answers.*Is it on"):
        watch()


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


def test_without_the_library_the_part_says_what_to_install(monkeypatch):
    monkeypatch.setattr("dlstream_camera.sources.genicam.is_installed", lambda: False)
    with pytest.raises(Exception, match=r"no library libaravis-0.8.so.0 .*apt install libaravis-0.8-0"):
        Camera("top", GenicamSettings())


NAMES = [
    "Width",
    "Height",
    "OffsetX",
    "PixelFormat",
    "AcquisitionMode",
    "AcquisitionFrameRate",
    "TriggerSelector",
    "TriggerMode",
    "TriggerSource",
    "TriggerSoftware",
    "AcquisitionStop",
    "ExposureTimeAbs",
    "GainRaw",
    "GainAuto",
    "PayloadSize",
    "TestBoolean",
    "DeviceID",
    "Root",
    "Device",
    "TLParamsLocked",
    "BinningHorizontal",
    "StructEntry_0_15",
    "WidthRegister",
    "ArvGevSCPHostPort",
]
WORDS = ["Off", "On", "true", "0x10", "1e400", "Mono16", "Line0", "Software"]
NAME = st.one_of(st.sampled_from(NAMES), st.from_regex(r"[A-Za-z]\w{0,40}", fullmatch=True))
VALUE = st.one_of(st.integers(), st.floats(), st.booleans(), st.text(max_size=300), st.sampled_from(WORDS))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=200)
@given(
    features=st.dictionaries(NAME, VALUE),
    keys=st.fixed_dictionaries(
        {},
        optional={
            "width": st.integers(0, 20000),
            "height": st.integers(0, 20000),
            "offset_x": st.integers(0, 100000),
            "fps": st.floats(0, 10000),
            "exposure": st.one_of(st.just("auto"), st.floats(1e-3, 1e300)),
            "gain": st.one_of(st.just("auto"), st.floats(-100, 1e300)),
            "trigger": st.from_regex(r"[A-Za-z]\w{0,10}", fullmatch=True),
            "packet_size": st.integers(0, 65535),
        },
    ),
)
def test_whatever_is_asked_for_is_done_or_refused_in_words(random_device, features, keys):
    try:
        wanted = GenicamSettings.model_validate({"features": features, **keys})
    except ValidationError:
        return
    setup = GenicamSetup(random_device, wanted)
    setup.run()
    assert all(": " in problem and problem.isprintable() for problem in setup.problems)
    if not setup.problems:
        assert all(random_device.kind(name) is not None for name in features)
        if keys.get("width"):
            assert random_device.get("Width") == keys["width"]


@pytest.fixture
def random_device(fake) -> Iterator[Device]:
    device = Device(list_cameras()[0])
    yield device
    assert device.is_controlled(), "the camera was not taken away by what was set"
    device.close()
