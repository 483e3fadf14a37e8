"""`type: harp` through its node: what is on when the node is killed, hangs or loses its board."""

from __future__ import annotations

import signal

import pytest
from commander import MAX_COMMAND_AGE, Commander

pytest.importorskip("serial", reason="pyserial is not installed (make devices)")
pytest.importorskip("harp.device.client", reason="harp-device is not installed (make devices)")
import harp_outputs
from harp_behavior import CLEAR, SET, WRITE

pytestmark = pytest.mark.slow
board = harp_outputs.board


@pytest.fixture
def node(start_node, board, observer, wait_for):
    """A node with a board, and its commander."""
    node = start_node(
        "dlstream_outputs.node",
        name="screen",
        namespace="/outputs",
        type="harp",
        port=board.port,
        line="DO0",
        watchdog=2.0,
        answer_timeout=10.0,
        arming="start",
        commander_timeout=1.0,
        manual_timeout=60.0,
        max_command_age=MAX_COMMAND_AGE,
        also_commanded_by=["hand"],
    )
    commander = Commander(observer, wait_for)
    commander.ready()
    return node, commander


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hangs"])
def test_the_board_ends_what_is_on_when_its_node_is_gone(node, board, wait_for, ending):
    process, commander = node
    assert commander.tell("on", source="hand").success
    begin = board.now
    wait_for(lambda: board.now > begin + 2_500_000, "more than the watchdog, in which the node keeps it on")
    assert board.line("DO0") == 1
    process.process.send_signal(ending)
    wait_for(lambda: board.line("DO0") == 0, "the board's own end")
    told = [address for kind, address, _ in board.got if kind == WRITE and address in (SET, CLEAR)]
    assert told[-1] == SET, "nobody has switched it off"
    assert board.levels("DO0") == [1, 0]
    if ending == signal.SIGSTOP:
        process.process.send_signal(signal.SIGCONT)


def test_a_pulse_goes_on_to_its_end_when_the_node_is_killed(node, board, wait_for):
    process, commander = node
    assert commander.tell("pulse", source="hand", width="1 s").success
    process.process.kill()
    wait_for(lambda: board.line("DO0") == 0, "its end")
    assert board.widths("DO0") == [1000]


def test_an_unplugged_board_ends_its_node_which_says_why(node, board, wait_for):
    process, commander = node
    assert commander.tell("on", source="hand").success
    board.unplug()
    assert process.wait() == 1
    assert f"the Harp board at {board.port} is gone" in process.output
    assert "Traceback" not in process.output
    wait_for(lambda: board.line("DO0") == 0, "the board's own end")
