"""What the board sees on its inputs, and when.

Beside close edges 1,000 changes come at a few distances from them only, 12,000 at each: DLSTREAM_TEST_CHANGES=12000.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from firmware_host import Host, begin_close_trains
from simulated_board import SimulatedBoard, wait_until

CHANGES = int(os.environ.get("DLSTREAM_TEST_CHANGES", "1000"))

Begin = Callable[..., Host]


def driven(board: SimulatedBoard, pin: int) -> list[float]:
    """The simulator's times in us at which a test changed that pin."""

    def found() -> list[float]:
        lines = [line.split() for line in board.trace.read_text().splitlines()]
        return [float(words[0]) for words in lines if len(words) == 4 and words[2] == str(pin) and words[3][:2] == "in"]

    return found()


def offset(host: Host) -> float:
    """The simulator's time less the board's, in us, by an edge that both know."""
    host.line(13)
    told = host.done("on 13")
    return host.board.changes(13)[-1].us - told


def test_both_edges_of_an_input_are_told_with_their_time(begin: Begin) -> None:
    host = begin()
    ahead = offset(host)
    host.done("input 2 1 0")
    assert host.ask("read 2")[3:] == ["1"]
    for level in (0, 1, 0):
        host.board.command(f"pin 2 {level}")
        event = host.event("in")
        assert event[4:] == ["2", str(level)]
        assert 0 <= int(event[2]) + ahead - driven(host.board, 2)[-1] <= 150
    assert host.ask("read 2")[3:] == ["0"]


def test_an_input_that_bounces_is_told_once(begin: Begin) -> None:
    host = begin()
    host.done("input 2 1 200000")
    for _ in range(5):
        host.board.command("pin 2 0")
        host.board.command("pin 2 1")
    host.board.command("pin 2 0")
    assert host.event("in")[4:] == ["2", "0"]
    host.done("time")
    while host.done("time") - host.done("time") > 0:
        pass
    start = host.done("time")
    while host.done("time") - start < 400_000:
        pass
    assert not host.events
    host.board.command("pin 2 1")
    assert host.event("in")[4:] == ["2", "1"]


def test_an_input_without_pull_up_and_several_at_once(begin: Begin) -> None:
    host = begin()
    host.board.command("pin 4 0")
    host.board.command("pin 12 0")
    wait_until(lambda: driven(host.board, 12), "the drive")
    host.done("input 4 0 0")
    host.done("input 12 0 0")
    host.board.command("pin 4 1")
    host.board.command("pin 12 1")
    assert {tuple(host.event("in")[4:]) for _ in range(2)} == {("4", "1"), ("12", "1")}


@pytest.mark.parametrize("pin", [14, 17, 21])
def test_an_analog_threshold_has_hysteresis(begin: Begin, pin: int) -> None:
    host = begin()
    host.done(f"analog {pin} 300 500")
    host.done("analog 15 100 200")
    for millivolts, level in ((3000, "1"), (1000, "0"), (2600, "1")):
        host.board.command(f"adc {pin} {millivolts}")
        assert host.event("in")[4:] == [str(pin), level]
    host.board.command(f"adc {pin} 2000")  # 409: between both
    start = host.done("time")
    while host.done("time") - start < 100_000:
        pass
    assert not host.events


def test_events_have_numbers_without_gaps(begin: Begin) -> None:
    host = begin()
    host.done("input 2 1 0")
    numbers = []
    for i in range(10):
        host.board.command(f"pin 2 {i % 2}")
        numbers.append(int(host.event("in")[1]))
    assert numbers == list(range(numbers[0], numbers[0] + 10))


def test_every_change_is_told_beside_trains(begin: Begin) -> None:
    """Edges of trains keep the inputs' interrupt waiting; its next turn must not be in the past by then."""
    host = begin()
    ahead = offset(host)
    host.done("input 2 1 0")
    for pin, period in ((7, 10_000), (9, 10_013)):  # in seconds their edges have had every distance from one another
        host.line(pin)
        host.done(f"train {pin} 0 5000 {period} 100000 0 0")
    for number in range(400):
        host.board.command(f"pin 2 {number % 2}")
        wait_until(lambda number=number: len(driven(host.board, 2)) > number, "the drive")
        host.done("time")  # an answer's length later
    wait_until(lambda: host.done("time") and len([e for e in host.events if e[3] == "in"]) == 400, "400 changes", 10)
    told = [int(event[2]) + ahead for event in host.events if event[3] == "in"]
    assert max(t - d for t, d in zip(told, driven(host.board, 2), strict=True)) < 300


@pytest.mark.parametrize("pins", [(2,), (2, 3, 5, 6, 11, 15, 16, 17)], ids=["one", "eight"])
def test_close_edges_keep_changes_of_inputs_waiting_for_a_fraction_of_a_millisecond(
    begin: Begin, pins: tuple[int, ...]
) -> None:
    """The simulator's looks at its commands shift slowly against the trains, so that changes come at many distances."""
    host = begin(free=True)
    ahead = offset(host)
    for pin in pins:
        host.board.command(f"pin {pin} 0")
    wait_until(lambda: driven(host.board, pins[-1]), "the drive")
    for pin in pins:
        host.done(f"input {pin} 0 0")
    begin_close_trains(host, (4, 7, 8, 9), 1_000_000)
    told: dict[int, list[float]] = {pin: [] for pin in pins}
    for number in range(1, CHANGES // len(pins) + 1):
        host.board.command("\n".join(f"pin {pin} {number % 2}" for pin in pins))
        for _ in pins:
            event = host.event("in")
            assert event[5] == str(number % 2)
            told[int(event[4])].append(int(event[2]) + ahead)
    late = [t - d for pin in pins for t, d in zip(told[pin], driven(host.board, pin)[1:], strict=True)]
    assert not host.events, "no change is lost"
    print(f"{len(late)} changes of {len(pins)} inputs, told {min(late):.0f} to {max(late):.0f} us after them")
    assert min(late) >= 0
    assert max(late) < 700


def test_the_greeting_says_the_number_of_the_next_event(begin: Begin) -> None:
    host = begin()
    for session in ("first", "second"):
        words = host.hello(session)
        assert words[-2] == "events"
        host.done("input 2 1 0")
        host.board.command(f"pin 2 {int(session == 'second')}")
        assert host.event("in")[1] == words[-1]
