"""`dlstream check --devices` with real sources and outputs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from simulated_board import SimulatedBoard, be_patient

from dlstream.cli.main import main
from dlstream.rig.check import checked_rig
from dlstream.rig.devices import try_devices
from dlstream.run.registry import RunningRig, announced, find_rig, running_rigs

CONFIG = Path(__file__).resolve().parents[2] / "config"
RIG = """\
rig: bench
cameras:
  top: {source: synthetic, width: 320, height: 240, fps: 60}
  side: {source: opencv, device: /dev/video99}
  other: {source: topic}
outputs:
  log: {type: log}
  screen: {type: screen, offscreen: true, images: {left: IMAGE}}
  valve: {type: topic}
recorder: {directory: sessions}
"""


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def write(*changes: tuple[str, str]) -> Path:
        text = RIG.replace("IMAGE", str(CONFIG / "images" / "stripes.png"))
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "rig.yaml"
        path.write_text(text)
        return path

    return write


NO_SIDE = ("  side: {source: opencv, device: /dev/video99}\n", "")


def check(path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["dlstream", "check", str(path), "--devices"])
    return main()


def test_each_device_is_opened_and_told(rig, monkeypatch, capsys):
    assert check(rig(), monkeypatch) == 1
    said = capsys.readouterr().out
    assert re.search(r"camera top +synthetic arena, seed 0: 320x240, 15 frames at [\d.]+ a second", said), said
    assert "camera side              does not work:" in said
    assert "/dev/video99" in said
    assert "camera other             run by somebody else's node" in said
    assert "output screen            opened" in said
    assert "switched off, closed" in said
    assert "1 device does not work." in said
    assert check(rig(NO_SIDE), monkeypatch) == 0


def test_a_camera_without_a_frame_and_one_that_hangs_are_told(rig, monkeypatch, wait_for):
    from dlstream_camera.sources.synthetic import SyntheticSource

    path = rig(NO_SIDE)
    checked, _ = checked_rig(path)
    monkeypatch.setattr(SyntheticSource, "read", lambda self: None)

    def problem() -> str:
        return next(found for found in try_devices(checked, timeout=0.5) if found.name == "top").problem

    # A busy machine may not even open it in that time.
    wait_for(lambda: "opened, but no frame came" in problem(), "what is said of a camera without a frame")
    monkeypatch.setattr(SyntheticSource, "open", lambda self: __import__("threading").Event().wait())
    top = next(found for found in try_devices(checked, timeout=0.2) if found.name == "top")
    assert top.problem == "it did not answer within 0.4 s"


def test_devices_of_a_running_rig_are_left_alone(rig, monkeypatch, capsys):
    path = rig(NO_SIDE)
    checked, file = checked_rig(path)
    with announced(RunningRig.of(checked, file, 1)):
        assert find_rig("bench").outputs == ("log", "screen", "valve")
        assert check(path, monkeypatch) == 1
    assert "is running from this file" in capsys.readouterr().out
    assert running_rigs() == []


def test_inputs_of_a_board_are_read_once(tmp_path, monkeypatch):
    be_patient(monkeypatch)
    path = tmp_path / "rig.yaml"
    with SimulatedBoard(tmp_path / "trace.txt") as board:
        path.write_text(
            "rig: bench\ncameras: {top: {source: topic}}\n"
            f"inputs: {{lever: {{type: arduino, port: {board.port}, pin: 2}}, spare: {{port: /dev/ttyNO, pin: 3}}}}\n"
        )
        found = {item.name: item for item in try_devices(checked_rig(path)[0])}
    assert re.fullmatch(r"opened atmega328p at .*, pin 2, which is on, closed", found["lever"].text)
    assert "/dev/ttyNO is not there" in found["spare"].problem


def test_a_frame_trigger_is_opened_without_a_pulse(tmp_path, monkeypatch):
    """What is at its pin may be more than a camera: a lamp, a laser in step with the frames."""
    monkeypatch.setattr("dlstream_outputs.board.board.HANDSHAKE", 60.0)
    path = tmp_path / "rig.yaml"
    with SimulatedBoard(tmp_path / "trace.txt") as board:
        path.write_text(
            "rig: bench\ncameras: {top: {source: topic}}\n"
            f"outputs: {{clock: {{type: frame_trigger, port: {board.port}, pin: 4, rate: 1000, width: 0.5}}}}\n"
        )
        [found] = [item for item in try_devices(checked_rig(path)[0]) if item.what == "output"]
        assert {change.level for change in board.changes(4)} <= {"0", "z"}
    assert re.fullmatch(r"opened atmega328p at .*, pin 4, without a pulse, closed", found.text), found
    assert not found.problem
