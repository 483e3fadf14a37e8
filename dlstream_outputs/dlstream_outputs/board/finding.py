"""Which port the board is on, and one board for all outputs of this process that use it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec

from dlstream_common.installing import pip_install
from dlstream_outputs.board.board import BAUD_RATE, Board
from dlstream_outputs.board.errors import BoardError
from dlstream_outputs.port_users import open_alone, why_not_opened
from dlstream_outputs.shared_boards import SharedBoards

AUTO = "auto"

_boards: SharedBoards[Board] = SharedBoards()


def claim(port: str, log: Callable[[str], None]) -> Board:
    """The board at a port, or with "auto" the only one there is; opened once for all who claim it.

    Raises:
        BoardError: no board there, another firmware, somebody else uses it, or with "auto" none or several.
    """
    return _boards.claim(_place(port), lambda: find(log) if port == AUTO else open_board(port, log))


def release(board: Board) -> None:
    """Ends one claim; the last one switches everything off and closes the port."""
    _boards.release(board)


def same_board(port: str) -> str:
    """The same text for all names of one board, such as /dev/ttyACM0 and its link in /dev/serial/by-id."""
    return f"arduino {_place(port)}"


def exclusive_pin(port: str, pin: int) -> Mapping[str, str]:
    """What a pin of a board takes for itself: see OutputSettings.exclusive."""
    return {"pin": f"pin {pin} of the board at {'the port ' if port == AUTO else ''}{_place(port)}"}


def _place(port: str) -> str:
    return port if port == AUTO else os.path.realpath(port)


def open_board(port: str, log: Callable[[str], None]) -> Board:
    """Opens a port, which nobody else may then use, and greets the board.

    Raises:
        BoardError: says what is wrong and what to do.
    """
    _needs_pyserial()
    try:
        opened = open_alone(port, BAUD_RATE, timeout=0.02, write_timeout=0.2)
    except (OSError, ValueError) as error:  # SerialException is an OSError
        raise BoardError(_reason(port, error)) from error
    return Board(opened, log)


def find(log: Callable[[str], None]) -> Board:
    """Opens the only port with a board that runs our firmware.

    Raises:
        BoardError: there is none, or there are several; lists all ports and what is on them.
    """
    found: list[Board] = []
    others: list[str] = []
    for port in ports():
        try:
            found.append(open_board(port, log))
        except BoardError as error:
            others.append(str(error))
    if len(found) == 1:
        return found[0]
    for board in found:
        board.close()
    if found:
        names = ", ".join(board.port for board in found)
        raise BoardError(f"found boards at {names}; expected one. Say which: port: {found[0].port}")
    if others:
        raise BoardError(f"found no board with dlstream's firmware: {'; '.join(others)}")
    raise BoardError("found no serial port; expected a board. Plug it in, and look with: ls -l /dev/serial/by-id")


def _needs_pyserial() -> None:
    """Outputs name it in `requires`; commands find it missing here."""
    if find_spec("serial") is None:
        raise BoardError(f"no library serial on this machine; run: {pip_install('pyserial')}")


def ports() -> list[str]:
    """Serial ports with a device behind them.

    Raises:
        BoardError: pyserial is not installed.
    """
    _needs_pyserial()
    from serial.tools import list_ports

    return sorted(item.device for item in list_ports.comports() if item.hwid != "n/a")


def _reason(port: str, error: Exception) -> str:
    absent = f"; ports with a device: {', '.join(ports()) or 'none'}. Plug the board in, or use port: auto"
    return why_not_opened(port, error, absent, "a second rig, Arduino's serial monitor")
