"""`dlstream replay SESSION --set KEY=VALUE`: how often and when triggers would have fired with other parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dlstream.offline.experiments import changed_experiment, recorded_experiment
from dlstream.offline.recorded import Recorded
from dlstream.offline.replay import read_entries
from dlstream_common import OFF, event_kinds
from dlstream_experiment import Command, Event, Experiment
from dlstream_experiment.journal.journal import Beginning, Entry
from dlstream_experiment.journal.replay import replay
from dlstream_experiment.runtime.inputs import Start
from dlstream_recorder import ACKNOWLEDGEMENT
from dlstream_recorder.report.host_clocks import HostClocks
from dlstream_recorder.report.tables import read_events

_SHOWN = 6
_SECOND = 1e9
Rises = dict[str, list[int]]
"""When each trigger became true: acquisition of the frame, or the moment where no frame did it."""


def what_if(session: Path, changes: Sequence[str], console: Console, allow_python: bool = False) -> int:
    """Replays a session as it ran and with changes, and shows what the triggers did; 0.

    Raises:
        DlstreamError: the session can't be replayed, or the changes are not possible in it.
    """
    entries = read_entries(session, console)
    before, stimuli_before = _rises(entries, lambda start: recorded_experiment(start, session, allow_python))
    recorded = Recorded.of(session, entries)

    def changed(beginning: Beginning) -> Experiment:
        experiment = changed_experiment(beginning, session, changes, allow_python)
        return recorded.check(experiment, beginning, Path(beginning.path).name, allow_python)

    after, stimuli_after = _rises(entries, changed, clock=True)
    start = entries[0].input.stamp if isinstance(entries[0].input, Start) else 0
    table = Table("trigger", "as it ran", "changed", "no longer at, s", "new at, s", box=None, title_justify="left")
    table.title = escape(f"Triggers with {', '.join(changes)}")
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name, []), after.get(name, [])
        gone, come = sorted(set(old) - set(new)), sorted(set(new) - set(old))
        table.add_row(escape(name), str(len(old)), str(len(new)), _times(gone, start), _times(come, start))
    console.print(table)
    runs = sum(isinstance(entry.input, Start) for entry in entries)
    whose = "the run" if runs == 1 else f"the {runs} runs"
    console.print(f"Stimuli of {whose}: {stimuli_before} as it ran, {stimuli_after} changed")
    console.print()
    show_delays(session, console)
    return 0


def show_delays(session: Path, console: Console) -> None:
    """How long after the acquisition of its frame each trigger's command was carried out.

    An observer without latency would have acted at the acquisition, so that this is what the loop costs.
    """
    found = delays(session)
    if not found:
        console.print("No command of this session was caused by a frame and acknowledged: there is no delay to show.")
        return
    table = Table("trigger", "p50", "p95", "max", "n", box=None, title_justify="left")
    table.title = "Delay against an ideal observer, ms, from acquisition to applied"
    for name, milliseconds in found.items():
        p50, p95 = np.percentile(milliseconds, [50, 95])
        table.add_row(escape(name), f"{p50:.2f}", f"{p95:.2f}", f"{max(milliseconds):.2f}", str(len(milliseconds)))
    console.print(table)


def delays(session: Path) -> dict[str, list[float]]:
    """Milliseconds from a frame's acquisition to the moment at which the command that it caused took effect."""
    events = read_events(session)
    events = HostClocks(events).corrected_events(events)
    done = events[
        (events["kind"] == ACKNOWLEDGEMENT)
        & (events["success"] == "true")
        & (events["frame_stamp_ns"] > 0)
        & (events["applied_ns"] > 0)
    ]
    names = done["trigger"] if "trigger" in done else [""] * len(done)
    found: dict[str, list[float]] = {}
    for name, acquired, applied in zip(names, done["frame_stamp_ns"], done["applied_ns"], strict=True):
        found.setdefault(name or "(no trigger)", []).append((applied - acquired) / 1e6)
    return dict(sorted(found.items()))


def _rises(
    entries: Iterable[Entry], experiments: Callable[[Beginning], Experiment], clock: bool = False
) -> tuple[Rises, int]:
    """When each trigger rose, and how many stimuli began or changed."""
    rises: Rises = {}
    stimuli = 0

    def known(beginning: Beginning) -> Experiment:
        experiment = experiments(beginning)
        for name in experiment.triggers:
            rises.setdefault(name, [])
        return experiment

    for item in replay(entries, known, clock):
        for effect in item.effects:
            stimuli += isinstance(effect, Command) and effect.action != OFF
            if isinstance(effect, Event) and effect.kind == event_kinds.TRIGGER_ROSE:
                rises.setdefault(effect.name, []).append(effect.cause.stamp if effect.cause else effect.stamp)
    return rises, stimuli


def _times(stamps: Sequence[int], start: int) -> str:
    """Seconds after the start; a frame that was acquired just before it counts as at the start."""
    text = ", ".join(f"{max(0, stamp - start) / _SECOND:.2f}" for stamp in stamps[:_SHOWN])
    return text + (f" and {len(stamps) - _SHOWN} more" if len(stamps) > _SHOWN else "")
