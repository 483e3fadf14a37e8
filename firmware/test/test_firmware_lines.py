"""The firmware's outputs: what each command does to its pin, and what switches it off."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from firmware_host import Host
from simulated_board import wait_until

Begin = Callable[..., Host]


def test_no_pin_is_driven_before_the_host_configures_it(begin: Begin) -> None:
    host = begin(greet=False)
    boot = host.reset()
    assert boot[4:6] == ["dlstream", "1"]
    for pin in range(20):
        if pin != 1:  # the serial port's own
            assert [change.level for change in host.board.changes(pin)] == ["z"], pin


def test_nothing_is_obeyed_before_the_handshake(begin: Begin) -> None:
    host = begin(greet=False)
    assert host.refused("output 9 1 1000 1000 0") == "hello first"
    assert host.refused("on 9") == "hello first"


def test_the_handshake_names_version_board_pins_and_session(begin: Begin) -> None:
    words = begin(greet=False).hello("a1b2c3")
    assert words[3:5] == ["dlstream", "1"]
    assert words[6:8] == ["atmega328p", "a1b2c3"]
    assert " ".join(words[8:-1]) == "pins 2-19 pwm 3,5,6,11 analog 14-21 lines 8 events"
    assert words[-1].isdecimal()


@pytest.mark.parametrize(("high", "off", "on"), [(1, "0", "1"), (0, "1", "0")])
def test_a_line_is_off_from_its_first_moment_and_goes_on_and_off(begin: Begin, high: int, off: str, on: str) -> None:
    host = begin()
    host.line(9, high=high)
    host.done("on 9")
    host.done("off 9")
    assert [change.level for change in host.board.changes(9)] == ["z", off, on, off]


def test_a_disarmed_line_obeys_only_off(begin: Begin) -> None:
    host = begin()
    host.done("output 9 1 1000 1000 0")
    host.done("output 3 1 1000 1000 0")
    for command in ("on 9", "train 9 0 1000 2000 2 0 0", "level 3 100"):
        assert host.refused(command) == "disarmed"
    host.done("off 9")
    host.done("arm 9")
    host.done("on 9")
    host.done("disarm 9")
    assert host.refused("on 9") == "disarmed"
    assert host.board.level(9) == "0"


def test_the_watchdog_of_a_line_that_is_not_fed_switches_it_off_and_only_it(begin: Begin) -> None:
    host = begin()
    host.line(8)
    host.line(9, watchdog=250)
    fed = host.done("alive 9")
    host.done("on 8")
    on = host.done("on 9")
    event = host.event("watchdog")
    assert event[4:] == ["9"]
    assert 250_000 <= int(event[2]) - fed < 255_000
    assert int(event[2]) > on
    assert (host.board.level(8), host.board.level(9)) == ("1", "0")
    host.done("alive 9")
    assert host.refused("on 9") == "disarmed"
    host.done("arm 9")
    host.done("on 9")


def test_a_fed_line_stays_on(begin: Begin) -> None:
    host = begin()
    host.line(9, watchdog=2000)
    first = host.done("on 9")
    while host.done("alive 9") - first < 5_000_000:
        pass
    assert host.board.level(9) == "1"


@pytest.mark.parametrize("command", ["train 9 0 1000 5000 10000 0 0", "level 3 90", "on 9"])
def test_whatever_a_line_does_ends_with_its_watchdog(begin: Begin, command: str) -> None:
    host = begin()
    pin = int(command.split()[1])
    host.line(pin, watchdog=300)
    host.done(command)
    assert host.event("watchdog")[4:] == [str(pin)]
    host.done("time")
    quiet = len(host.board.changes(pin))
    for _ in range(20):
        host.done("time")
    assert host.board.level(pin) == "0"
    assert len(host.board.changes(pin)) == quiet


def test_an_on_has_a_longest_duration_that_repeating_it_does_not_extend(begin: Begin) -> None:
    host = begin()
    host.line(9, max_on=400)
    first = host.done("on 9")
    while not host.events:
        words = host.ask("on 9")
        if words[0] == "E":
            break
    event = host.event("max_on")
    assert event[4:] == ["9"]
    assert 400_000 <= int(event[2]) - first < 405_000
    assert host.refused("on 9") == "disarmed"
    high, low = host.board.changes(9)[2:4]
    assert 400_000 <= low.us - high.us < 405_000


def test_the_longest_duration_also_holds_for_levels_and_pulses(begin: Begin) -> None:
    host = begin()
    host.line(3, max_on=100)
    host.done("level 3 40")
    assert host.event("max_on")[4:] == ["3"]
    host.done("arm 3")
    assert host.refused("train 3 0 100001 200000 1 0 0") == "width"
    host.done("train 3 0 100000 200000 1 0 0")
    host.event("end")


@pytest.mark.parametrize("level", [1, 64, 128, 254])
def test_a_level_is_pwm_of_that_share(begin: Begin, level: int) -> None:
    host = begin()
    for pin in (3, 5, 6, 11):
        host.line(pin)
        host.done(f"level {pin} {level}")
        first = wait_until(lambda pin=pin: len(host.board.changes(pin)) > 30 and host.board.changes(pin), "PWM")
        rises = [change for change in first[3:] if change.level == "1"][1:]
        falls = [change for change in first[3:] if change.level == "0" and change.us > rises[0].us]
        assert [b.us - a.us for a, b in pairwise(rises)] == pytest.approx([1024] * (len(rises) - 1), abs=10)
        for rise, fall in zip(rises, falls, strict=False):
            assert fall.us - rise.us == pytest.approx(4 * level, abs=10), pin
        host.done(f"off {pin}")
        assert host.board.level(pin) == "0"


def test_levels_at_the_ends_are_off_and_on_and_a_pin_without_pwm_says_so(begin: Begin) -> None:
    host = begin()
    host.line(3)
    host.line(9)
    host.done("level 3 255")
    assert host.board.level(3) == "1"
    host.done("level 3 0")
    assert host.board.level(3) == "0"
    assert host.refused("level 9 10") == "no pwm"
    assert host.refused("level 3 256") == "values"


def test_a_train_without_end_runs_only_on_a_line_declared_so(begin: Begin) -> None:
    host = begin()
    host.line(8)
    host.line(9, free=1)
    assert host.refused("train 8 0 1000 5000 0 0 0") == "count"
    host.done("train 9 0 1000 5000 0 0 0")
    wait_until(lambda: len(host.board.changes(9)) > 200, "a hundred frame triggers")
    host.done("off 9")
    assert host.board.level(9) == "0"


@pytest.mark.parametrize(
    ("train", "reason"),
    [
        ("0 199 5000 1 0 0", "width"),
        ("0 1000 1199 2 0 0", "period"),
        ("0 200 999 2 0 0", "period"),
        ("0 1000 5000 8 2 6000", "interval"),
        ("0 1000 500000000 8 4 600", "burst"),
        ("0 500000001 5000 1 0 0", "values"),
        ("0 1000 5000 1 0", "values"),
        ("0 1000 5000 -1 0 0", "values"),
        ("0 1e3 5000 1 0 0", "values"),
    ],
)
def test_a_train_that_cannot_be_made_is_refused(begin: Begin, train: str, reason: str) -> None:
    host = begin()
    host.line(9)
    assert host.refused(f"train 9 {train}") == reason
    assert host.board.level(9) == "0"


def test_a_reset_in_the_middle_of_a_train_leaves_everything_off(begin: Begin) -> None:
    host = begin()
    host.line(9)
    host.line(3)
    host.done("level 3 100")
    host.done("train 9 0 5000 10000 1000 0 0")
    wait_until(lambda: len(host.board.changes(9)) > 10, "the train")
    host.reset()
    assert host.refused("on 9") == "hello first"
    assert (host.board.level(9), host.board.level(3)) == ("z", "z")
    host.hello("again")
    host.line(9)
    host.done("on 9")
    assert host.board.level(9) == "1"


def test_a_new_host_finds_everything_off(begin: Begin) -> None:
    host = begin()
    host.line(9)
    host.done("on 9")
    host.hello("another")
    assert host.board.level(9) == "z"
    assert host.refused("on 9") == "pin"


def test_there_are_eight_lines_and_each_pin_is_used_once(begin: Begin) -> None:
    host = begin()
    for pin in range(4, 12):
        host.line(pin)
    assert host.refused("output 12 1 1000 1000 0") == "pin"
    host.hello()
    host.done("output 9 1 1000 1000 0")
    assert host.refused("output 9 1 1000 1000 0") == "pin"
    assert host.refused("input 9 1 0") == "pin"
    for pin in (0, 1, 20, 99):
        assert host.refused(f"output {pin} 1 1000 1000 0") in ("pin", "values")
