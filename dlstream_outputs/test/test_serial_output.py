"""The output `serial` on a pseudo-terminal: DeepLabStream's bytes, and what is wrong with a port."""

from __future__ import annotations

import pytest
from board import Board
from commander import MAX_COMMAND_AGE, Commander
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from timed_lines import left_out, rest

pytest.importorskip("serial", reason="pyserial is not installed (make devices)")
from dlstream_outputs import Level, On, OutputError, Pulse, Train, output_settings
from dlstream_outputs.outputs.serial import Serial, SerialSettings, bytes_of


@pytest.fixture
def board():
    made = Board()
    yield made
    made.unplug()


@pytest.fixture
def opened(board):
    """Opens the output with some settings."""
    made = []

    def make(**settings):
        values = {"port": board.port, "reset_wait": 0.0, **settings}
        made.append(Serial(SerialSettings(**values), lambda line: None))
        made[-1].open()
        return made[-1]

    yield make
    for output in made:
        output.close()


def test_it_speaks_as_deeplabstream_does(board, opened, wait_for):
    output = opened()
    wait_for(lambda: board.got == b"LL", "off, before and after the board's reset")
    output.apply(On())
    output.off()
    wait_for(lambda: board.got == b"LLHL", "on and off")
    output.close()
    wait_for(lambda: board.got == b"LLHLL", "off at the end")
    output.close()
    output.off()
    assert board.got == b"LLHLL"


def test_pulses_and_trains_end_low(board, opened, wait_for):
    output = opened(high="on\\r\\n", low=r"\x00off\n".replace(r"\x00", r"\x02"))
    output.apply(Train(frequency=100, width=2, count=3))
    rest(wait_for)
    expected = b"\x02off\n" * 2 + b"on\r\n\x02off\n" * (3 - left_out(output.fault()))
    wait_for(lambda: board.got == expected, "the train")
    output.apply(Pulse(width=1))
    wait_for(lambda: board.got == expected + b"on\r\n\x02off\n", "the pulse")


def test_what_the_board_says_is_read_away(board, opened):
    output = opened()
    board.says(b"ready\n" * 10)
    assert output.fault() == ""
    assert output.apply(On()) > 0


def test_an_unplugged_board_is_a_fault_that_is_told_once(board, opened):
    output = opened()
    output.apply(On())
    assert output.fault() == ""
    board.unplug()
    assert "takes nothing any more" in output.fault()
    assert output.fault() == ""
    with pytest.raises(OutputError, match="is it unplugged"):
        output.off()


def test_a_port_that_is_not_there(tmp_path):
    output = Serial(SerialSettings(port="/dev/ttyACM99"), lambda line: None)
    with pytest.raises(OutputError, match=r"port: /dev/ttyACM99 is not there; expected .*Plug the board in"):
        output.open()
    output.off()
    output.close()
    plain = tmp_path / "file"
    plain.touch()
    with pytest.raises(OutputError, match="can't be opened as a serial port"):
        Serial(SerialSettings(port=str(plain)), lambda line: None).open()


def test_a_port_that_another_rig_has(opened):
    first = opened()
    with pytest.raises(OutputError, match=r"is in use by .*; expected a port of its own"):
        opened()
    assert first.apply(On()) > 0, "the first goes on"


@given(st.binary(min_size=1, max_size=6))
def test_any_bytes_can_be_written_as_text(wanted):
    assert bytes_of("".join(f"\\x{byte:02x}" for byte in wanted)) == wanted


@given(st.text(max_size=6))
def test_a_text_gives_bytes_or_is_refused(text):
    try:
        assert bytes_of(text)
    except ValueError as error:
        assert "one or more bytes" in str(error)


@pytest.mark.parametrize("text", ["", "\\", "\\q", "é", "\\x1"])
def test_what_is_no_byte_is_refused(text):
    with pytest.raises(ValidationError, match="one or more bytes"):
        SerialSettings(port="p", high=text)


def test_on_and_off_must_differ():
    with pytest.raises(ValidationError, match="other bytes"):
        SerialSettings(port="p", high="L")


@pytest.mark.parametrize(
    ("action", "values", "expected"),
    [
        ("level", {"level": "0.5"}, "action: found 'level'; expected on, pulse, train or off"),
        ("on", {"level": "0.5"}, "values.level: found 0.5; expected 1 or no level: this output is on or off"),
        ("on", {"voltage": "2"}, "values.voltage: found 2 V; expected no voltage"),
        (
            "train",
            {"frequency": "20 Hz", "width": "1000 ms"},
            "values.width: found '1000 ms'; expected less than 50 ms",
        ),
        ("pulse", {"power": "8 mW", "width": "5"}, "values.power: found 8 mW; expected an output with a calibration"),
    ],
)
def test_commands_that_it_can_not_carry_out_are_refused_before_the_run(action, values, expected):
    assert str(SerialSettings(port="p").check_command(action, values)).startswith(expected)
    assert SerialSettings(port="p").check_command("on", {"level": "1"}) is None


def test_the_check_says_that_it_stays_on():
    fate = output_settings("serial")(port="p").without_computer()
    assert not fate.ends
    assert fate.text.startswith("it stays on")
    assert Level not in SerialSettings.actions


# Through its node.


@pytest.fixture
def node(start_node, board, observer, wait_for):
    """A node with a board, and its commander."""
    node = start_node(
        "dlstream_outputs.node",
        name="screen",
        namespace="/outputs",
        type="serial",
        port=board.port,
        reset_wait=0.0,
        arming="start",
        commander_timeout=1.0,
        max_command_age=MAX_COMMAND_AGE,
        also_commanded_by=["hand"],
    )
    commander = Commander(observer, wait_for)
    commander.ready()
    return node, commander


def test_the_node_plays_a_train_to_its_end(node, board, wait_for):
    _, commander = node
    before = board.got.count(b"H")
    assert commander.tell("train", source="hand", frequency="1 Hz", width="2 ms", count="3").success

    def missing() -> int:
        """How many of the three a busy computer has told that it left out."""
        return sum(left_out(pair.value) for event in list(commander.faults) for pair in event.values)

    wait_for(lambda: board.got.count(b"H") == before + 3 - missing(), "three pulses")
    commander.says(on=False)
    wait_for(lambda: board.got.endswith(b"L"), "low")
    assert "values.width" in commander.tell("train", frequency="20 Hz", width="1000 ms").message
    assert board.got.count(b"H") == before + 3 - missing()


def test_the_node_switches_off_when_its_commander_is_silent(node, board, wait_for):
    _, commander = node
    commander.heartbeat(True)
    assert commander.tell("train", frequency="20 Hz", width="10 ms").success
    wait_for(lambda: commander.events, "the fault")
    commander.says(on=False)
    wait_for(lambda: board.got.endswith(b"L"), "low")
    assert board.got.count(b"H") >= 1


def test_an_unplugged_board_ends_its_node_which_says_why(node, board, wait_for):
    process, commander = node
    assert commander.tell("on", source="hand").success
    wait_for(lambda: board.got.endswith(b"H"), "on")
    board.unplug()
    assert process.wait() == 1
    assert f"{board.port} takes nothing any more" in process.output
