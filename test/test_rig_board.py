"""Whole rigs whose outputs are pins of a board: the real firmware in the simulator, and its pins' trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from csv import DictReader
from pathlib import Path

import pytest
from rig_tools import RigUnderTest, command, on_while_seen
from simulated_board import SimulatedBoard

from dlstream.rig.file import load_rig
from dlstream.rig.nodes import rig_nodes


@pytest.fixture
def board(tmp_path: Path) -> Iterator[SimulatedBoard]:
    with SimulatedBoard(tmp_path / "trace.txt") as simulated:
        yield simulated


@pytest.fixture
def rig(tmp_path: Path, board: SimulatedBoard) -> Path:
    """Two outputs on one board; the laser is on while the animal is seen."""
    config = Path(__file__).resolve().parents[1] / "config"
    (tmp_path / "experiment.yaml").write_text(on_while_seen("test", 320, 240))
    path = tmp_path / "rig.yaml"
    common = f"type: arduino, port: {board.port}, answer_timeout: 10, commander_timeout: 60, max_command_age: 60"
    common += ", watchdog: 5, max_on: 3600"
    path.write_text(
        "rig: test\npictures: false\n"
        "cameras: {top: {source: synthetic, width: 320, height: 240, queue: 200, fps: 30, seed: 1}}\n"
        f"pose: {{network: {config}/networks/demo_mouse.onnx, scale: 1}}\n"
        f"experiment: {{file: {tmp_path}/experiment.yaml, acknowledgement_timeout: 5, output_timeout: 60,"
        " start_timeout: 300}\n"
        f"outputs:\n  laser: {{{common}, pin: 9}}\n  valve: {{{common}, pin: 8}}\n"
    )
    return path


def test_outputs_of_one_board_run_in_one_process(rig: Path) -> None:
    specs = rig_nodes(load_rig(rig), rig)
    process = next(spec for spec in specs if spec.members)
    assert [member.full_name for member in process.members] == ["/outputs/laser", "/outputs/valve"]
    assert process.full_name == "/outputs/laser_and_valve"
    assert not any(spec.name in ("laser", "valve") for spec in specs)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_the_board_switches_off_when_the_outputs_are_gone_or_hang(
    rig: Path, board: SimulatedBoard, start: Callable[..., RigUnderTest], number: signal.Signals
) -> None:
    running = start("run", "--local", "--status", "0", str(rig))
    on = board.wait_for(9, "1")
    victim = running.host("dlstream_outputs::OutputNode=/outputs/laser")
    os.kill(victim, number)
    board.wait_for(9, "0", on.stamp)
    if number == signal.SIGSTOP:
        os.kill(victim, signal.SIGCONT)
    else:
        assert running.wait() == 1


@pytest.fixture
def rig_with_lever(tmp_path: Path, board: SimulatedBoard) -> Path:
    """The laser is on while the lever is pressed, which closes pin 2 to ground; both are at one board."""
    config = Path(__file__).resolve().parents[1] / "config"
    (tmp_path / "experiment.yaml").write_text(
        "experiment: test\ncamera: top\n"
        "triggers: {pressed: {type: input, input: lever}}\n"
        "protocol:\n  type: region_trials\n"
        '  trials: {on: {trigger: pressed, stimulus: {output: laser, action: "on"}}}\n'
        "  lockout: 0\n  max_hits: 100000\nmax_age: 60\npose_timeout: 60\n"
    )
    path = tmp_path / "rig.yaml"
    path.write_text(
        "rig: test\npictures: false\n"
        "cameras: {top: {source: synthetic, width: 320, height: 240, queue: 200, fps: 30, seed: 1}}\n"
        f"pose: {{network: {config}/networks/demo_mouse.onnx, scale: 1}}\n"
        f"experiment: {{file: {tmp_path}/experiment.yaml, acknowledgement_timeout: 5, output_timeout: 60,"
        " start_timeout: 300}\n"
        f"outputs: {{laser: {{type: arduino, port: {board.port}, pin: 9, answer_timeout: 10, commander_timeout: 60,"
        " max_command_age: 60, watchdog: 5, max_on: 3600}}\n"
        f"inputs: {{lever: {{type: arduino, port: {board.port}, pin: 2, active_high: false}}}}\n"
        f"recorder: {{directory: {tmp_path}/sessions, session: lever, silence: 60, min_free: 0.1, image_depth: 200}}\n"
    )
    return path


def test_a_lever_at_the_board_decides_is_recorded_with_its_time_and_replayed(
    rig_with_lever: Path, board: SimulatedBoard, start: Callable[..., RigUnderTest]
) -> None:
    specs = rig_nodes(load_rig(rig_with_lever), rig_with_lever)
    assert [member.full_name for spec in specs for member in spec.members] == ["/outputs/laser", "/inputs/lever"]
    running = start("run", "--local", "--status", "0", str(rig_with_lever))
    running.saw("experiment_started")
    for _ in range(3):
        after = board.changes(9)[-1].stamp
        board.command("pin 2 0")
        on = board.wait_for(9, "1", after)
        board.command("pin 2 1")
        board.wait_for(9, "0", on.stamp)
    assert running.stop() == 0
    session = rig_with_lever.parent / "sessions" / "lever"
    rows = [
        row
        for row in DictReader((session / "events.csv").read_text().splitlines())
        if row["kind"] in ("input_rose", "input_fell")
    ]
    assert [(row["kind"], row["name"]) for row in rows] == [("input_rose", "lever"), ("input_fell", "lever")] * 3
    driven = [line.split() for line in board.trace.read_text().splitlines() if line.endswith(("in0", "in1"))]
    moved = [words for words in driven if words[2] == "2"][-6:]
    board_us = [int(value["board_us"]) for value in (json.loads(row["values"]) for row in rows)]
    ahead = [float(words[0]) - us for words, us in zip(moved, board_us, strict=True)]
    assert max(ahead) - min(ahead) < 150  # the board's time of each change, and not that of a message
    late = [int(row["stamp_ns"]) - int(words[1]) for row, words in zip(rows, moved, strict=True)]
    assert max(map(abs, late)) < 2e9  # the simulator's clock stands still while a busy machine is elsewhere
    replay = subprocess.run(command("replay", str(session)), capture_output=True, text=True)
    assert "identical" in replay.stdout, replay.stdout + replay.stderr
    assert replay.returncode == 0


def test_an_unplugged_board_ends_a_rig_that_hears_it(
    rig_with_lever: Path, board: SimulatedBoard, start: Callable[..., RigUnderTest]
) -> None:
    running = start("run", "--local", "--status", "0", str(rig_with_lever))
    running.saw("experiment_started")
    board.unplug()
    assert running.wait() == 1
    assert "is it unplugged?" in running.output
