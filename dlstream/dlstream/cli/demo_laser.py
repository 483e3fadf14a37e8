"""The demo's laser: a pin of a simulated board, and the pulses that were really there."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median_high
from types import ModuleType
from typing import Any

from rich.console import Console

from dlstream.rig.ament import share
from dlstream_outputs import Train
from dlstream_outputs.actions import read_action
from dlstream_recorder import COMMAND
from dlstream_recorder.report.tables import read_events

NAME = "laser"
_HOW = "`make simulators devices` installs what a simulated board needs: then the demo flashes a laser as well."

_CUT = 100.0
"""Microseconds by which a last pulse is shorter if an "off" has ended it; the firmware's own error is below 20."""


@dataclass(frozen=True)
class Pulses:
    """What a pin did.

    Attributes:
        trains, count: how many there were.
        frequency: pulses a second within trains, in Hz, in the median; 0 where no train had two.
        width: of a pulse, in ms, in the median.
        deviation: the greatest of all edges from where it should be, counted from its train's first edge, in us.
        cut: trains that an "off" ended before they had all their pulses.
    """

    trains: int
    count: int
    frequency: float
    width: float
    deviation: float
    cut: int


@contextmanager
def simulated_board(console: Console) -> Iterator[Any]:
    """Our firmware in the simulator, as a SimulatedBoard; None where it can't be built, which is told in a line."""
    if importlib.util.find_spec("serial") is None:  # pyserial, with which the output speaks to its board
        console.print(_HOW)
        yield None
        return
    try:
        board = _module().SimulatedBoard()
    except (OSError, RuntimeError):  # no make, no compilers, no libsimavr, or no sources
        console.print(_HOW)
        yield None
        return
    with suppress(OSError):  # it computes a whole chip: the network comes first
        os.setpriority(os.PRIO_PROCESS, board.process.pid, 10)
    try:
        with board:
            yield board
    finally:
        board.trace.unlink()


def _module() -> ModuleType:
    """firmware/simulator/simulated_board.py, which is no part of a package: it comes with the firmware's sources."""
    path = share("firmware", "simulator", "simulated_board.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pulses(edges: Sequence[tuple[float, bool]], asked: Train) -> Pulses:
    """Reads a pin's trace.

    Args:
        edges: microseconds of the board's time, and whether the pin is high from then on.
        asked: each of the trains, as it was commanded.
    """
    found: list[tuple[float, float]] = []
    rise: float | None = None
    for time, high in edges:
        if high and rise is None:
            rise = time
        elif not high and rise is not None:
            found.append((rise, time))
            rise = None
    period, width, trains = 1e6 / asked.frequency, 1000 * asked.width, list[list[tuple[float, float]]]()
    for pulse in found:
        if not trains or pulse[0] - trains[-1][-1][0] > 1.5 * period:
            trains.append([])
        trains[-1].append(pulse)
    off = [train[-1] for train in trains if train[-1][1] - train[-1][0] < width - _CUT]
    deviations = [0.0]
    for train in trains:
        for number, pulse in enumerate(train):
            due = train[0][0] + number * period
            deviations.append(abs(pulse[0] - due))
            if pulse not in off:
                deviations.append(abs(pulse[1] - due - width))
    gaps = [later[0] - sooner[0] for train in trains for sooner, later in pairwise(train)]
    widths = [end - begin for begin, end in found if (begin, end) not in off]
    return Pulses(
        len(trains),
        len(found),
        1e6 / median_high(gaps) if gaps else 0.0,
        median_high(widths) / 1000 if widths else 0.0,
        max(deviations),
        sum(len(train) < (asked.pulses or 0) or train[-1] in off for train in trains),
    )


def show_pulses(board: Any, pin: int, session: Path, console: Console) -> Pulses | None:
    """Prints what the pin did beside what the session's commands asked for; None: no train was commanded."""
    asked = _asked(session)
    if asked is None:
        console.print("[yellow]Laser     no train was commanded: the animal was in no region[/]")
        return None
    found = pulses([(change.us, change.level == "1") for change in board.changes(pin)], asked)
    cut = f"; the end of the demo cut {found.cut} of the trains short" if found.cut else ""
    console.print(
        f"[bold]Laser[/]     {found.count} pulses in {found.trains} trains at pin {pin} of the simulated board: "
        f"{found.frequency:.3f} Hz, {found.width:.3f} ms (asked for {asked.frequency:g} Hz, {asked.width:g} ms), "
        f"no edge more than {found.deviation:.1f} us off, in the board's time{cut}\n"
    )
    return found


def _asked(session: Path) -> Train | None:
    events = read_events(session)
    of_laser = events[(events["kind"] == COMMAND) & (events["name"] == NAME) & (events["action"] == "train")]
    for text in of_laser["values"]:
        found = read_action("train", json.loads(text), (Train,))
        if isinstance(found, Train):
            return found
    return None
