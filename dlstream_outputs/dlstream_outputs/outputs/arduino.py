"""A pin of a board with dlstream's own firmware: pulses made by the board, and off when anything fails."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dlstream_common import Problem
from dlstream_outputs.actions import Action, Level, On, Pulse, Strength, Train
from dlstream_outputs.board import PATIENT, BoardError
from dlstream_outputs.board.lines import LONGEST
from dlstream_outputs.outputs._base import Fate, OutputError
from dlstream_outputs.outputs._board_pin import BoardPin, BoardPinSettings

_SHORTEST = 0.2
"""Milliseconds that a pulse or a gap lasts at least."""
_HIGHEST_FREQUENCY = 1000.0
_LONGEST = 500.0
"""Seconds that the board can count for one phase of a train."""
_PWM_PINS = (3, 5, 6, 11)
_STEPS = 256
"""Of a level between 0 and 1. It is rounded down: the pin never gives more than what was commanded, and is counted."""
_LONGEST_ON = 3_600_000
"""Milliseconds that the firmware takes as max_on at most."""
_MOST_PULSES = 999_999_999
_LONGEST_COMMAND = LONGEST - len("65535 ") - len("*CRC-32..")
"""Letters of a line to the board that are left for the command itself."""
_MARGIN = 50
"""Milliseconds after max_on at which the board ends what the computer should have ended."""


class ArduinoSettings(BoardPinSettings):
    """A pin of an Arduino (Uno, Nano) with dlstream's firmware: `dlstream firmware flash`.

    The board makes pulses and trains itself, to some microseconds, and switches the pin off when this computer falls
    silent. Several outputs can use pins of one board.
    """

    type: Literal["arduino"] = "arduino"
    """Type of the output."""
    pin: int = Field(ge=2, le=19)
    """Number of the pin as on the board; 14 to 19 are A0 to A5. 3, 5, 6 and 11 can have a level."""
    max_on: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """Seconds for which it may be on without a break; the board itself ends what is longer."""
    watchdog: Annotated[float, Field(ge=0.1, le=10)] = 0.2
    """Seconds without a sign of life of this computer after which the board switches the pin off."""
    answer_timeout: Annotated[float, Field(gt=0, le=10)] = 0.1
    """Seconds within which the board must answer a command; later is a fault."""
    free_running: bool = False
    """true: trains without an end are allowed, such as triggers of a camera."""

    actions = (On, Pulse, Train, Level)

    def check_action(self, action: Action) -> Problem | None:
        if isinstance(action, Strength) and (problem := self._strength_problem(action)):
            return problem
        if isinstance(action, Pulse):
            return _phase_problem("width", action.width or 0.0) or _delay_problem(action.delay)
        if isinstance(action, On) and action.duration is not None:
            return _phase_problem("duration", 1000 * action.duration)
        return self._train_problem(action) if isinstance(action, Train) else None

    def _strength_problem(self, action: Strength) -> Problem | None:
        if action.voltage is not None:
            return Problem(("values", "voltage"), f"{action.voltage:g} V", "a level: the board has no analog output")
        partial = action.level is not None and 0 < action.level < 1
        if partial and self.pin not in _PWM_PINS:
            return Problem(
                ("values", "level"), f"{action.level:g}", f"0 or 1: pin {self.pin} has no PWM, {_pins()} have"
            )
        if partial and _duty(action.level or 0.0) == 0:
            lowest = f"0, or at least 1/{_STEPS} ({1 / _STEPS:.4f}), the lowest that the board can make"
            return Problem(("values", "level"), f"{action.level:g}", lowest)
        if partial and not (isinstance(action, Level) or (isinstance(action, On) and action.duration is None)):
            return Problem(("values", "level"), f"{action.level:g}", f"1 or no level in a {action.name}")
        return None

    def _train_problem(self, train: Train) -> Problem | None:
        if train.frequency > _HIGHEST_FREQUENCY:
            return Problem(("values", "frequency"), f"{train.frequency:g} Hz", f"at most {_HIGHEST_FREQUENCY:g} Hz")
        if train.pulses is None and not self.free_running:
            return Problem(
                ("values", "count"), "nothing", "count or duration, as the output does not say free_running: true"
            )
        gap = 1000 / train.frequency - train.width
        pause = 1000 * train.burst_period - (train.burst - 1) * 1000 / train.frequency - train.width
        if min(gap, pause) < _SHORTEST - 1e-9:
            found = f"a gap of {max(0, min(gap, pause)):g} ms between pulses"
            return Problem(("values", "width"), found, f"at least {_SHORTEST:g} ms")
        return (
            _phase_problem("width", train.width)
            or _phase_problem("frequency", 1000 / train.frequency)
            or _phase_problem("burst_frequency", 1000 * train.burst_period)
            or _delay_problem(train.delay)
            or self._too_long(train)
        )

    def _too_long(self, train: Train) -> Problem | None:
        """What the board's line, or its counter, can't hold."""
        if (train.pulses or 0) > _MOST_PULSES:
            return Problem(("values",), f"a train of {train.pulses} pulses", f"at most {_MOST_PULSES}")
        letters = len(command_of(train, self.pin))
        if letters > _LONGEST_COMMAND:
            found = f"a train whose numbers take {letters} letters of a line to the board"
            return Problem(("values",), found, f"at most {_LONGEST_COMMAND}: shorter times or fewer pulses")
        return None

    def without_computer(self) -> Fate:
        return Fate(f"the board switches it off after {self.watchdog:g} s", ends=True)


def _pins() -> str:
    return f"{', '.join(map(str, _PWM_PINS[:-1]))} and {_PWM_PINS[-1]}"


def _phase_problem(name: str, milliseconds: float) -> Problem | None:
    if milliseconds < _SHORTEST:
        return Problem(("values", name), f"{milliseconds:g} ms", f"at least {_SHORTEST:g} ms, which the board can make")
    if milliseconds > 1000 * _LONGEST:
        return Problem(
            ("values", name), f"{milliseconds / 1000:g} s", f"at most {_LONGEST:g} s, which the board counts"
        )
    return None


def _delay_problem(milliseconds: float) -> Problem | None:
    return _phase_problem("delay", max(milliseconds, _SHORTEST))


class Arduino(BoardPin[ArduinoSettings]):
    """See ArduinoSettings."""

    ends_actions = True
    clock_error = 0.01  # a Uno's resonator is good to 0.5 %; and a period is rounded to whole microseconds
    acknowledges = "pin changed"
    _used = False
    """Since the last off: only then is a slow answer a fault."""

    def open(self) -> None:
        s = self.settings
        max_on, watchdog = min(round(1000 * s.max_on) + _MARGIN, _LONGEST_ON), round(1000 * s.watchdog)
        self.take(max_on=max_on, watchdog=watchdog, free_running=s.free_running)

    def apply(self, action: Action) -> int:
        s = self.settings
        self._used = True
        try:
            return self.opened.command(s.pin, command_of(action, s.pin), s.answer_timeout)
        except BoardError as error:
            raise OutputError(str(error)) from error

    def off(self) -> int:
        s = self.settings
        try:
            switched = self.opened.off(s.pin, s.answer_timeout if self._used else max(PATIENT, s.answer_timeout))
        except BoardError as error:
            raise OutputError(f"{error}; the board switches off by itself after {s.watchdog:g} s") from error
        self._used = False
        return switched

    def has_ended(self) -> bool:
        return self.opened.has_ended(self.settings.pin)

    def keep_alive(self) -> None:
        self.opened.feed(self.settings.pin)

    def fault(self) -> str:
        return self.opened.fault(self.settings.pin, self.settings.answer_timeout)


def command_of(action: Action, pin: int) -> str:
    """The board's command for an action.

    Raises:
        OutputError: the board has none for it.
    """
    if isinstance(action, On) and action.duration is not None:
        return f"train {pin} 0 {round(action.duration * 1e6)} 0 1 0 0"
    if isinstance(action, (On, Level)):
        level = 1.0 if action.level is None else action.level
        return f"on {pin}" if level == 1 else f"off {pin}" if level == 0 else f"level {pin} {_duty(level)}"
    if isinstance(action, Pulse) and action.width is not None:
        return f"train {pin} {round(action.delay * 1e3)} {round(action.width * 1e3)} 0 1 0 0"
    if isinstance(action, Train):
        period = round(1e6 / action.frequency)
        burst, interval = (action.burst, round(1e6 * action.burst_period)) if action.burst > 1 else (0, 0)
        timing = f"{round(action.delay * 1e3)} {round(action.width * 1e3)} {period}"
        return f"train {pin} {timing} {action.pulses or 0} {burst} {interval}"
    raise OutputError(f"found '{action.text}'; expected on, pulse, train or level")


def _duty(level: float) -> int:
    return min(int(level * _STEPS + 1e-6), _STEPS - 2)  # the millionth is for what a product of floats lacks
