"""A device that fails at a command: nobody knows then what it does, so it is switched off, told, and not left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commander import Commander

from dlstream_msgs.msg import Command

NERVOUS = '''
import json, sys
from pathlib import Path
from dlstream_common import now
from dlstream_outputs import Level, On, Output, OutputError, OutputSettings
from dlstream_outputs.own_node import run_output

STATE, FAILING = Path(sys.argv[1]), Path(sys.argv[2])


class NervousSettings(OutputSettings):
    actions = (On, Level)


class Nervous(Output[NervousSettings]):
    """Carries out each command, and fails as often as its file says before it does, or instead."""

    def open(self):
        self._set(0)

    def apply(self, action):
        self._set(1)
        self._fail("apply")
        return now()

    def off(self):
        self._fail("off")
        self._set(0)
        return now()

    def close(self):
        self._set(0)

    def _set(self, level):
        STATE.write_text(str(level))

    def _fail(self, method):
        left = json.loads(FAILING.read_text())
        if left.get(method, 0):
            FAILING.write_text(json.dumps({**left, method: left[method] - 1}))
            raise OutputError(f"no answer to {method}")


sys.exit(run_output(Nervous, "screen"))
'''


@pytest.fixture
def nervous(observer, wait_for, tmp_path: Path):
    """The commander of a device that is armed, what it does, and a way to let it fail; and its process."""
    state, failing, script = tmp_path / "state", tmp_path / "failing", tmp_path / "nervous.py"
    failing.write_text("{}")
    script.write_text(NERVOUS)
    words = [sys.executable, str(script), str(state), str(failing), "--ros-args", "-p", "max_command_age:=600.0"]
    process = subprocess.Popen([*words, "-p", "commander_timeout:=600.0"])
    commander = Commander(observer, wait_for)
    commander.ready()
    commander.tell("off", arm=Command.ARM)
    yield commander, state.read_text, lambda **methods: failing.write_text(json.dumps(methods)), process
    process.terminate()
    process.wait(300)


def test_what_fails_is_off_and_told_and_what_can_not_be_switched_off_ends_its_node(nervous, wait_for):
    commander, state, fail, process = nervous
    fail(apply=1)
    answer = commander.tell("on")
    assert not answer.success
    commander.says(on=False, reason="'on' failed: no answer to apply; the output was switched off")
    assert state() == "0", "it may have carried out what it did not answer"

    assert commander.tell("on").success
    fail(off=1)
    answer = commander.tell("off")
    assert (answer.success, answer.message) == (False, "no answer to off")
    commander.says(on=False, reason="'off' failed: no answer to off; the output was switched off")
    assert state() == "0", "an off has a second try"

    assert commander.tell("on").success
    fail(off=1)
    answer = commander.arm(False)
    assert (answer.success, answer.message) == (False, "'off' failed: no answer to off")
    commander.says(on=False, armed=False)
    assert state() == "0"

    assert commander.arm(True).success
    fail(off=1)
    assert commander.test("on", 0.2).success
    commander.says(on=False, reason="'off' failed: no answer to off; the output was switched off")
    assert state() == "0"
    wait_for(lambda: len(commander.events) == 4, "a fault for each")

    assert commander.tell("on").success
    fail(off=3)
    assert not commander.tell("off").success
    assert process.wait(300) == 1
    assert state() == "0"
    wait_for(lambda: len(commander.events) == 5, "a fault")
    told = commander.events[-1].values[0].value
    assert told == "'off' failed: no answer to off; it could not be switched off, and its node ends"
