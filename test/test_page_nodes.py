"""The node that the page "Add a node" shows takes the place of an output in a real rig."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from csv import DictReader
from itertools import groupby, islice
from pathlib import Path

import pytest
from rig_tools import CONFIG, EXPERIMENT, RIG, RigUnderTest, told

LASER = Path(__file__).resolve().parents[1] / "docs" / "examples" / "ros" / "laser_node.py"


@pytest.fixture
def laser() -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, str(LASER), "--ros-args", "-p", "commander_timeout:=60.0", "-p", "max_command_age:=60.0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    yield process
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    assert process.stdout is not None
    process.stdout.close()


def test_the_laser_of_the_page_carries_out_and_acknowledges(
    laser: subprocess.Popen[str], start: Callable[..., RigUnderTest], write_rig: Callable[..., Path]
):
    screen = RIG[RIG.index("  screen:") : RIG.index("recorder:")].format(config=CONFIG)
    path = write_rig((screen, "  laser: {type: topic}\n"))
    text = EXPERIMENT
    for side in ("left", "right"):
        shown = f"{{output: screen, action: show, values: {{image: {side}}}}}"
        assert shown in text
        text = text.replace(shown, "{output: laser, action: 'on'}")
    (path.parent / "experiment.yaml").write_text(text)
    rig = start("run", str(path))
    told(rig, "acknowledgement", "on")
    assert rig.stop() == 0, rig.output
    with (rig.session / "events.csv").open(encoding="utf-8", newline="") as file:
        answers = [row for row in DictReader(file) if row["kind"] == "acknowledgement"]
    assert {row["action"] for row in answers} == {"on", "off"}
    assert all(row["success"] == "true" for row in answers)
    states = (state for state, _ in groupby(lines(laser)))
    assert list(islice(states, 3)) == ["laser off", "laser on", "laser off"]


def test_the_laser_of_the_page_is_short() -> None:
    assert len(LASER.read_text().splitlines()) <= 40


def lines(node: subprocess.Popen[str]) -> Iterator[str]:
    """What a node prints as its device, and not as its log."""
    assert node.stdout is not None
    return (line.rstrip() for line in iter(node.stdout.readline, "") if line.startswith("laser "))
