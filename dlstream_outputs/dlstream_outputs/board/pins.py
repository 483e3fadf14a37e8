"""Pins of a board: how they are configured, and what the board reports of them."""

from __future__ import annotations

from dataclasses import dataclass

from dlstream_outputs.board.link import Pending

STEPS = 1023
"""What the board measures on an analog pin at its full supply."""


def in_steps(share: float) -> int:
    """What the board measures at this share of its supply."""
    return round(share * STEPS)


@dataclass(frozen=True)
class Line:
    """How an output's pin is configured; times in milliseconds."""

    pin: int
    active_high: bool = True
    max_on: int = 60_000
    watchdog: int = 200
    free_running: bool = False

    @property
    def command(self) -> str:
        """The line that configures it."""
        high, free = int(self.active_high), int(self.free_running)
        return f"output {self.pin} {high} {self.max_on} {self.watchdog} {free}"


@dataclass(frozen=True)
class BoardEvent:
    """What the board reported: its word and values, and when, in nanoseconds since the epoch."""

    word: str
    values: tuple[str, ...]
    stamp: int
    uncertainty: int
    board_us: int = 0
    """The board's own time, in microseconds modulo 2**32."""


@dataclass
class Rereading:
    """Inputs whose level is asked for after reports were lost.

    Attributes:
        pins: those whose level is not known again.
        event: since when it is in doubt.
        asked: the question about one of them that is under way.
    """

    pins: set[int]
    event: BoardEvent
    asked: Pending | None = None
