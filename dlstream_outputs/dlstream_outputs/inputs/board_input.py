"""A pin of a board with dlstream's firmware that is listened to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dlstream_common import FILLED_IN, RigNamespace, Settings, misfit
from dlstream_outputs.board import Board, BoardError, BoardEvent, claim, exclusive_pin, release, same_board
from dlstream_outputs.board.pins import STEPS, in_steps

FIRST_ANALOG = 14
_ANALOG_ONLY = 20
_HYSTERESIS = 0.05
"""Share of the supply between both thresholds of an analog input."""


class InputSettings(Settings):
    """A pin of an Arduino (Uno, Nano) with dlstream's firmware, on which the board stamps every change.

    A lever, a lick sensor, a TTL line, or with `above` a photodiode. `type: input` in an experiment file is a trigger
    that is true while it is on; events.csv has each change with the board's time.
    """

    type: Literal["arduino"] = "arduino"
    """Type of the input."""
    port: str = "auto"
    """The board's port, better by /dev/serial/by-id/...; auto: the only board with dlstream's firmware."""
    pin: int = Field(ge=2, le=21)
    """Number of the pin as on the board; 14 to 21 are A0 to A7, of which A6 and A7 take only `above`."""
    active_high: bool = True
    """true: the input is on when the pin is high; false: when it is low, as with a lever between pin and ground."""
    pull_up: bool = True
    """Holds the pin high while nothing is connected; for a lever or a switch to ground."""
    debounce: Annotated[float, Field(ge=0, le=1)] = 0.005
    """Seconds after a change, which is reported at once, in which no other one is reported. 0 for TTL lines."""
    above: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Analog: the pin is high above this share of the board's supply (5 V). Left out: a digital input."""
    below: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Analog: it is low again below this share; left out: 0.05 less than `above`, or half of it where that is more."""

    rig_namespace: Annotated[RigNamespace, FILLED_IN] = ""
    """The rig's namespace: changes are events on experiment/events below it."""

    @model_validator(mode="after")
    def _analog(self) -> InputSettings:
        if self.above is None and self.below is not None:
            raise misfit("below", "above as well: the threshold of an analog input")
        if self.above is None and self.pin >= _ANALOG_ONLY:
            raise misfit("pin", f"2 to {_ANALOG_ONLY - 1}, or above as well: A6 and A7 are analog only")
        if self.above is not None and self.pin < FIRST_ANALOG:
            raise misfit("pin", f"{FIRST_ANALOG} to 21 (A0 to A7), as above is for an analog input")
        if self.above is not None and self.below is not None and self.below > self.above:
            raise misfit("below", f"at most above, {self.above:g}")
        if self.above is not None and in_steps(self.above) >= STEPS:
            raise misfit("above", f"at most {(STEPS - 1) / STEPS:.4f}: the board measures {STEPS} at most, never more")
        if in_steps(self.low) < 1 and self.above is not None:
            where = "below" if self.below is not None else "above"
            least = 1 / STEPS if self.below is not None else 2 / STEPS
            raise misfit(where, f"at least {least:.4f}: the board measures 0 at least, never less")
        return self

    @property
    def low(self) -> float:
        """The share of the supply below which an analog pin is low."""
        above = self.above or 0.0
        return above - min(_HYSTERESIS, above / 2) if self.below is None else self.below

    @property
    def shared_device(self) -> str:
        """As OutputSettings.shared_device."""
        return same_board(self.port)

    @property
    def exclusive(self) -> Mapping[str, str]:
        """As OutputSettings.exclusive."""
        return exclusive_pin(self.port, self.pin)


class BoardInput:
    """Listens to one pin.

    Args:
        on_change: called in the board's thread with whether the input is on and the board's event: its `stamp` is the
            time of the change in nanoseconds since the epoch, its `uncertainty` that of the stamp.
        on_loss: called in the board's thread with a text when the board had to leave changes out.
    """

    def __init__(
        self,
        settings: InputSettings,
        log: Callable[[str], None],
        on_change: Callable[[bool, BoardEvent], None],
        on_loss: Callable[[str], None],
    ) -> None:
        self._settings, self._log, self._on_change, self._on_loss = settings, log, on_change, on_loss
        self._board: Board | None = None

    def open(self) -> None:
        """Claims the board and the pin.

        Raises:
            BoardError: names the key that is wrong, and says what to do.
        """
        s = self._settings
        try:
            board = claim(s.port, self._log)
        except BoardError as error:
            raise BoardError(f"port: {error}") from error
        self._board = board
        board.listen(self._on_event)
        try:
            if s.above is None:
                board.add_input(s.pin, pull_up=s.pull_up, debounce=s.debounce)
            else:
                board.add_threshold(s.pin, s.low, s.above)
        except BoardError as error:
            self.close()
            raise BoardError(f"pin: {error}") from error

    def read(self) -> bool:
        """Whether the input is on.

        Raises:
            BoardError: the board does not answer.
        """
        return self._is_on(self._opened.read(self._settings.pin))

    def fault(self) -> str:
        """Why the pin is no longer heard; empty if all is well."""
        return self._opened.fault(self._settings.pin)

    def close(self) -> None:
        """Lets go of the board."""
        board, self._board = self._board, None
        if board is not None:
            board.unlisten(self._on_event)
            release(board)

    @property
    def hardware_id(self) -> str:
        """The board and its pin."""
        board = self._board
        return (
            "" if board is None else f"{board.kind} at {board.port}, firmware {board.version}, pin {self._settings.pin}"
        )

    def _on_event(self, event: BoardEvent) -> None:
        if event.word == "lost":
            self._on_loss(
                f"{' '.join(event.values)} changes of the board's inputs were left out: they came faster than it can "
                "tell them; expected a larger debounce"
            )
        elif event.word == "gap":
            self._on_loss(
                f"{event.values[0]} of the board's reports were lost on the way, maybe changes of this input; its "
                "level is read again. Expected a cable that loses nothing"
            )
        elif event.word == "in" and event.values[:1] == (str(self._settings.pin),):
            self._on_change(self._is_on(event.values[1] == "1"), event)

    def _is_on(self, high: bool) -> bool:
        return high == self._settings.active_high

    @property
    def _opened(self) -> Board:
        if self._board is None:
            raise BoardError("the board is not open")
        return self._board
