"""A line of a Harp Behavior board: the board times its pulses, and ends what this computer no longer keeps on."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from dlstream_common import Problem
from dlstream_outputs.actions import Action, On, Pulse, Train
from dlstream_outputs.outputs._base import Fate, Output, OutputError, OutputSettings
from dlstream_outputs.outputs._harp_board import PATIENT, Answered, HarpBoard, claim, release
from dlstream_outputs.outputs._harp_registers import CLEAR, LONGEST, SET, STATE, Line, line_of_name
from dlstream_outputs.outputs._on_or_off import strength_problem
from dlstream_outputs.outputs._timed_line import TIMED, TimedLine

_SHORTEST_GAP = 2.0
"""Milliseconds between two pulses of a train at least: the board ends one at a whole millisecond of its own."""
_SILENCE = 1.0
"""Seconds for an answer where the board is only asked whether it is there."""


def _known_line(name: str) -> str:
    line_of_name(name)
    return name


class HarpSettings(OutputSettings):
    """A line of a Harp Behavior board, which ends each pulse itself, and what is on when this computer falls silent.

    Pulses last whole milliseconds by the board's clock. The pulses of a train begin by this computer's clock, and each
    may be milliseconds late. Several outputs can use lines of one board.
    """

    type: Literal["harp"] = "harp"
    """Type of the output."""
    port: str = Field(min_length=1)
    """The board's port, such as /dev/ttyUSB0; better /dev/serial/by-id/..., which stays the same."""
    line: Annotated[str, AfterValidator(_known_line)]
    """The line as Harp names it: DO0 to DO3, Led0, Led1, Rgb0, Rgb1, DOPort0 to DOPort2, SupplyPort0 to SupplyPort2."""
    watchdog: Annotated[float, Field(ge=0.1, le=10)] = 0.25
    """Seconds without a sign of life of this computer after which the board itself ends an `on`; max_on if less."""
    answer_timeout: Annotated[float, Field(gt=0, le=10)] = 0.1
    """Seconds within which the board must answer a command; later is a fault."""

    actions = TIMED

    @property
    def shared_device(self) -> str:
        return f"harp {os.path.realpath(self.port)}"

    @property
    def exclusive(self) -> Mapping[str, str]:
        return {"line": f"{self.line} of the Harp board at {os.path.realpath(self.port)}"}

    def check_action(self, action: Action) -> Problem | None:
        if problem := strength_problem(action):
            return problem
        if isinstance(action, On) and action.duration is not None and action.duration < 0.001:
            return Problem(("values", "duration"), f"{1000 * action.duration:g} ms", "at least 1 ms")
        if isinstance(action, (Pulse, Train)) and action.width is not None:
            if not 1 <= action.width < LONGEST + 1:
                return Problem(
                    ("values", "width"), f"{action.width:g} ms", f"1 to {LONGEST} ms, which the board itself can time"
                )
            if isinstance(action, Train) and 1000 / action.frequency - int(action.width) < _SHORTEST_GAP - 1e-9:
                gap = 1000 / action.frequency - int(action.width)
                wanted = f"at least {_SHORTEST_GAP:g} ms: the board counts whole milliseconds"
                return Problem(("values", "frequency"), f"a gap of {gap:.3g} ms between pulses", wanted)
        return None

    @property
    def kept_on(self) -> int:
        """Milliseconds for which an `on` lasts that this computer does not begin anew."""
        return max(1, int(1000 * min(self.watchdog, self.limits.on) + 1e-6))

    def without_computer(self) -> Fate:
        after = f"{self.kept_on / 1000:g} s"
        return Fate(f"the board itself ends an 'on' after {after}, and each pulse at its width", ends=True)


class Harp(Output[HarpSettings]):
    """See HarpSettings.

    Each time that the line is switched on it is for a pulse of the board's own. An `on` is a pulse of `watchdog`
    seconds, which begins anew before it has ended for as long as the commander lives.
    """

    requires: ClassVar[Mapping[str, str]] = {"harp.device.client": "harp-device", "serial": "pyserial"}
    ends_actions = True
    clock_error = 0.001
    acknowledges = "line changed"

    def __init__(self, settings: HarpSettings, log: Callable[[str], None]) -> None:
        super().__init__(settings, log)
        self._at: Line = line_of_name(settings.line)
        self._line = TimedLine(self._switch)
        self._board: HarpBoard | None = None
        self._width = 0  # milliseconds of what is played
        self._renewed = self._used = False
        self._trouble = ""  # of the board, as it was told last
        self._last: Answered | None = None

    def open(self) -> None:
        self._trouble = ""
        board = claim(self.settings.port, self.log)
        try:
            board.take(self._at)
        except OutputError:
            release(board)
            raise
        self._board = board
        try:
            self.off()
        except OutputError:
            self.close()
            raise
        self.log(board.description)

    def apply(self, action: Action) -> int:
        if self._board is not None:  # also for what begins only after a delay
            self._board.confirm(self._at, self._timeout)
        self._width, self._used = self._width_of(action), True
        longest = min(action.seconds or math.inf, self.settings.limits.on)
        self._renewed = isinstance(action, On) and longest > self.settings.watchdog
        return self._line.play(action, device_ends=not self._renewed)

    def off(self) -> int:
        switched = self._line.low()
        if self._board is not None and self._board.read(STATE, self._timeout).value & self._at.bit:
            raise OutputError(
                f"{self.settings.line} of the {self._board.description}, is still on after {CLEAR.name}; does the "
                "board itself drive it (a register Mimic... that another program has set)?"
            )
        self._used = self._renewed = False
        return switched

    def keep_alive(self) -> None:
        before = self._last
        if not self._renewed or before is None or time.monotonic() - before.sent < self.settings.watchdog / 8:
            return
        if self._line.again() and self._last is not None:
            late = self._last.since(before)
            if late >= self._width / 1000:
                raise OutputError(
                    f"the board switched {self.settings.line} off in between: it heard nothing for {late:.3f} s; "
                    f"expected less than watchdog, {self.settings.watchdog:g} s"
                )

    def fault(self) -> str:
        trouble, before = "", self._trouble
        if self._board is not None:
            try:
                self._board.look(self._at, max(_SILENCE, self.settings.answer_timeout))
            except OutputError as error:
                trouble = str(error)
        self._trouble = trouble
        if trouble and trouble != before:
            return trouble
        return self._line.fault()

    def close(self) -> None:
        board = self._board
        if board is None:
            return
        try:
            self._line.low()
        except OutputError as error:
            self.log(f"closed without a last off, which the board does itself: {error}")
        self._board = None
        board.give_back(self._at)
        release(board)

    @property
    def hardware_id(self) -> str:
        where = self.settings.port if self._board is None else self._board.description
        return f"{where} {self.settings.line}"

    @property
    def _timeout(self) -> float:
        """Seconds for an answer: only since something was switched on is a slow one a fault."""
        return self.settings.answer_timeout if self._used else max(PATIENT, self.settings.answer_timeout)

    def _width_of(self, action: Action) -> int:
        """Milliseconds after which the board ends what is switched on. Rounded down: never more than was commanded."""
        if isinstance(action, (Pulse, Train)) and action.width is not None:
            return int(action.width + 1e-6)
        duration = action.seconds
        kept_on = self.settings.kept_on
        return kept_on if duration is None else min(kept_on, max(1, int(1000 * duration + 1e-6)))

    def _switch(self, high: bool) -> int | None:
        board = self._board
        if board is None:
            return None
        if not high:
            return board.write(CLEAR, self._at.bit, self._timeout).stamp
        board.prepare(self._at, self._width, self._timeout)
        self._last = board.write(SET, self._at.bit, self._timeout)
        try:
            board.confirm(self._at, self._timeout)
        except OutputError:  # the board may not end it: not even if this program dies now
            with suppress(OutputError):
                board.write(CLEAR, self._at.bit, self._timeout)
            raise
        return self._last.stamp
