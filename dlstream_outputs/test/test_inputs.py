"""Inputs on the real firmware in the simulator."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from simulated_board import SimulatedBoard, wait_until

from dlstream_outputs.board import BoardError, BoardEvent
from dlstream_outputs.board.board import Board
from dlstream_outputs.inputs import BoardInput, InputSettings
from dlstream_outputs.outputs import OutputError
from dlstream_outputs.outputs.arduino import Arduino, ArduinoSettings

Heard = list[tuple[bool, BoardEvent]]


@pytest.fixture
def opened(board: SimulatedBoard) -> Iterator[Callable[..., tuple[BoardInput, Heard]]]:
    """Opens an input of the board, and what it hears."""
    inputs: list[BoardInput] = []

    def start(**settings: object) -> tuple[BoardInput, Heard]:
        heard: Heard = []
        given = InputSettings(**{"port": board.port, **settings})
        inputs.append(BoardInput(given, print, lambda on, event: heard.append((on, event)), print))
        inputs[-1].open()
        return inputs[-1], heard

    yield start
    for item in inputs:
        item.close()


def test_each_change_of_a_lever_to_ground_has_the_time_at_which_it_was(opened, board):
    lever, heard = opened(pin=2, active_high=False, debounce=0)
    assert not lever.read()
    for number, level in enumerate((0, 1, 0, 1), 1):
        board.command(f"pin 2 {level}")
        wait_until(lambda number=number: len(heard) == number, "the change")
    assert not lever.read()
    assert [on for on, _ in heard] == [True, False, True, False]
    moved = [line.split() for line in board.trace.read_text().splitlines() if line.endswith(("in0", "in1"))]
    ahead = [float(words[0]) - event.board_us for words, (_, event) in zip(moved, heard, strict=True)]
    assert max(ahead) - min(ahead) < 150  # the board looks ten times in a millisecond

    def right() -> bool:
        """Whether a change has the time at which it was: the simulator's clock stands still while it has to wait."""
        before = len(heard)
        board.command(f"pin 2 {before % 2}")
        wait_until(lambda: len(heard) > before, "the change")
        words = [line.split() for line in board.trace.read_text().splitlines() if line.endswith(("in0", "in1"))][before]
        event = heard[before][1]
        return abs(event.stamp - int(words[1])) < event.uncertainty + 0.1e9

    wait_until(right, "a change while the machine is not too busy")


def test_the_clocks_are_compared_while_nothing_is_commanded(board, opened, monkeypatch):
    monkeypatch.setattr("dlstream_outputs.board.board._TIME_PERIOD", 0.0)
    compared: list[int] = []
    known = Board._on_time

    def compare(self: Board, us: int, before: int, after: int) -> None:
        compared.append(us)
        known(self, us, before, after)

    monkeypatch.setattr(Board, "_on_time", compare)
    lever, _ = opened(pin=2)
    begun = len(compared)
    wait_until(lambda: not lever.fault() and len(compared) > begun + 3, "the board's time again and again")


def test_a_photodiode_is_on_above_its_threshold_and_off_below_the_other(opened, board):
    light, heard = opened(pin=14, above=0.6, below=0.4)
    for millivolts in (3500, 2500, 1500, 2500, 3500):  # between the two thresholds nothing changes
        board.command(f"adc 14 {millivolts}")
        wait_until(lambda m=millivolts: m == 2500 or light.read() == (m > 3000), "the level")
    wait_until(lambda: len(heard) == 3, "three changes")
    assert [on for on, _ in heard] == [True, False, True]


def test_a_photodiode_with_little_light_goes_off_too(opened, board):
    light, heard = opened(pin=14, above=0.04)
    for millivolts in (500, 0, 500, 0):
        board.command(f"adc 14 {millivolts}")
        wait_until(lambda m=millivolts: light.read() == (m > 0), "the level", patience=30)
    wait_until(lambda: len(heard) == 4, "four changes")
    assert [on for on, _ in heard] == [True, False, True, False]


def test_inputs_and_outputs_share_a_board_but_no_pin(opened, board):
    lever, heard = opened(pin=2)
    output = Arduino(ArduinoSettings(pin=9, port=board.port, answer_timeout=10, watchdog=10), print)
    output.open()
    board.command("pin 2 0")
    wait_until(lambda: heard, "the change")
    taken = Arduino(ArduinoSettings(pin=2, port=board.port), print)
    with pytest.raises(OutputError, match="pin 2 can't be an output"):
        taken.open()
    with pytest.raises(BoardError, match="pin 9 can't be an input"):
        opened(pin=9)
    with pytest.raises(BoardError, match="configured differently already"):
        opened(pin=2, pull_up=False)
    output.close()
    assert lever.fault() == ""


def test_an_unplugged_or_reset_board_is_told(opened, board):
    lever, _ = opened(pin=2)
    board.command("reset")
    assert "the board was reset" in str(wait_until(lever.fault, "a fault"))
    board.unplug()
    assert "is it unplugged?" in str(wait_until(lever.fault, "a fault"))


class _Spoiling:
    """A port that spoils the first byte of the board's next report, or answer."""

    def __init__(self, port: Any, first: bytes = b"!") -> None:
        self._port, self._first, self.spoilt, self.at = port, first, False, 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def read(self, count: int) -> bytes:
        heard = bytes(self._port.read(count))
        if self._first in heard and not self.spoilt:
            self.at, self.spoilt = time.monotonic(), True
            heard = heard.replace(self._first, b"?", 1)
        return heard


def test_a_report_that_is_lost_is_told_and_the_level_is_right_afterwards(opened, board):
    lever, heard = opened(pin=2, active_high=False)
    other, _ = opened(pin=3)
    output = Arduino(ArduinoSettings(pin=9, port=board.port, answer_timeout=10, watchdog=10), print)
    output.open()
    told: list[str] = []
    lever._on_loss = told.append
    link = lever._opened._link
    link._port = spoiling = _Spoiling(link._port)
    assert (lever.read(), other.read()) == (False, True)  # and what comes next is read through the new port
    board.command("pin 2 0")
    wait_until(lambda: spoiling.spoilt, "the lever is pressed")
    assert (heard, output.fault()) == ([], "")
    board.command("pin 3 0")
    wait_until(lambda: heard, "what the lost report said", patience=20)
    assert [on for on, _ in heard] == [True]
    assert heard[0][1].uncertainty > 0
    assert "1 of the board's reports were lost on the way, maybe changes of this input" in told[0]
    assert "1 of the board's reports were lost on the way, and one may say that pin 9 is off" in output.fault()
    assert lever.fault() == ""
    output.close()


def test_after_a_loss_all_inputs_are_read_again_however_many_lines_are_under_way(opened, board, monkeypatch):
    levers = [opened(pin=pin) for pin in (2, 3, 4, 5)]
    monkeypatch.setattr("dlstream_outputs.board.link.WINDOW", 2)
    link = levers[0][0]._opened._link
    link._port = spoiling = _Spoiling(link._port)
    assert levers[0][0].read()
    for pin in (2, 4, 5):
        board.command(f"pin {pin} 0")
    wait_until(lambda: spoiling.spoilt, "a lever changes")
    board.command("pin 3 0")

    def all_told() -> bool:
        assert [lever.fault() for lever, _ in levers] == [""] * 4
        return all([on for on, _ in heard] == [False] for _, heard in levers)

    wait_until(all_told, "the level of each", patience=20)


def test_an_answer_that_is_lost_is_asked_for_again_and_is_no_silence(opened):
    lever, _ = opened(pin=2)
    link = lever._opened._link
    link._port = spoiling = _Spoiling(link._port, b"A")

    def goes_on() -> bool:
        assert lever.fault() == ""
        return spoiling.spoilt and link.heard > spoiling.at

    wait_until(goes_on, "an answer after the lost one", patience=30)
    assert link.damaged == 1


@pytest.mark.parametrize("how", ["cut", "freeze"])
def test_a_board_that_no_longer_answers_is_told_though_no_output_is_fed(opened, board, monkeypatch, how):
    lever, _ = opened(pin=2)
    for name in ("SILENCE", "PATIENT"):
        monkeypatch.setattr(f"dlstream_outputs.board.board.{name}", 1.0)
    board.command(how)
    assert "the board no longer answers; is its cable loose" in str(wait_until(lever.fault, "a fault", patience=30))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pin": 9, "above": 0.5}, "as above is for an analog input"),
        ({"pin": 20}, "A6 and A7 are analog only"),
        ({"pin": 14, "below": 0.5}, "above as well"),
        ({"pin": 14, "above": 0.5, "below": 0.6}, "at most above, 0.5"),
        ({"pin": 14, "above": 0.5, "below": 0}, "at least 0.0010: the board measures 0"),
        ({"pin": 14, "above": 0.0008}, "at least 0.0020: the board measures 0"),
        ({"pin": 14, "above": 0.9996}, "at most 0.9990: the board measures 1023"),
        ({"pin": 1}, "greater than or equal to 2"),
    ],
)
def test_what_no_board_can_hear_is_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        InputSettings(**settings)
