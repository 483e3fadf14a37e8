"""type: arduino on the real firmware in the simulator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from types import SimpleNamespace

import pytest

pytest.importorskip("serial", reason="pyserial is not installed (make devices)")
import serial.tools.list_ports
from board import Board
from hypothesis import example, given
from hypothesis import strategies as st
from simulated_board import SimulatedBoard, wait_until

from dlstream_common import Problem
from dlstream_outputs import Level
from dlstream_outputs.board import BoardError, claim, release
from dlstream_outputs.board.lines import framed, read_line
from dlstream_outputs.board.link import Link
from dlstream_outputs.guard import Guard, Order
from dlstream_outputs.guarded_device import GuardedDevice
from dlstream_outputs.outputs import OutputError
from dlstream_outputs.outputs.arduino import Arduino, ArduinoSettings, command_of

PATIENT = {"answer_timeout": 10, "watchdog": 10}


@pytest.fixture
def opened(board: SimulatedBoard) -> Iterator[Callable[..., Arduino]]:
    """Opens an output on the board."""
    outputs: list[Arduino] = []

    def start(pin: int = 9, **settings: object) -> Arduino:
        outputs.append(Arduino(ArduinoSettings(**{"pin": pin, "port": board.port, **PATIENT, **settings}), print))
        outputs[-1].open()
        return outputs[-1]

    yield start
    for output in outputs:
        output.close()


def tell(output: Arduino, action: str, **values: str) -> int:
    found = output.settings.read(action, values)
    assert not isinstance(found, Problem), found
    return output.apply(found)


def levels(board: SimulatedBoard, pin: int) -> str:
    return "".join(change.level for change in board.changes(pin))


def test_it_is_off_until_it_is_told_and_off_after_it_is_closed(opened, board):
    output = opened()
    assert board.level(9) == "0"
    tell(output, "on")
    assert board.level(9) == "1"
    output.off()
    assert board.level(9) == "0"
    tell(output, "on")
    output.close()
    assert board.level(9) == "0"
    assert "atmega328p" not in output.hardware_id


def test_the_greatest_limits_are_limits_that_the_board_takes(opened, board):
    tell(opened(max_on=3600, watchdog=10), "on")
    assert board.level(9) == "1"


def test_pulses_and_trains_are_made_by_the_board(opened, board):
    output = opened()
    tell(output, "train", frequency="20 Hz", width="5 ms", count="4", delay="10 ms")
    wait_until(lambda: len(board.changes(9)) == 2 + 8, "four pulses")
    rises = [change.us for change in board.changes(9) if change.level == "1"]
    falls = [change.us for change in board.changes(9)[2:] if change.level == "0"]
    assert [b - a for a, b in pairwise(rises)] == pytest.approx([50_000] * 3, abs=20)
    assert [b - a for a, b in zip(rises, falls, strict=True)] == pytest.approx([5_000] * 4, abs=20)
    tell(output, "pulse", width="2 ms")
    wait_until(lambda: len(board.changes(9)) == 2 + 10, "the pulse")
    tell(output, "train", frequency="100 Hz", width="1 ms", count="2", burst="3", burst_frequency="5 Hz")
    wait_until(lambda: len(board.changes(9)) == 2 + 10 + 12, "two bursts of three")
    starts = [change.us for change in board.changes(9)[12:] if change.level == "1"]
    assert [at - starts[0] for at in starts] == pytest.approx([0, 1e4, 2e4, 2e5, 2.1e5, 2.2e5], abs=20)


class _Nobody:
    """Hears of a device, and keeps it to itself."""

    now = staticmethod(time.time_ns)
    info = warning = error = staticmethod(print)

    def get_logger(self) -> _Nobody:
        return self

    def changed(self) -> None:
        return

    def happened(self, stamp: int, kind: str, values: object) -> None:
        return

    def fail(self, error: Exception) -> None:
        raise error


def test_a_train_is_over_when_the_board_says_so_however_slow_its_clock_is(opened, board, monkeypatch):
    monkeypatch.setattr(Arduino, "clock_error", 100.0)
    output = opened(commander_timeout=0, max_command_age=0, arming="start")
    guard = Guard(output.settings, "start", output.ends, output.clock_error)
    device = GuardedDevice(output.settings, output, guard, _Nobody())
    values = {"frequency": "20 Hz", "width": "5 ms", "count": "10"}
    begun = time.monotonic()
    device.apply(Order("experiment", 1, "train", values, sent=time.time_ns()), 0, 0)
    latest = guard.ends_at
    board.command("freeze")  # so that its time is late
    wait_until(lambda: time.monotonic() > begun + 0.7, "the train's end by the computer's clock")
    assert not guard.finished(time.monotonic())
    board.command("go")
    wait_until(lambda: device.check() or not guard.on, "the train's end by the board's clock")
    assert time.monotonic() < latest, "not by the computer's clock"
    assert [change.level for change in board.changes(9)].count("1") == 10
    assert (guard.state, guard.reason, device.problem) == ("off", "", "")


def test_trains_that_are_too_much_for_the_board_together_are_refused_with_the_reason(opened, board):
    values = {"frequency": "1 kHz", "width": "0.5 ms", "count": "100000"}
    for pin in (8, 9, 10, 11):
        tell(opened(pin), "train", **values)
    with pytest.raises(OutputError, match="more than 4000 pulses a second together, expected fewer or slower"):
        tell(opened(12), "train", **values)


def test_what_is_acknowledged_is_when_the_pin_changed(opened, board):
    output = opened()
    before = time.time_ns()
    told = tell(output, "on")
    assert before <= told <= time.time_ns()


def test_outputs_of_one_board_share_it(opened, board):
    laser, valve = opened(9), opened(8)
    tell(laser, "on")
    tell(valve, "on")
    laser.close()
    assert (board.level(9), board.level(8)) == ("0", "1")
    with pytest.raises(OutputError, match="configured differently already"):
        opened(8, active_high=False)


def test_the_board_switches_off_when_it_is_not_fed_and_tells(opened, board):
    output = opened(watchdog=0.25)
    tell(output, "on")
    wait_until(lambda: board.level(9) == "0", "the watchdog")
    high, low = board.changes(9)[-2:]
    assert 0.2e6 < low.us - high.us < 0.3e6  # fed for the last time as it was armed, a little before
    assert "the board switched pin 9 off: not fed for 0.25 s" in str(wait_until(output.fault, "a fault"))
    assert output.fault() == ""


def test_it_stays_on_while_it_is_fed(opened, board):
    output = opened(watchdog=2)
    tell(output, "on")
    start = board.changes(9)[-1].us
    last = time.monotonic()
    limit = last + 4
    while last < limit:
        output.keep_alive()
        now_at, before, last = board.changes(9)[-1], last, time.monotonic()
        if last - before > 1:  # a busy machine: the watchdog may rightly have ended it
            output.fault()
            tell(output, "on")
            start, limit = board.changes(9)[-1].us, last + 4
        else:
            assert (now_at.level, now_at.us) == ("1", start)
        time.sleep(0.02)


def test_an_unplugged_board_is_a_fault_and_every_command_says_so(opened, board):
    output = opened()
    tell(output, "on")
    board.unplug()
    assert "is it unplugged?" in str(wait_until(output.fault, "a fault"))
    with pytest.raises(OutputError, match="is it unplugged"):
        tell(output, "on")


def test_a_board_whose_name_is_gone_with_it_is_closed_all_the_same(opened, board, tmp_path):
    link = tmp_path / "usb-Arduino_Uno-if00"
    link.symlink_to(board.port)
    output, other = opened(port=str(link)), opened(pin=8, port=str(link))
    board.unplug()
    link.unlink()
    wait_until(output.fault, "the fault")
    output.close()
    other.close()


def test_a_reset_board_is_a_fault(opened, board):
    output = opened()
    tell(output, "on")
    board.command("reset")
    assert "the board was reset" in str(wait_until(output.fault, "a fault"))
    assert board.level(9) == "z"


def test_a_reset_in_the_middle_of_an_answer_is_a_fault_each_time(opened, board):
    for _ in range(20):
        output = opened()
        tell(output, "on")
        for _ in range(3):  # the board is busy with the answers for some milliseconds
            output.opened._link.send("time")
        board.command("reset")

        def fault(output: Arduino = output) -> str:
            output.keep_alive()
            return output.fault()

        # Before it tells, a busy machine may find that it has not answered for some lines.
        wait_until(lambda fault=fault: "the board was reset" in fault(), "the fault")
        output.close()


def test_a_port_that_is_not_there_or_busy_says_what_to_do(opened, board):
    with pytest.raises(OutputError, match="/dev/ttyNO is not there"):
        opened(port="/dev/ttyNO")
    opened()
    code = f"from dlstream_outputs.board import claim; claim({board.port!r}, print)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "is in use by " in other.stderr
    assert f"(process {os.getpid()})" in other.stderr


def test_auto_takes_the_only_board_and_lists_what_else_there_is(board, monkeypatch, tmp_path):
    there = [board.port]
    monkeypatch.setattr(
        serial.tools.list_ports, "comports", lambda: [SimpleNamespace(device=name, hwid="USB") for name in there]
    )
    found = claim("auto", print)
    assert found.port == board.port
    release(found)
    with SimulatedBoard(tmp_path / "second.txt") as second:
        there.append(second.port)
        with pytest.raises(BoardError, match=f"{second.port}.*expected one. Say which"):
            claim("auto", print)
    there[:] = ["/dev/ttyNO"]
    with pytest.raises(BoardError, match="found no board with dlstream's firmware: /dev/ttyNO is not there"):
        claim("auto", print)
    there.clear()
    with pytest.raises(BoardError, match="found no serial port"):
        claim("auto", print)


@given(st.floats(1 / 256, 1, exclude_max=True))
@example(25.6 / 256)
@example(0.999)
def test_a_level_gives_at_most_what_was_commanded_and_a_step_less_at_worst(level):
    words = command_of(Level(level=level), 3).split()
    assert words[:2] == ["level", "3"]
    made = int(words[2]) / 256
    assert 0 < made <= level + 1e-8
    assert made > level - 2 / 256


def test_a_level_that_the_board_can_not_make_is_refused_also_as_a_power():
    settings = ArduinoSettings(pin=3, calibration={"power": {0: 0, 1: 100}}, max_energy=10)
    refused = {"level": ("0.001", "0.001"), "power": ("0.1 mW", "0.1 mW, by calibration a level of 0.001")}
    for key, (value, found) in refused.items():
        told = str(settings.check_command("on", {key: value}))
        assert f"found {found}; expected 0, or at least 1/256 (0.0039)" in told
    assert settings.check_command("level", {"level": "0.00390625"}) is None
    assert settings.check_command("level", {"level": "0"}) is None


@pytest.mark.parametrize(
    ("action", "values", "message"),
    [
        ("train", {"frequency": "2000", "width": "0.3", "count": "2"}, "at most 1000 Hz"),
        ("train", {"frequency": "20", "width": "5"}, "count or duration"),
        ("pulse", {"width": "0.1 ms"}, "at least 0.2 ms"),
        ("level", {"level": "0.5"}, "pin 9 has no PWM"),
        (
            "train",
            {"frequency": "1 kHz", "width": "0.3", "count": "1000000", "burst": "10000", "burst_frequency": "0.09"},
            "found a train of 10000000000 pulses; expected at most 999999999",
        ),
        ("pulse", {"width": "5", "delay": "501 s"}, "values.delay: found 501 s; expected at most 500 s"),
        ("train", {"frequency": "20", "width": "5", "count": "2", "delay": "501 s"}, "values.delay: found 501 s"),
        (
            "train",
            {"frequency": "20", "width": "5", "count": "2", "burst": "2", "burst_frequency": "0.001"},
            "values.burst_frequency: found 1000 s",
        ),
        (
            "on",
            {"power": "4 mW"},
            "values.power: found 4 mW, by calibration a level of 0.5; expected 0 or 1: pin 9",
        ),
        ("pulse", {"volume": "0.01 ul"}, "values.volume: found 0.01 ul, by calibration a width of 0.1 ms; expected at"),
        ("on", {"voltage": "2 V"}, "no analog output"),
        ("show", {"image": "left"}, "on, pulse, train, level or off"),
    ],
)
def test_what_the_board_cannot_do_is_found_before_the_run(action, values, message):
    calibration = {"power": {0: 0, 1: 8}, "volume": {0.1: 0.01, 100: 10}}
    assert message in str(ArduinoSettings(pin=9, calibration=calibration).read(action, values))


LONG = {"frequency": 0.005, "share": 0.5, "delay": 500_000, "count": 1_000_000, "burst": 2, "pause": 1.25}


@example(LONG)
@given(
    st.builds(
        dict,
        frequency=st.floats(0.002, 1000),
        share=st.floats(0.001, 0.999),
        delay=st.floats(0, 500_000),
        count=st.integers(1, 1_000_000),
        burst=st.integers(1, 10_000),
        pause=st.floats(1.01, 9),
    )
)
def test_every_train_that_is_not_refused_fits_into_a_line(values):
    bursts = {}
    if values["burst"] > 1:
        bursts = {"burst": values["burst"], "burst_frequency": values["frequency"] / values["burst"] / values["pause"]}
    width = values["share"] * 1000 / values["frequency"]
    own = {"frequency": values["frequency"], "width": width, "delay": values["delay"], "count": values["count"]}
    found = ArduinoSettings(pin=19, max_on=3600).read(
        "train", {name: str(value) for name, value in {**own, **bursts}.items()}
    )
    if isinstance(found, Problem):
        assert values != LONG or "letters of a line to the board" in str(found), found
    else:
        framed(f"65535 {command_of(found, 19)}")


def test_check_knows_that_the_board_switches_off():
    fate = ArduinoSettings(pin=9).without_computer()
    assert (fate.ends, fate.text) == (True, "the board switches it off after 0.2 s")


class _Wire:
    """A port whose board takes everything and says nothing."""

    port, in_waiting = "wire", 0

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, line: bytes) -> None:
        self.written.append(line)

    def read(self, count: int) -> bytes:
        return b""


def test_an_off_is_sent_to_a_board_that_has_long_not_answered():
    wire = _Wire()
    link = Link(wire, lambda report: None, lambda us, before, after: None)
    for _ in range(8):
        link.send("alive 9")
    with pytest.raises(BoardError, match="has answered none of 8 lines; is its cable loose"):
        link.send("alive 9")
    link.send("disarm 9", urgent=True)
    assert b"disarm 9" in wire.written[-1]


@given(st.binary(max_size=300))
def test_rubbish_from_the_board_is_no_line(rubbish):
    assert read_line(rubbish) is None


@given(st.integers(0, 70), st.binary(min_size=1, max_size=3))
def test_a_damaged_line_of_the_board_is_no_line(at, by):
    good = framed("A 12 34567 more")[:-1]
    bad = good[:at] + by + good[at + len(by) :]
    assert read_line(good) is not None
    assert bad == good or read_line(bad) is None


@pytest.mark.parametrize(
    ("says", "message"),
    [
        (b"\xf9\x02\x05StandardFirmata\n", "which is not dlstream's firmware; flash it: dlstream firmware flash"),
        (framed("A 0 5 dlstream 9 9.0.0 atmega328p SESSION pins 2-19"), "expected 'dlstream 1'. Flash it"),
        (b"", "does not answer; expected dlstream's firmware. Flash it: dlstream firmware flash --port"),
    ],
)
def test_another_firmware_is_refused_and_how_to_flash_ours_is_said(monkeypatch, says, message):
    monkeypatch.setattr("dlstream_outputs.board.board.HANDSHAKE", 1.0)
    monkeypatch.setattr("dlstream_outputs.board.board.secrets.token_hex", lambda _: "SESSION")
    other = Board()
    answers = threading.Thread(target=lambda: wait_until(lambda: b"hello" in other.got, "hello") and other.says(says))
    answers.start()
    with pytest.raises(OutputError, match=re.escape(message)):
        Arduino(ArduinoSettings(pin=9, port=other.port), print).open()
    answers.join()
    other.unplug()


@pytest.mark.parametrize("cable", ["cut", "unplug"])
def test_a_board_with_power_of_its_own_switches_off_without_its_cable(opened, board, monkeypatch, cable):
    monkeypatch.setattr("dlstream_outputs.board.board.PATIENT", 1.0)  # at its end, when nobody answers any more
    output = opened(watchdog=1, answer_timeout=10)
    tell(output, "on")
    board.command(cable)

    def off() -> bool:
        output.keep_alive()
        return board.level(9) == "0"

    wait_until(off, "the watchdog")
    high, low = board.changes(9)[-2:]
    assert low.us - high.us < 60e6  # by the watchdog, and not by max_on
    with pytest.raises(OutputError, match=r"is its cable loose|has not answered|is it unplugged"):
        tell(output, "on")
