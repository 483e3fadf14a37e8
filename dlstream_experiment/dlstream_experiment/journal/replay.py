"""Replaying a journal: the same engine on the same inputs, and where its decisions differ from those recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from dlstream_common import DlstreamError, Event, event_kinds
from dlstream_experiment.journal.event_log import log_lines
from dlstream_experiment.journal.journal import Beginning, Entry, JournalError
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.runtime.effects import Effect
from dlstream_experiment.runtime.engine import Engine
from dlstream_experiment.runtime.inputs import Fault, Input, Poses, Start, Tick

_TICK = 50_000_000
"""Nanoseconds between the ticks of a run."""
_LONGEST = 6 * 3600 * 1_000_000_000
"""Nanoseconds of a gap that get ticks: a longer one is a clock that was set."""

Experiments = Callable[[Beginning], Experiment]
"""Finds the experiment that a start names."""


@dataclass(frozen=True)
class Replayed:
    """What followed from one entry, this time."""

    entry: Entry
    effects: list[Effect]

    @property
    def lines(self) -> list[str]:
        """As the event log has it."""
        return log_lines(self.entry.number, self.effects)


@dataclass(frozen=True)
class Difference:
    """The first line in which two event logs differ; an empty side has no such line.

    Attributes:
        line: counted from 1.
        number: of the journal's entry from which it follows.
    """

    line: int
    number: int
    recorded: str
    replayed: str


def replay(entries: Iterable[Entry], experiments: Experiments, clock: bool = False) -> Iterator[Replayed]:
    """Gives a journal's inputs to an engine, one after the other; each start makes a new one.

    Args:
        clock: gives the time between the inputs as well, where the engine needs it, as a part of the entry that comes
            next: a journal has only the ticks that the experiment needed which ran, and another one may need others.

    Raises:
        JournalError: the journal does not begin with a start.
        DlstreamError: an experiment can't be loaded.
    """
    engine: Engine | None = None
    last: int | None = None
    for entry in entries:
        if clock and engine is not None and last is not None:
            yield from _ticks(engine, last, entry)
        last = _time(entry.input)
        if isinstance(entry.input, Start):
            if entry.beginning is None:
                raise JournalError(f"entry {entry.number} of the journal is a start without its experiment")
            engine = Engine(experiments(entry.beginning))
        if engine is None:
            if not isinstance(entry.input, Fault):
                raise JournalError("the journal begins in the middle of a run; there is nothing to begin a replay with")
            fault = entry.input
            yield Replayed(entry, [Event(fault.stamp, event_kinds.FAULT, fault.name, {"reason": fault.reason})])
            continue
        try:
            yield Replayed(entry, engine.handle(entry.input))
        except DlstreamError as error:
            raise JournalError(f"entry {entry.number} of the journal: {error}") from error


def _ticks(engine: Engine, last: int, entry: Entry) -> Iterator[Replayed]:
    """The ticks after the entry before this one; none that would have come just before it, where the run had one."""
    until = min(_time(entry.input), last + _LONGEST)
    for stamp in range(last + _TICK, until - _TICK + 1, _TICK):
        if not engine.running:
            return
        if engine.needs_tick(stamp):
            yield Replayed(Entry(entry.number, Tick(stamp)), engine.tick(stamp))


def _time(item: Input) -> int:
    """When an input came; poses of which that is not known came at their acquisition."""
    if not isinstance(item, Poses):
        return item.stamp
    return item.poses.stamp if item.arrived is None else item.arrived


def first_difference(recorded: Sequence[str], replayed: Sequence[Replayed]) -> Difference | None:
    """Where the event log that was recorded and that of the replay first differ; None where they are the same."""
    lines = [(item.entry.number, line) for item in replayed for line in item.lines]
    last = replayed[-1].entry.number if replayed else 0
    for line, (old, new) in enumerate(zip_longest(recorded, lines), 1):
        number, text = new if new is not None else (last, "")
        if (old or "") != text:
            return Difference(line, number, old or "", text)
    return None
