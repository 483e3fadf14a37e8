"""What a RealSense camera can be asked for, which of them go together, and what is missing without its library."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("pyrealsense2", reason="pyrealsense2 is not installed (make devices)")
from realsense_recording import color, depth, record
from realsense_tools import settings

from dlstream_camera.sources._realsense_stream import StreamRequest
from dlstream_common.installing import pip_install


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


def test_a_recording_is_as_it_was_made(tmp_path):
    recording = record(tmp_path / "a.db3", 3, (depth(),))
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


def test_without_the_library_only_this_source_is_missing(tmp_path):
    recording = record(tmp_path / "a.db3", 3, (color(),))
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
        f"{pip_install('pyrealsense2')}\n"
    )
