"""`dlstream firmware`: puts dlstream's firmware onto a board, and asks a board which one it runs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from dlstream_outputs.board import BoardError, claim, release
from dlstream_outputs.board.finding import ports
from dlstream_outputs.port_users import in_use

firmware = typer.Typer(help="The firmware of boards for outputs of type arduino.", no_args_is_help=True)

Port = Annotated[str, typer.Option(help="The board's port, such as /dev/ttyACM0; auto: the only one there is.")]


@firmware.command()
def flash(
    port: Port = "auto",
    file: Annotated[Path, typer.Option(help="The firmware; `make firmware` builds it.")] = Path(
        "build/firmware/dlstream-atmega328p.hex"
    ),
    baud: Annotated[int, typer.Option(help="Baud rate of the bootloader; old Nanos need 57600.")] = 115200,
) -> None:
    """Put the firmware onto an Arduino Uno or Nano, by avrdude."""
    words = flash_command(port, file, baud)
    print(" ".join(words), flush=True)
    raise SystemExit(subprocess.run(words).returncode)


def flash_command(port: str, file: Path, baud: int) -> list[str]:
    """The command line of avrdude.

    Raises:
        BoardError: avrdude or the file is missing, it is not clear which port is meant, or another program has it.
    """
    avrdude = shutil.which("avrdude")
    if avrdude is None:
        raise BoardError("avrdude is not installed; run: sudo apt install avrdude")
    if not file.is_file():
        raise BoardError(f"{file} is not there; run: make firmware, or say --file")
    if port == "auto":
        found = ports()
        if len(found) != 1:
            there = ", ".join(found) or "none"
            raise BoardError(f"found {len(found)} ports with a device ({there}); expected one, or --port")
        port = found[0]
    if whose := in_use(port):  # avrdude would reset the board, whoever uses it
        raise BoardError(f"{port} is {whose}; end that program first")
    return [avrdude, "-p", "atmega328p", "-c", "arduino", "-P", port, "-b", str(baud), "-D", "-U", f"flash:w:{file}:i"]


@firmware.command()
def info(
    port: Port = "auto",
    times: Annotated[int, typer.Option(min=1, max=100_000, help="How often it is asked for its time.")] = 100,
) -> None:
    """Print which firmware a board runs, what its pins can do, and how fast it answers. Switches everything off."""
    board = claim(port, print)
    try:
        print(f"{board.port}: {board.kind}, firmware {board.version}; {board.pins}")
        print(round_trips(board.round_trip, times))
    finally:
        release(board)


def round_trips(ask: Callable[[], float], times: int) -> str:
    """How many questions were answered in time, and how fast; `ask` gives seconds, or raises BoardError."""
    took = []
    for _ in range(times):
        with suppress(BoardError):
            took.append(1000 * ask())
    if not took:
        return f"0 of {times} round trips answered"
    took.sort()
    shares = ", ".join(f"{name} {took[min(int(share * len(took)), len(took) - 1)]:.1f} ms" for name, share in _SHARES)
    return f"{len(took)} of {times} round trips answered: {shares}, longest {took[-1]:.1f} ms"


_SHARES = (("median", 0.5), ("p99", 0.99))
