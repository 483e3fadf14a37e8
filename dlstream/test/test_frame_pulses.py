"""What is tried on cameras that wait for pulses: the rig's own frame trigger makes them, and no wait is without end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from simulated_board import SimulatedBoard, wait_until
from typer.testing import CliRunner

from dlstream.bench.network import try_network
from dlstream.bench.pulses import frame_pulses
from dlstream.cli.main import app
from dlstream.rig.file import load_rig
from dlstream.rig.sections import frame_triggers
from dlstream_common import DlstreamError
from dlstream_outputs.outputs.frame_trigger import FrameTriggerSettings

os.environ["PYLON_CAMEMU"] = "2"  # before pypylon is loaded
NETWORK = Path(__file__).parents[2] / "config" / "networks" / "demo_mouse.onnx"
SYNTHETIC = "source: synthetic, width: 320, height: 240, fps: 100, pace: false"
BASLER = 'source: basler, serial: "0815-0000", width: 64, height: 64, fps: 50, trigger: Line1'
RIG = """\
rig: pulses
cameras: {{top: {{source: synthetic, width: 320, height: 240, fps: 100, pace: false}}}}
pose: {{network: {network}, scale: 1}}
outputs:
  clock: {{type: frame_trigger, port: {port}, pin: 4, rate: 50, width: 2, also_commanded_by: [panel]}}
{more}"""


class Waiting:
    """What is asked of the settings of a camera that waits."""

    waits_for = "a trigger on Line1"


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SimulatedBoard]:
    monkeypatch.setattr("dlstream_outputs.board.board.HANDSHAKE", 60.0)
    monkeypatch.setattr("dlstream_outputs.board.board.SILENCE", 60.0)
    with SimulatedBoard(tmp_path / "trace.txt") as simulated:
        yield simulated


def rig(folder: Path, port: str, more: str = "") -> Path:
    path = folder / "rig.yaml"
    path.write_text(RIG.format(network=NETWORK, port=port, more=more))
    return path


def test_pulses_last_as_long_as_they_are_needed(tmp_path, board):
    triggers = frame_triggers(load_rig(rig(tmp_path, board.port)))
    with frame_pulses(triggers, [Waiting()], pytest.fail):
        wait_until(lambda: len(board.changes(4)) > 300, "three seconds of pulses, longer than the board's watchdog")
    rises = [change.us for change in board.changes(4) if change.level == "1"]
    assert [b - a for a, b in pairwise(rises)] == pytest.approx([20_000] * (len(rises) - 1), abs=20), "without a gap"
    assert board.level(4) == "0"


def test_a_camera_test_starts_the_pulses_that_a_camera_waits_for(tmp_path, board):
    """Whatever else stands in the rig file. The emulated camera has no wire to the board: it gets none of them."""
    file = rig(tmp_path, board.port, "  lamp: {type: not_installed}\n")
    text = file.read_text()
    assert SYNTHETIC in text
    file.write_text(text.replace(SYNTHETIC, BASLER))
    outcome = CliRunner().invoke(app, ["camera", "test", str(file), "--seconds", "2", "--out", str(tmp_path)])
    assert outcome.exit_code == 1, outcome.output
    assert any(change.level == "1" for change in board.changes(4))
    assert board.level(4) == "0"


@pytest.mark.parametrize("command", ["camera", "network"])
def test_a_camera_that_waits_for_no_pulse_is_tried_without_its_board(tmp_path, command):
    file = rig(tmp_path, "/dev/ttyNO")
    outcome = CliRunner().invoke(app, [command, "test", str(file), "--frames", "10", "--out", str(tmp_path)])
    assert outcome.exit_code == 0, outcome.output
    assert "clock" not in outcome.output


def test_a_trigger_that_cant_be_opened_is_named():
    told: list[str] = []
    with frame_pulses({"clock": FrameTriggerSettings(port="/dev/ttyNO", pin=4, rate=50)}, [Waiting()], told.append):
        pass
    assert told[0].startswith("output 'clock', which triggers the cameras: port: /dev/ttyNO")


def test_a_network_is_not_tried_for_ever_on_a_camera_that_nobody_triggers(tmp_path):
    file = tmp_path / "rig.yaml"
    file.write_text(f"rig: waits\ncameras: {{top: {{{BASLER}}}}}\npose: {{network: {NETWORK}, scale: 1}}\n")
    with pytest.raises(DlstreamError, match=r"gave no frame within 0\.3 s: it waits for a trigger on Line1, and none"):
        list(try_network(load_rig(file), 5, None, patience=0.3))
