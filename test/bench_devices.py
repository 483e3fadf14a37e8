"""How the computer's side of a board holds out: `python test/bench_devices.py` prints the table.

Damaged lines from a board, round trips, and a soak of commands with the memory that they cost. The board is the real
firmware in the simulator (`make simulators`); the code beside it is what `type: arduino` runs. Cameras are measured by
their tests: see "Devices" in docs/explanation/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import pty
import random
import sys
import time
import tty
from pathlib import Path

import numpy as np
import serial
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "firmware" / "simulator"))

from simulated_board import SimulatedBoard

from dlstream_outputs import Action, Level, On, Train
from dlstream_outputs.board import claim, release
from dlstream_outputs.board.lines import framed, read_line
from dlstream_outputs.board.link import Link
from dlstream_outputs.outputs.arduino import Arduino, ArduinoSettings

ACTIONS: tuple[Action, ...] = (On(), Level(level=0.3), Train(frequency=100.0, width=2.0, count=3))


def memory(pid: int) -> float:
    """MiB that a process occupies."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def damaged(line: bytes, dice: random.Random) -> bytes:
    """The line with one to three bytes changed, lost or added, and no good line within it."""
    while True:
        wrong = bytearray(line)
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(len(wrong))
            wrong[at : at + dice.randrange(2)] = dice.randbytes(dice.randrange(3))
            wrong = wrong or bytearray(b"x")
        if not any(read_line(part) for part in bytes(wrong + b"\n").split(b"\n")):
            return bytes(wrong) + b"\n"


def damaged_lines(count: int) -> str:
    """What the host takes of so many damaged lines of a board."""
    far, near = pty.openpty()
    tty.setraw(near)
    taken: list[object] = []
    link = Link(serial.Serial(os.ttyname(near), timeout=0.02), taken.append, lambda us, before, after: taken.append(us))
    link.start()
    pending = link.send("time")  # what a damaged answer could be taken for
    dice = random.Random(1)
    good = [framed(text)[:-1] for text in ("A 1 5000", "E 1 5000 pin", "! 7 9000 in 2 1", "! 8 9100 watchdog 9")]
    for number in range(count):
        os.write(far, damaged(dice.choice(good), dice))
        if number % 20 == 0:
            time.sleep(0.001)  # the pty holds 4 KiB
    os.write(far, framed("A 1 5000"))
    link.answer_to(pending, 60)
    link.close()
    assert taken == [5000], taken
    return f"none of {count} taken ({link.damaged} counted as damaged); the good answer after them was"


def round_trips(board: SimulatedBoard, count: int) -> str:
    """How long the board takes to answer."""
    opened = claim(board.port, lambda line: None)
    milliseconds = np.array([1000 * opened.round_trip() for _ in range(count)])
    release(opened)
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return f"{count} of {count}, median {p50:.1f} ms, p99 {p99:.1f} ms, longest {milliseconds.max():.1f} ms"


def soak(board: SimulatedBoard, count: int) -> str:
    """The memory that so many commands cost, from the first 1,000 on."""
    output = Arduino(ArduinoSettings(pin=3, port=board.port, answer_timeout=10, watchdog=10), lambda line: None)
    output.open()
    begun, before = time.monotonic(), (0.0, 0.0)
    for number in range(count):
        output.apply(ACTIONS[number % len(ACTIONS)])
        if number % 2:
            output.off()
        if number == 1000:
            before = memory(os.getpid()), memory(board.process.pid)
        fault = output.fault()
        assert not fault, fault
    after = memory(os.getpid()), memory(board.process.pid)
    output.close()
    seconds = time.monotonic() - begun
    return f"{after[0] - before[0]:.2f} MiB here, {after[1] - before[1]:.2f} MiB in the simulator, {seconds:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--trips", type=int, default=300)
    parser.add_argument("--commands", type=int, default=30_000)
    asked = parser.parse_args()
    table = Table("measured", "result", box=None)
    table.add_row(f"{asked.lines} damaged lines to the host", damaged_lines(asked.lines))
    with SimulatedBoard() as board:
        table.add_row("round trips", round_trips(board, asked.trips))
        table.add_row(f"{asked.commands} commands", soak(board, asked.commands))
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
