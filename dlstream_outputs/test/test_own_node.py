"""The node of the page "Add a node": a class of one's own gets arming, watchdog and acknowledgements."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commander import Commander

from dlstream_common.plugins import PartError
from dlstream_msgs.msg import Command
from dlstream_outputs.outputs import Output, OutputKind

LASER = Path(__file__).parents[2] / "docs" / "examples" / "ros" / "laser_node.py"


@pytest.fixture
def laser(observer: Any, wait_for: Callable[..., None]) -> Iterator[tuple[subprocess.Popen[str], Commander]]:
    words = [sys.executable, str(LASER), "--ros-args", "-r", "__node:=screen", "-p", "commander_timeout:=0.5"]
    process = subprocess.Popen([*words, "-p", "max_command_age:=60.0"], stdout=subprocess.PIPE, text=True)
    commander = Commander(observer, wait_for)
    commander.ready()
    yield process, commander
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=300)


def states(process: subprocess.Popen[str]) -> Iterator[str]:
    """What the device does, from now on."""
    assert process.stdout is not None
    return (line.split()[1] for line in iter(process.stdout.readline, "") if line.startswith("laser "))


def test_a_class_of_ones_own_is_armed_acknowledged_and_watched(laser):
    process, commander = laser
    refused = commander.tell("on")
    assert not refused.success
    assert "disarmed output" in refused.message
    assert commander.tell("on", arm=Command.ARM).success
    unknown = commander.tell("blink")
    assert "expected on or off" in unknown.message
    commander.says(on=False)  # nobody sent a heartbeat
    assert "has been silent for" in commander.statuses[-1].reason
    seen = []
    for state in states(process):
        seen.append(state)
        if "on" in seen and state == "off":
            break
    assert seen[0] == "off"
    assert seen.count("on") == 1, "neither the refused command nor the unknown one reached the device"


def test_a_class_that_lacks_a_library_says_which():
    class Valve(Output):
        requires = {"valve_library_of_nobody": "valve-library"}

    with pytest.raises(PartError, match=r"output Valve.*no library valve_library_of_nobody.*pip install valve-library"):
        OutputKind.own(Valve)
