"""What a GenICam camera is asked for and can't do is refused in words, before the run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_gv_camera import only_here
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dlstream_camera.camera import Camera
from dlstream_camera.sources import SOURCES
from dlstream_camera.sources._aravis import Device, list_cameras
from dlstream_camera.sources._genicam_camera import GenicamSetup
from dlstream_camera.sources._genicam_settings import GenicamSettings
from dlstream_common import SourceError

pytestmark = pytest.mark.slow


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
