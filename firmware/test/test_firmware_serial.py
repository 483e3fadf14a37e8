"""Damaged lines are never carried out, and nothing that arrives stops the firmware.

The full numbers take minutes: DLSTREAM_TEST_DAMAGED_LINES=10000 DLSTREAM_TEST_SOAK_LINES=30000.
"""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Callable

import pytest
from firmware_host import Host, framed
from simulated_board import wait_until

DAMAGED = int(os.environ.get("DLSTREAM_TEST_DAMAGED_LINES", "1000"))
SOAK = int(os.environ.get("DLSTREAM_TEST_SOAK_LINES", "1000"))


def damage(line: bytes, dice: random.Random) -> bytes:
    """The line after one to three faults of a wire, a driver or a program."""
    wrong = bytearray(line)
    while bytes(wrong) == line:
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(len(wrong))
            match dice.randrange(7):
                case 0:
                    wrong[at] ^= 1 << dice.randrange(8)
                case 1:
                    del wrong[at : at + dice.randint(1, 4)]
                case 2:
                    wrong[at:at] = dice.randbytes(dice.randint(1, 4))
                case 3:
                    wrong[at] = dice.choice(b"0123456789 *\n\r")
                case 4:
                    wrong[at:at] = wrong[: dice.randint(1, 30)]
                case 5:
                    wrong[at:] = b"\n"
                case _:
                    wrong[:0] = dice.randbytes(dice.randint(1, 100))
            if not wrong:
                break
    return bytes(wrong)


def is_good(line: bytes) -> bool:
    """Whether the line still has the right CRC: a command by accident, which no firmware could tell from one."""
    payload, _, crc = line.rpartition(b"*")
    return len(crc) == 8 and crc == b"%08X" % zlib.crc32(payload)


def test_damaged_lines_are_never_carried_out(begin: Callable[..., Host]) -> None:
    dice = random.Random(7)
    host = begin(free=True)
    for pin in (8, 9, 3):
        host.line(pin)
    commands = ["on 9", "train 8 0 1000 5000 100 0 0", "level 3 200", "on 8", "off 9", "arm 9", "hello x"]
    sent = 0
    while sent < DAMAGED:
        for _ in range(8):
            while True:
                number = dice.choice([host.number + 1, dice.randint(1, 65535)])
                line = damage(framed(f"{number} {dice.choice(commands)}"), dice)
                if not any(is_good(part) for part in line.split(b"\n")):
                    break
            host.port.write(line)
            sent += 1
        host.port.write(b"\n")  # ends what has no end
        host.done("time")
        host.events.clear()
    for pin in (8, 9, 3):
        assert [change.level for change in host.board.changes(pin)] == ["z", "0"], pin
    print(f"{sent} damaged lines, none carried out")
    host.done("on 9")
    assert host.board.level(9) == "1"


def test_a_damaged_line_is_told(begin: Callable[..., Host]) -> None:
    host = begin()
    host.port.write(framed("1 time").replace(b"time", b"tyme"))
    assert host.event("damaged")
    host.port.write(b"x" * 500 + b"\n")
    assert host.event("damaged")
    host.done("time")


def test_a_line_that_comes_twice_is_carried_out_once(begin: Callable[..., Host]) -> None:
    host = begin()
    host.line(9)
    number = host.send("on 9")
    host.answer(number)
    host.done("off 9")
    host.write(f"{number} on 9")
    assert host.answer(number)[3:] == ["number"]
    assert host.board.level(9) == "0"


def test_numbers_go_round(begin: Callable[..., Host]) -> None:
    host = begin()
    host.number = 0
    while host.number < 65500:
        host.number = min(host.number + 200, 65500)
        host.done("time")
    while host.number < 65535:
        host.done("time")
    host.number = 0  # the line after 65535 is 1
    host.done("time")
    assert host.refused("nonsense") == "pin"


def test_commands_that_make_no_sense_are_refused(begin: Callable[..., Host]) -> None:
    host = begin()
    host.line(9)
    for text in (
        "",
        "on",
        "on 9 9",
        "on x",
        "on -1",
        "on 99999999999",
        "fly 9",
        "output",
        "output 9",
        "input 2 2 0",
        "input 2 1 9999999",
        "analog 14 600 500",
        "analog 2 1 2",
        "level 9",
        "train 9",
        "alive 8",
        "read 2",
        "time 1",
        "arm 8",
        "off 8",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14",
    ):
        number = host.send(text)
        if text:
            assert host.answer(number)[0] == "E", text
    host.done("time")
    assert host.board.level(9) == "0"


def test_eight_lines_may_be_on_their_way(begin: Callable[..., Host]) -> None:
    host = begin()
    host.line(9)
    for _ in range(20):
        numbers = [host.send("train 9 500000000 100000000 200000000 100000000 0 0") for _ in range(8)]
        assert all(host.answer(number)[0] == "A" for number in numbers)


@pytest.mark.slow
def test_hours_of_commands_change_nothing(begin: Callable[..., Host]) -> None:
    host = begin(free=True)
    host.line(9, watchdog=60_000)
    host.line(3, watchdog=60_000)
    host.done("input 2 1 1000")
    dice = random.Random(3)
    asked = 0
    for _ in range(SOAK):
        command = dice.choice(["on 9", "off 9", "alive 9 3", "time", "train 9 0 1000 3000 5 0 0", "level 3 100", "off"])
        words = host.ask(command)
        assert words[0] == "A", (command, words)
        asked += 1
        host.events.clear()
        if host.number >= 65535:
            host.number = 0
    host.done("off")
    assert asked == SOAK
    wait_until(lambda: host.board.level(9) == "0" and host.board.level(3) == "0", "off")
