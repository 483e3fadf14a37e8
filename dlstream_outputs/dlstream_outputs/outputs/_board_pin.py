"""What outputs at a pin of a board with dlstream's firmware have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import Field

from dlstream_outputs.board import Board, BoardError, Line, claim, exclusive_pin, release, same_board
from dlstream_outputs.outputs._base import Output, OutputError, OutputSettings


class BoardPinSettings(OutputSettings):
    """A pin of an Arduino with dlstream's firmware."""

    port: str = "auto"
    """The board's port, better by /dev/serial/by-id/...; auto: the only board with dlstream's firmware."""
    pin: int = Field(ge=2, le=19)
    """Number of the pin as on the board; 14 to 19 are A0 to A5."""
    active_high: bool = True
    """true: the pin is high when the output is on; false: low, for a relay board that switches on low."""

    @property
    def shared_device(self) -> str:
        return same_board(self.port)

    @property
    def exclusive(self) -> Mapping[str, str]:
        return exclusive_pin(self.port, self.pin)


S = TypeVar("S", bound=BoardPinSettings)


class BoardPin(Output[S]):
    """Takes the board and the pin, and gives them back."""

    requires: ClassVar[Mapping[str, str]] = {"serial": "pyserial"}
    _board: Board | None = None

    def take(self, **line: Any) -> Board:
        """Opens the board, if no other output has, and sets up the pin.

        Args:
            line: the fields of a Line that the pin has beside its number and what is on.

        Raises:
            OutputError: there is no such board, or it refuses the pin.
        """
        s = self.settings
        try:
            board = claim(s.port, self.log)
        except BoardError as error:
            raise OutputError(f"port: {error}") from error
        self._board = board
        try:
            board.configure(Line(s.pin, s.active_high, **line))
        except BoardError as error:
            self.close()
            raise OutputError(f"pin: {error}") from error
        return board

    def close(self) -> None:
        board, self._board = self._board, None
        if board is None:
            return
        try:
            board.off(self.settings.pin)
        except BoardError as error:
            self.log(f"closed without a last off, which the board does itself: {error}")
        release(board)

    @property
    def hardware_id(self) -> str:
        board, pin = self._board, self.settings.pin
        return "" if board is None else f"{board.kind} at {board.port}, firmware {board.version}, pin {pin}"

    @property
    def opened(self) -> Board:
        """The board.

        Raises:
            OutputError: it is not open.
        """
        if self._board is None:
            raise OutputError("the board is not open")
        return self._board
