"""`dlstream camera`: what is connected, and whether a camera is good, in words."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from dlstream.cli.camera_trial import show_trial
from dlstream.cli.main import app
from dlstream_camera import SOURCES, source_settings
from dlstream_camera.arena import Arena
from dlstream_camera.sources._v4l import v4l_devices
from dlstream_camera.trial import Trial, try_camera
from dlstream_common import DlstreamError
from dlstream_common.installing import pip_install

os.environ["PYLON_CAMEMU"] = "2"  # before pypylon is loaded
QUICK = ["width=64", "height=64", "fps=50"]


def run(*words: object):
    return CliRunner().invoke(app, ["camera", *map(str, words)], catch_exceptions=True)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def clip(path: Path, images: list[np.ndarray]) -> Path:
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (width, height))
    for image in images:
        writer.write(image)
    writer.release()
    return path


def test_every_connected_camera_is_listed_with_its_serial():
    outcome = run("list")
    assert outcome.exit_code == 0, outcome.output
    lines = [line.split() for line in outcome.output.splitlines()]
    assert ["basler", "0815-0000", "Emulation", "emulation"] in lines
    assert ["basler", "0815-0001", "Emulation", "emulation"] in lines
    assert any(line[0].rstrip(":") == "opencv" for line in lines if line), "listed though there may be none"


def test_a_library_that_is_missing_is_a_line_with_its_package(monkeypatch):
    monkeypatch.setattr(SOURCES.load("basler"), "requires", {"no_such_module": "pypylon"})
    outcome = run("list")
    assert outcome.exit_code == 0, outcome.output
    assert re.search(
        rf"^basler: needs no_such_module: {re.escape(pip_install('pypylon'))}$", outcome.output, re.MULTILINE
    )


def test_cameras_of_linux_are_listed_by_the_name_that_lasts(tmp_path):
    for name, index, model in (("video0", 0, "HD Webcam"), ("video1", 1, "HD Webcam"), ("video2", 0, "Microscope")):
        (tmp_path / "class" / name).mkdir(parents=True)
        (tmp_path / "class" / name / "index").write_text(f"{index}\n")
        (tmp_path / "class" / name / "name").write_text(f"{model}\n")
    (tmp_path / "by-id").mkdir()
    (tmp_path / "by-id" / "usb-HD_Webcam-video-index0").symlink_to("/dev/video0")
    devices = v4l_devices(tmp_path / "class", tmp_path / "by-id")
    assert [(item.serial, item.model, item.interface) for item in devices] == [
        (str(tmp_path / "by-id" / "usb-HD_Webcam-video-index0"), "HD Webcam", "V4L2 /dev/video0"),
        ("/dev/video2", "Microscope", "V4L2 /dev/video2"),
    ]
    assert v4l_devices(tmp_path / "nothing", tmp_path / "nothing") == []


def test_a_good_camera_is_told_in_words_with_a_picture(tmp_path):
    outcome = run("test", "synthetic", *QUICK, "seed=4", "pace=false", "--frames", 40, "--out", tmp_path / "deep")
    assert outcome.exit_code == 0, outcome.output
    for words in ("size       64x64", "frames     40", "lost       none", "stamps     arrival", "good"):
        assert words in outcome.output
    assert re.search(r"interval +mean [\d.]+ ms, SD [\d.]+ ms, 99 % below [\d.]+ ms, longest", outcome.output)
    picture = cv2.imread(str(tmp_path / "deep" / "camera-test_synthetic.png"))
    assert np.array_equal(picture, Arena(64, 64, seed=4, fps=50.0).render(39)[0])


def test_a_camera_is_tried_by_its_serial():
    outcome = run("test", "0815-0001", *QUICK, "exposure=1000", "--frames", 20)
    assert "Basler Emulation" in outcome.output
    assert "exposure   1000" in outcome.output
    assert "50 asked for" in outcome.output
    assert "basler 0815-0001" not in outcome.output
    assert Path("camera-test_basler.png").is_file()


def test_the_time_ends_a_camera_that_waits_for_a_trigger():
    outcome = run("test", "basler", 'serial="0815-0000"', *QUICK, "trigger=Line1", "--seconds", 0.3)
    assert outcome.exit_code == 1, outcome.output
    assert "no frame came: it waits for a trigger on Line1" in outcome.output


def test_as_many_frames_as_asked_for_come_however_long_it_takes():
    outcome = run("test", "synthetic", *QUICK, "--frames", 200, "--seconds", 2)
    assert "frames     200\n" in outcome.output
    assert "of 200 frames came" not in outcome.output


def test_fewer_frames_than_asked_for_are_bad(tmp_path):
    arena = Arena(64, 64, seed=3)
    video = clip(tmp_path / "short.avi", [arena.render(number)[0] for number in range(20)])
    outcome = run("test", "video", f"path={video}", "fps=200", "--frames", 1000)
    assert outcome.exit_code == 1, outcome.output
    assert "bad: 20 of 1000 frames came" in outcome.output
    outcome = run("test", "basler", 'serial="0815-0000"', *QUICK, "trigger=Line1", "--frames", 5, "--seconds", 0.3)
    assert "no frame came: it waits for a trigger on Line1" in outcome.output, "silence ends it"
    enough = threading.Event()
    enough.set()
    trial = try_camera("top", source_settings("synthetic")(), 5.0, 1000, enough)
    assert not any("of 1000 frames came" in problem for problem in trial.problems()), "as Ctrl-C ended it"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["basler", 'serial="17"'], "serial: found '17'; expected one of those connected"),
        (["basler"], "serial: found none, and 2 basler cameras"),
        (["opencv", "device=/dev/nothing"], "found no camera that can be opened"),
    ],
)
def test_a_camera_that_cant_be_opened_is_bad(words, text):
    outcome = run("test", *words, "--seconds", 0.3)
    assert outcome.exit_code == 1
    assert text in outcome.output


def test_a_black_picture_is_bad(tmp_path):
    video = clip(tmp_path / "black.avi", [np.zeros((48, 64, 3), np.uint8)] * 40)
    outcome = run("test", "video", f"path={video}", "fps=200", "--frames", 40)
    assert outcome.exit_code == 1, outcome.output
    assert "a black picture" in outcome.output


def of(stamps: list[int], **changes: object) -> Trial:
    from dlstream_camera.sources import Format, SourceState

    facts: dict[str, object] = {
        "format": Format(64, 48, 100.0, "made up"),
        "asked_fps": 100.0,
        "picture": None,
        "encoding": "bgr8",
        "stamps": tuple(stamps),
        "dropped": 0,
        "state": SourceState(),
        "notices": (),
    }
    return Trial(**{**facts, **changes})


def test_rate_losses_and_stamps_decide():
    from dlstream_camera.sources import SourceState

    even = [number * 10_000_000 for number in range(100)]
    assert of(even).problems() == []
    assert of(even).fps == pytest.approx(100)
    assert of([2 * stamp for stamp in even]).problems() == ["50.0 frames per second came; expected 100"]
    assert of([2 * stamp for stamp in even], asked_fps=0.0).problems() == ["50.0 frames per second came; expected 100"]
    lost = of(even, dropped=5, state=SourceState(lost={"missed": 3}))
    assert lost.lost == {"missed": 3, "unknown": 2}
    assert lost.problems() == ["5 frames were lost"]
    assert of([*even[:50], even[20], *even[51:]]).problems() == ["stamps did not rise from frame to frame"]
    assert of([]).problems() == ["no frame came"]


def test_what_a_camera_was_asked_for_and_did_not_do_is_shown_beside_what_it_has(tmp_path):
    from dlstream_camera.sources._format import Format, Notice, Readback

    settings = (Readback("width", "1280", "640"), Readback("height", "480", "480"), Readback("fourcc", "MJPG", "YUYV"))
    remark = Notice("remark", "camera '0': width: asked for 1280, and the camera set 640")
    trial = of([0, 10_000_000, 20_000_000], format=Format(640, 480, 100.0, "V4L2 0", settings=settings))
    assert "height " not in shown(trial, tmp_path)
    output = shown(replace(trial, notices=(remark,)), tmp_path)
    assert "width      640 (asked: 1280)" in output
    assert "fourcc     YUYV (asked: MJPG)" in output
    assert "bad: camera '0': width: asked for 1280" in output


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        ([], "stamps     exposure: the camera's own time of the exposure"),
        ([("trigger", "software", "Software")], "stamps     exposure: this computer's time of the trigger"),
    ],
    ids=["free", "software trigger"],
)
def test_what_the_stamps_are_is_told(tmp_path, trigger, told):
    from dlstream_camera.sources._format import Format, Readback, SourceState

    form = Format(64, 48, 100.0, "made up", settings=tuple(Readback(*words) for words in trigger))
    trial = of([0, 10_000_000], format=form, state=SourceState(stamp_source="exposure"))
    assert told in shown(trial, tmp_path)


def shown(trial: Trial, out: Path) -> str:
    """What is printed of it."""
    console = Console(file=io.StringIO(), width=200)
    show_trial("top", trial, out, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


RIG = """\
rig: trial
cameras:
  top: {source: synthetic, width: 64, height: 64, fps: 100, pace: false}
  side: {source: synthetic, width: 96, height: 64, fps: 100, pace: false}
  other: {source: topic}
pose: {network: there_is_none_yet.onnx}
"""


def test_all_cameras_of_a_rig_are_tried_whatever_else_is_in_it(tmp_path):
    rig = tmp_path / "rig.yaml"
    rig.write_text(RIG)
    outcome = run("test", rig, "--frames", 10)
    assert outcome.exit_code == 0, outcome.output
    assert "64x64" in outcome.output
    assert "96x64" in outcome.output
    assert "other: its frames come from another node" in outcome.output
    only = run("test", rig, "--frames", 10, "--camera", "side")
    assert only.exit_code == 0
    assert "64x64" not in only.output
    wrong = run("test", rig, "--camera", "syde")
    assert isinstance(wrong.exception, DlstreamError)
    assert "Did you mean 'side'?" in str(wrong.exception)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["basle"], "Did you mean 'basler'?"),
        (["synthetic", "fps"], "found 'fps'; expected KEY=VALUE"),
        (["synthetic", "fps=fast"], "command line: fps: found 'fast'; expected a number"),
        (["synthetic", "fsp=3"], "Did you mean 'fps'?"),
        (["synthetic", "crop=[0, 0, 5000, 10]"], "command line: crop: found x=0 y=0 5000x10"),
        (["nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_mistakes_on_the_command_line(words, text):
    outcome = run("test", *words)
    assert isinstance(outcome.exception, DlstreamError), outcome.output
    assert text in str(outcome.exception)


def test_ctrl_c_ends_a_long_test_and_what_was_read_is_told():
    words = [sys.executable, "-m", "dlstream", "camera", "test", "synthetic", *QUICK, "--seconds", "3000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        assert "reading for 3000 s" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=60)[0]
    assert "ended by Ctrl-C; what was read until then:" in output
    assert "synthetic\n" in output, output
    assert "Traceback" not in output
