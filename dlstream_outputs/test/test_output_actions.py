"""The output node and the vocabulary: refusals on the wire, actions that end by themselves, limits."""

from __future__ import annotations

import pytest
from commander import MAX_COMMAND_AGE, Commander

MODULE = "dlstream_outputs.node"


@pytest.fixture
def commander(observer, wait_for):
    return Commander(observer, wait_for)


@pytest.fixture
def lamp(start_node, commander, tmp_path):
    """Starts a simulated lamp with some parameters; gives how bright it is."""

    def start(**parameters):
        node = {"name": "screen", "namespace": "/outputs", "type": "lamp", "commander_timeout": 60.0}
        node |= {"max_command_age": MAX_COMMAND_AGE}
        start_node(MODULE, **node, file=str(tmp_path / "lamp"), **parameters)
        commander.ready()
        return lambda: (tmp_path / "lamp").read_bytes()[0]

    return start


def test_what_is_no_action_of_the_output_is_refused(lamp, commander):
    brightness = lamp()
    answer = commander.tell("train", frequency="20 Hz", width="1000 ms")
    assert answer.message == "action: found 'train'; expected on, level or off"
    assert "values.duration: found '5 V'; expected a number in s" in commander.tell("on", duration="5 V").message
    assert brightness() == 0


def test_an_action_for_a_time_ends_by_itself_and_is_no_fault(lamp, commander, wait_for):
    brightness = lamp()
    commander.heartbeat(True)
    assert commander.tell("on", duration="300 ms").success
    on = (True, "on duration=300 ms", "")  # for a moment: it may not be the newest any more
    wait_for(lambda: on in [(item.on, item.state, item.reason) for item in list(commander.statuses)], "that it is on")
    commander.says(on=False, state="off", reason="")
    assert brightness() == 0
    assert commander.tell("on").success
    commander.says(on=True)
    assert not commander.events


def test_a_limit_of_the_output_ends_what_an_experiment_left_on(lamp, commander, wait_for):
    brightness = lamp(max_on=0.3)
    commander.heartbeat(True)
    assert commander.tell("on").success
    commander.says(on=False, reason="'on' was switched off: max_on (0.3 s) is reached", limited=True)
    assert brightness() == 0
    wait_for(lambda: commander.events, "a fault")
    assert "expected at most max_on of the output, 0.3 s" in commander.tell("on", duration="1").message


def test_a_power_is_calibrated(lamp, commander):
    brightness = lamp(calibration=["power=0:0 1:10"])
    assert commander.tell("on", power="2 mW").success
    assert brightness() == round(0.2 * 255)
    assert "expected 0 to 10 mW" in commander.tell("on", power="11 mW").message
