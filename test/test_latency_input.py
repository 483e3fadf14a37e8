"""`dlstream latency` with a photodiode: the real firmware in the simulator, whose light reaches an input late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from rig_tools import CONFIG, RigUnderTest
from simulated_board import SimulatedBoard

RIG = """\
rig: flash
pictures: false
cameras:
  top: {{source: synthetic, width: 320, height: 240, fps: 30}}
pose: {{network: {config}/networks/demo_mouse.onnx, scale: 1}}
outputs:
  laser: {{type: arduino, port: {port}, pin: 9, answer_timeout: 10, commander_timeout: 60, max_command_age: 60,
           watchdog: 5, max_on: 3600}}
  valve: {{type: arduino, port: {port}, pin: 8}}
inputs:
  photodiode: {{type: arduino, port: {port}, pin: 14, above: 0.5}}
  lever: {{type: arduino, port: {port}, pin: 2}}
"""
LAG = 5.0
"""Milliseconds by which the light of this laser is later than its pin."""


@pytest.fixture
def board(tmp_path: Path) -> Iterator[SimulatedBoard]:
    with SimulatedBoard(tmp_path / "trace.txt") as simulated:
        yield simulated


@pytest.fixture
def rig(tmp_path: Path, board: SimulatedBoard) -> Path:
    path = tmp_path / "rig.yaml"
    path.write_text(RIG.format(config=CONFIG, port=board.port))
    return path


def test_a_photodiode_measures_the_light_and_the_whole_loop(
    start: Callable[..., RigUnderTest], rig: Path, board: SimulatedBoard, tmp_path: Path
) -> None:
    board.command(f"wire 9 14 {1000 * LAG:.0f}")
    out = tmp_path / "out"
    words = ("--output", "laser", "--input", "photodiode", "--times", "10", "--out", str(out), "--local")
    run = start("latency", str(rig), *words)
    assert run.wait() == 0, run.output
    table = pd.read_csv(out / "latency.csv")
    assert len(table) == 10
    # Of a flash for which a busy machine kept something back too long there are gaps.
    rows = table[(table[["lit", "dark_again", "applied", "pose"]] > 0).all(axis=1)]
    assert len(rows) >= 5, table.to_string()
    # The figure is that of the light, and not of the pin: both have the board's time, which a busy machine blurs.
    assert ((rows["lit"] - rows["applied"]) / 1e6).median() > 0.8 * LAG
    assert (rows["lit"] < rows["pose"]).all()
    assert (rows["pose"] <= rows["off_sent"]).all(), "a pose decides on the end of the light"
    assert rows["light_to_light_ms"].min() > LAG
    assert "light -> pose -> decision -> light" in run.output
    assert "the stamps are the board's" in run.output
    assert "picture" not in run.output.replace("of a later picture", "")
    assert (out / "latency.png").read_bytes().startswith(b"\x89PNG")
    assert board.level(9) == "0"
    assert board.level(8) == "z", "no other output is touched"


@pytest.mark.parametrize(
    ("wired", "words", "expected"),
    [
        ("adc 14 0", ["--input", "photodiode"], "stays off in a trial flash"),
        ("adc 14 5000", ["--input", "photodiode"], "on before the first flash"),
        ("adc 14 0", ["--input", "photodiod"], "Did you mean 'photodiode'?"),
        ("adc 14 0", ["--input", "photodiode", "--region", "1,2,3,4"], "an input has no picture"),
    ],
)
def test_a_photodiode_without_the_light_is_told(
    start: Callable[..., RigUnderTest], rig: Path, board: SimulatedBoard, tmp_path: Path, wired, words, expected
) -> None:
    board.command(wired)
    rig.write_text("".join(line for line in rig.read_text().splitlines(keepends=True) if "pose:" not in line))
    run = start("latency", str(rig), "--output", "laser", *words, "--out", str(tmp_path / "out"), "--local")
    assert run.wait() == 1, run.output
    assert expected in run.output
    assert "Traceback" not in run.output
