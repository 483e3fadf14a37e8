"""Pulses for the trigger input of cameras, made by a board with dlstream's firmware."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dlstream_common import Problem, misfit, now
from dlstream_outputs.actions import Action
from dlstream_outputs.board import PATIENT, BoardError
from dlstream_outputs.outputs._base import Fate, OutputError
from dlstream_outputs.outputs._board_pin import BoardPin, BoardPinSettings

_WATCHDOG = 2.0
"""Seconds: long enough for a computer that is busy, as a missing pulse is a missing frame."""
_SHORTEST = 0.2


class FrameTriggerSettings(BoardPinSettings):
    """Pulses at a fixed rate on a pin of an Arduino with dlstream's firmware, for cameras with a hardware trigger.

    They begin before the cameras' nodes and end after them. No experiment commands them, and "off" does not stop them:
    a rig without frames would be blind. Cameras at one pin take their frames at the same moment.
    """

    type: Literal["frame_trigger"] = "frame_trigger"
    """Type of the output."""
    rate: Annotated[float, Field(ge=0.1, le=1000)]
    """Pulses a second: the cameras' frame rate."""
    width: Annotated[float, Field(ge=_SHORTEST, le=1000)] = 1.0
    """Milliseconds for which each pulse lasts; for a camera that exposes as long as its trigger lasts, the exposure."""
    active_high: bool = True
    """true: a pulse is high; false: low."""

    @model_validator(mode="after")
    def _gap(self) -> FrameTriggerSettings:
        if self.width > 1000 / self.rate - _SHORTEST:
            raise misfit("width", f"at most {1000 / self.rate - _SHORTEST:.3g} ms at {self.rate:g} Hz")
        return self

    def read(self, action: str, values: Mapping[str, str]) -> Action | Problem:
        return Problem(("action",), f"'{action}'", "no command: the pulses run by themselves while the rig runs")

    def without_computer(self) -> Fate:
        return Fate(f"the board ends the pulses after {_WATCHDOG:g} s", ends=True)


class FrameTrigger(BoardPin[FrameTriggerSettings]):
    """See FrameTriggerSettings."""

    arming = "start"
    acknowledges = "nothing: it takes no commands"
    _stopped = ""
    """Why the pulses have ended for good; empty: they have not."""
    _reason = ""
    """Why they ended."""
    _failing = 0.0
    """Since when they could not begin again, in seconds of the steady clock; 0: they could."""

    def connect(self) -> None:
        """Takes board and pin, without a pulse.

        Raises:
            OutputError: there is no such board, or it refuses the pin.
        """
        self.take(max_on=2000, watchdog=round(1000 * _WATCHDOG), free_running=True)

    def open(self) -> None:
        self.connect()
        self._stopped, self._failing = "", 0.0
        try:
            self._start()
        except BoardError as error:
            self.close()
            raise OutputError(f"pin: {error}") from error

    def _start(self) -> None:
        s = self.settings
        train = f"train {s.pin} 0 {round(1000 * s.width)} {round(1e6 / s.rate)} 0 0 0"
        self.opened.command(s.pin, train, PATIENT)

    def apply(self, action: Action) -> int:
        raise OutputError("the pulses run by themselves while the rig runs; expected no command")

    def off(self) -> int:
        """Changes nothing; a failure only where the pulses have ended for good, so that the node ends as well."""
        if self._stopped:
            raise OutputError(self._stopped)
        return now()

    def fault(self) -> str:
        """Also feeds the board: its node asks all the time, whether an output is on or not.

        Where the board has ended the pulses, they begin again: a rig without frames is blind.
        """
        board = self._board
        if board is None:
            return ""
        problem = board.fault(self.settings.pin)
        if board.is_gone:
            self._stopped = self._stopped or problem
        elif board.may_be_off(self.settings.pin):
            return self._begin_again(problem)
        else:
            board.feed(self.settings.pin)
        return problem

    def _begin_again(self, problem: str) -> str:
        """Begins the pulses again; a computer that was busy may have to try more than once. Returns what to report."""
        self._reason = problem or self._reason
        try:
            self._start()
        except BoardError as error:
            self._failing = self._failing or time.monotonic()
            if time.monotonic() - self._failing < _WATCHDOG:
                return problem
            self._stopped = f"{self._reason}; the pulses can't begin again: {error}"
            return self._stopped
        self._failing = 0.0
        return f"{self._reason}; the pulses begin again now, and frames are missing in between"
