"""One board for all outputs of this process that use it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Closes it."""


BoardT = TypeVar("BoardT", bound=Closable)


class SharedBoards(Generic[BoardT]):
    """Boards that are open, and how many use each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._boards: dict[str, tuple[BoardT, int]] = {}

    def claim(self, place: str, open_board: Callable[[], BoardT]) -> BoardT:
        """The board at a place, such as its port; opened where nobody has it yet. What opening raises is passed on."""
        with self._lock:
            board, users = self._boards.get(place) or (open_board(), 0)
            self._boards[place] = board, users + 1
            return board

    def release(self, board: BoardT) -> None:
        """Ends one claim; the last one closes the board.

        By the board, and not by its port: a name such as /dev/serial/by-id/... is gone with a board that is unplugged.
        """
        with self._lock:
            place = next(place for place, (claimed, _) in self._boards.items() if claimed is board)
            users = self._boards.pop(place)[1]
            if users > 1:
                self._boards[place] = board, users - 1
            else:
                board.close()
