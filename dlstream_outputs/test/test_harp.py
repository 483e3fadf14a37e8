"""`type: harp` at a Harp Behavior board: what reaches its lines, that the board ends it, and what it refuses."""

from __future__ import annotations

import time

import pytest

from dlstream_outputs import OutputError

pytest.importorskip("serial", reason="pyserial is not installed (make devices)")
pytest.importorskip("harp.device.client", reason="harp-device is not installed (make devices)")
import harp_outputs
from harp_behavior import ENABLE_SERVOS, PULSE_ENABLE, PWM_START, SET, START_CAMERAS, WRITE
from harp_outputs import settings, tell
from timed_lines import left_out, rest

board, opened, patient = harp_outputs.board, harp_outputs.opened, harp_outputs.patient


@pytest.mark.parametrize("line", ["DO0", "DO3", "Led1", "Rgb0", "DOPort2", "SupplyPort1"])
def test_a_line_is_switched_and_says_what_it_is_at(board, opened, line):
    board.switch(line)
    board.switch("DOPort0")
    output = opened(line)
    assert board.line(line) == 0, "off at the start, whatever another program left"
    assert output.hardware_id == f"Harp Behavior 'Behavior', firmware 3.3, at {board.port} {line}"
    tell(output, "on")
    assert board.line(line) == 1
    output.off()
    assert board.line(line) == 0
    tell(output, "on")
    output.close()
    assert board.levels(line) == [1, 0, 1, 0, 1, 0]
    assert board.levels("DOPort0") == [1], "others are left alone"


def test_an_acknowledgement_has_the_time_at_which_the_board_did_it(board, opened):
    output = opened()
    for tell_it, index in ((lambda: tell(output, "on"), 0), (output.off, 1), (lambda: tell(output, "on"), 2)):
        before = time.time_ns()
        stamp = tell_it()
        after = time.time_ns()
        assert before - 1_000_000 <= stamp <= after + 1_000_000
        edge = board.edges["DO0"][index][0]
        by_board = time.time_ns() - 1000 * (board.now - edge)
        assert abs(stamp - by_board) <= 1_000_000 + (after - before)


@pytest.mark.parametrize(("width", "lasts"), [("5", 5), ("2.9", 2), ("1", 1), ("65 ms", 65)])
def test_the_board_itself_times_a_pulse(board, opened, wait_for, width, lasts):
    output = opened("Led0")
    tell(output, "pulse", width=width)
    wait_for(lambda: board.widths("Led0"), "the end of the pulse")
    assert board.widths("Led0") == [lasts]
    rest(wait_for)
    assert output.fault() == ""


def test_a_pulse_is_for_the_board_to_end_even_if_nobody_else_does(board, opened):
    output = opened()
    tell(output, "pulse", width="65534 ms")
    assert board.register(56) == 65534
    assert board._ends[10] - board.edges["DO0"][-1][0] == 65_534_000


def test_trains(board, opened, wait_for):
    output = opened("SupplyPort0")
    tell(output, "train", frequency="10 Hz", width="40 ms", count="3")
    rest(wait_for)
    pulses = 3 - left_out(output.fault())
    assert board.widths("SupplyPort0") == [40] * pulses, "each to the millisecond, however busy this computer is"
    output.off()
    assert board.levels("SupplyPort0") == [1, 0] * pulses


def test_what_is_on_is_ended_by_the_board_when_nobody_keeps_it_on(board, opened, wait_for):
    output = opened(watchdog=0.25)
    tell(output, "on")
    wait_for(lambda: not board.line("DO0"), "the board's own end")
    assert board.widths("DO0") == [250]


def test_a_commander_that_lives_keeps_it_on_without_a_gap(board, opened, wait_for):
    output = opened(watchdog=2)
    tell(output, "on")
    begin, edges = board.now, 1

    def renewals() -> int:
        return sum(kind == WRITE and address == SET for kind, address, _ in board.got)

    def kept_on() -> bool:
        nonlocal begin, edges
        try:
            output.keep_alive()
        except OutputError:  # a busy machine: the board has rightly ended it
            tell(output, "on")
            begin, edges = board.now, len(board.levels("DO0"))
        assert len(board.levels("DO0")) == edges, "no gap"
        return board.now > begin + 2_500_000

    wait_for(kept_on, "more than the watchdog")
    assert board.line("DO0") == 1
    output.off()
    before = renewals()
    output.keep_alive()
    assert renewals() == before > 3, "nothing is switched on again after an off"
    assert board.line("DO0") == 0


def test_a_computer_that_comes_too_late_tells_that_it_was_off(board, opened, wait_for):
    output = opened(watchdog=0.1)
    tell(output, "on")
    wait_for(lambda: not board.line("DO0"), "the board's own end")
    with pytest.raises(OutputError, match=r"switched DO0 off in between: it heard nothing for .* watchdog, 0.1 s"):
        output.keep_alive()


def test_an_on_that_is_shorter_than_the_watchdog_ends_by_the_board_and_a_longer_one_here(board, opened, wait_for):
    output = opened("Led1", watchdog=0.2)
    tell(output, "on", duration="150 ms")
    wait_for(lambda: output.keep_alive() or not board.line("Led1"), "its end")
    output.off()
    assert board.widths("Led1") == [150]
    assert sum(kind == WRITE and address == SET for kind, address, _ in board.got) == 1
    slow = opened("Led0", watchdog=5)
    tell(slow, "on", duration="60 ms")
    assert board.register(52) == 60
    tell(slow, "on", duration="6 s")
    assert board.register(52) == 5000


def test_max_on_ends_an_on_by_the_board_as_well(board, opened, wait_for):
    output = opened(watchdog=2, max_on=0.1)
    tell(output, "on")

    def ended() -> bool:
        output.keep_alive()
        return not board.line("DO0")

    wait_for(ended, "its end, which nothing puts off")
    assert board.widths("DO0") == [100]
    assert output.settings.without_computer().text.startswith("the board itself ends an 'on' after 0.1 s")
    tell(opened("Led0", watchdog=2, max_on=0.0001), "on")
    assert board.register(52) == 1, "the shortest that the board has"
    tell(opened("Led1", watchdog=2, max_on=60), "on")
    assert board.register(53) == 2000


def test_a_count_of_an_earlier_pulse_does_not_end_what_comes_after(board, opened, wait_for):
    """The firmware counts on after a clear."""
    output = opened()
    tell(output, "pulse", width="50 ms")
    output.off()
    tell(output, "on")
    begin = board.now
    wait_for(lambda: board.now > begin + 60_000, "the end that the pulse would have had")
    assert board.line("DO0") == 1


def test_two_outputs_share_a_board(board, opened):
    first, second = opened("DO0"), opened("SupplyPort2")
    assert first.settings.shared_device == second.settings.shared_device != ""
    tell(first, "on")
    tell(second, "on")
    assert board.register(PULSE_ENABLE) & (1 << 10 | 1 << 5) == 1 << 10 | 1 << 5
    first.close()
    assert (board.line("DO0"), board.line("SupplyPort2")) == (0, 1)
    assert first.settings.exclusive == {"line": f"DO0 of the Harp board at {board.port}"}
    with pytest.raises(OutputError, match=r"line: SupplyPort2 of the Harp Behavior .*, has another output already"):
        opened("SupplyPort2")
    tell(second, "on")
    opened("DO0")


@pytest.mark.parametrize(
    ("line", "address", "value", "what"),
    [
        ("DO1", START_CAMERAS, 0b10, r"triggers a camera \(StartCameras\)"),
        ("DO3", ENABLE_SERVOS, 0b1000, r"drives a servo motor \(EnableServos\)"),
    ],
)
def test_a_line_that_something_else_on_the_board_drives_is_refused(board, opened, line, address, value, what):
    board.put(address, value)
    with pytest.raises(OutputError, match=f"line: {line} of the Harp Behavior .*, {what}"):
        opened(line)
    opened("DO0")


def test_a_pwm_that_another_program_left_is_stopped(board, opened):
    board.put(PWM_START, 0b0101)
    board.switch("DO2")
    opened("DO2")
    assert board.line("DO2") == 0
    assert board.register(PWM_START) == 0b0001


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"line": "DO4"}, "an output of a Harp Behavior: DOPort0"),
        ({"watchdog": 0.01}, "greater than or equal to 0.1"),
        ({"port": ""}, "at least 1 character"),
    ],
)
def test_settings_that_do_not_fit(values, message):
    with pytest.raises(ValueError, match=message):
        settings(**values)


@pytest.mark.parametrize(
    ("action", "values", "message"),
    [
        ("level", {"level": "0.5"}, "found 'level'; expected on, pulse, train or off"),
        ("on", {"voltage": "2 V"}, "no voltage: this output is on or off"),
        ("on", {"duration": "0.5 ms"}, "values.duration: found 0.5 ms; expected at least 1 ms"),
        ("pulse", {"width": "0.9"}, "values.width: found 0.9 ms; expected 1 to 65534 ms"),
        ("pulse", {"width": "65535"}, "values.width: found 65535 ms; expected 1 to 65534 ms"),
        ("train", {"width": "9", "frequency": "100 Hz", "count": "2"}, "values.frequency: found a gap of 1 ms"),
    ],
)
def test_what_it_can_not_do_is_refused(action, values, message):
    assert message in str(settings().check_command(action, values))


def test_what_it_can_do_is_not_refused():
    for action, values in (
        ("pulse", {"width": "65534.9"}),
        ("on", {}),
        ("train", {"width": "8", "frequency": "100 Hz"}),
    ):
        assert settings().check_command(action, values) is None


def test_what_becomes_of_it_without_the_computer():
    fate = settings(watchdog=0.5).without_computer()
    assert fate.ends
    assert fate.text == "the board itself ends an 'on' after 0.5 s, and each pulse at its width"
