"""A host of the board for tests: speaks the protocol line by line."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import pytest
from simulated_board import SimulatedBoard

pytest.importorskip("serial", reason="pyserial is not installed (make devices)")
import serial


class Host:
    """Speaks the protocol as docs/reference/firmware.md has it, on its own: no code of the product is in between."""

    def __init__(self, board: SimulatedBoard) -> None:
        self.board = board
        self.port = serial.Serial(board.port, 115200, timeout=60, exclusive=True)
        self.number = 0
        self.events: list[list[str]] = []
        self.port.timeout = 1
        while True:  # what came while the port was being opened is not whole: wait for the first whole answer
            self.write("0 hello")
            lines = iter(self.port.readline, b"")
            if any(line.startswith(b"E 0 ") for line in lines):
                break
        self.port.timeout = 0.3
        while self.port.read(100):
            pass
        self.port.timeout = 60

    def reset(self) -> list[str]:
        """Presses the reset button; the event of the boot."""
        self.board.command("reset")
        return self.event("boot")

    def send(self, text: str) -> int:
        """A command in a line of its own; its number."""
        self.number += 1
        self.write(f"{self.number} {text}")
        return self.number

    def write(self, payload: str) -> None:
        self.port.write(framed(payload))

    def read(self) -> list[str]:
        """The words of the board's next line that is not empty, whose CRC must fit."""
        while (line := self.port.readline()) == b"\n":
            pass
        payload, _, crc = line.rstrip(b"\n").rpartition(b"*")
        assert line.endswith(b"\n"), line
        assert int(crc, 16) == zlib.crc32(payload), line
        return payload.decode().split()

    def answer(self, number: int) -> list[str]:
        """The answer to that line; events on the way are kept."""
        while True:
            words = self.read()
            if words[0] == "!":
                self.events.append(words)
            elif int(words[1]) == number:
                return words

    def ask(self, text: str) -> list[str]:
        return self.answer(self.send(text))

    def done(self, text: str) -> int:
        """Sends a command that must be carried out; the board's time of it in us."""
        words = self.ask(text)
        assert words[0] == "A", (text, words)
        return int(words[2])

    def refused(self, text: str) -> str:
        """Sends a command that must be refused; why."""
        words = self.ask(text)
        assert words[0] == "E", (text, words)
        return " ".join(words[3:])

    def event(self, word: str) -> list[str]:
        """The next event of that kind, also of those that came before."""
        while True:
            for event in self.events:
                if event[3] == word:
                    self.events.remove(event)
                    return event
            words = self.read()
            assert words[0] == "!", words
            self.events.append(words)

    def hello(self, session: str = "test") -> list[str]:
        self.number = 0
        self.write(f"0 hello {session}")
        return self.answer(0)

    def line(self, pin: int, max_on: int = 3_600_000, watchdog: int = 3_600_000, high: int = 1, free: int = 0) -> None:
        """Configures an output and arms it."""
        self.done(f"output {pin} {high} {max_on} {watchdog} {free}")
        self.done(f"arm {pin}")


def framed(payload: str) -> bytes:
    return f"{payload}*{zlib.crc32(payload.encode()):08X}\n".encode()


def begin_close_trains(host: Host, pins: Sequence[int], count: int) -> list[int]:
    """Trains of 1 kHz, 62 us apart; the board's times of their first edges in us, of which the last is over."""
    period = 1000
    base = host.done("time")
    starts: list[int] = []
    for place, pin in enumerate(pins):
        host.line(pin)
        delay = 2_000_000
        while True:  # until its phase is right
            start = host.done(f"train {pin} {delay} 500 {period} {count} 0 0")
            late = (start - base - 62 * place + period // 2) % period - period // 2
            if abs(late) <= 8:
                break
            delay += -late % period
        starts.append(start)
    while host.done("time") < max(starts):
        pass
    return starts
