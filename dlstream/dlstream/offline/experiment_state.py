"""What an experiment does at a moment, as the annotated video shows it: from its events and commands, one by one."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

from dlstream_common import OFF, event_kinds
from dlstream_recorder import EventRow
from dlstream_recorder.report.intervals import over_by_itself

_SHOWN_FOR = 3_000_000_000
"""Nanoseconds for which a mark, a note or a fault is shown."""
_BRIEF = (event_kinds.MARK, event_kinds.NOTE, event_kinds.FAULT, event_kinds.LIMIT_REACHED)


@dataclass(frozen=True, slots=True)
class PanelLine:
    """A line beside the picture.

    Attributes:
        kind: head, title, true, false, on, off, sham, note or fault; gives its colour.
        label: at the left.
        text: at the right.
    """

    kind: str
    label: str
    text: str = ""


class _On(NamedTuple):
    """What an output does, in words, and when that is over by itself, in nanoseconds since the epoch; None: unknown."""

    text: str
    until: int | None


class Course:
    """What outputs did in a session, at any moment of it.

    Args:
        found: its stimuli, as `intervals.stimuli` returns them.
    """

    def __init__(self, found: pd.DataFrame) -> None:
        self._rows: dict[tuple[str, bool], list[tuple[int, int, str]]] = {}
        for row in found.sort_values("start_ns", kind="stable").to_dict("records"):
            told = int(row["start_ns"]), int(row["stop_ns"]), _action(row["action"], row["values"])
            self._rows.setdefault((row["output"], bool(row["sham"])), []).append(told)

    def at(self, output: str, stamp: int, sham: bool) -> str:
        """What an output did, or what was left out on it; empty: nothing."""
        rows = self._rows.get((output, sham), [])
        index = bisect_right(rows, stamp, key=lambda row: row[0]) - 1
        return rows[index][2] if index >= 0 and stamp < rows[index][1] else ""


@dataclass
class ExperimentState:
    """The state of an experiment, kept up to date by `handle`.

    Args:
        trigger_names, output_names: which are listed.
        course: what the outputs did (a session of a rig); None: what they were told (an analysis).
    """

    trigger_names: Sequence[str]
    output_names: Sequence[str]
    course: Course | None = None
    state: str = ""
    trial: str = ""
    phase: str = "not started"
    triggers: dict[str, bool] = field(default_factory=dict)
    outputs: dict[str, _On] = field(default_factory=dict)
    shams: dict[str, _On] = field(default_factory=dict)
    _silent: set[str] = field(default_factory=set)
    """Cameras that give no poses: outputs are off meanwhile, and what is left out of them is, too."""
    _brief: list[tuple[int, PanelLine]] = field(default_factory=list)

    @property
    def length(self) -> int:
        """How many lines the panel has at most, with room for two brief ones."""
        return 5 + len(self.trigger_names) + 2 * len(self.output_names) + 2

    def handle(self, row: EventRow) -> None:
        """The next event, command or acknowledgement."""
        kind, values = row.kind, row.values
        if kind == event_kinds.COMMAND:
            self.outputs[row.name] = _on(row.action, values, row.stamp_ns)
        elif kind == event_kinds.EXPERIMENT_STARTED:
            self.phase, self.state, self.trial = "running", "", ""
            self.triggers.clear()
            self.shams.clear()
            self._silent.clear()
        elif kind == event_kinds.EXPERIMENT_ENDED:
            self.phase, self.state, self.trial = f"ended: {values.get('reason', '')}", "", ""
            self.shams.clear()
        elif kind == event_kinds.STATE_ENTERED:
            self.state = row.name
        elif kind in (event_kinds.TRIAL_STARTED, event_kinds.TRIAL_ENDED):
            self.trial = row.name if kind == event_kinds.TRIAL_STARTED else ""
        elif kind in (event_kinds.TRIGGER_ROSE, event_kinds.TRIGGER_FELL):
            self.triggers[row.name] = kind == event_kinds.TRIGGER_ROSE
        elif kind in (event_kinds.SHAM_STARTED, event_kinds.SHAM_CHANGED):
            about = {key: text for key, text in values.items() if key not in ("action", "trigger")}
            self.shams[row.name] = _on(values.get("action", ""), about, row.stamp_ns)
        elif kind == event_kinds.SHAM_ENDED:
            self.shams.pop(row.name, None)
        elif kind == event_kinds.FAULT and row.name == "pose" and not row.frame_stamp_ns:
            self._silent.add(values.get("camera", ""))
            self.shams = {name: on for name, on in self.shams.items() if on.until is None}  # a pulse is cut short
        elif kind == event_kinds.RECOVERED and row.name == "pose":
            self._silent.discard(values.get("camera", ""))
        if kind in _BRIEF:
            text = values.get("text") or values.get("reason") or values.get("limit") or ""
            label = row.name if kind in (event_kinds.LIMIT_REACHED, event_kinds.FAULT) else ""
            line = PanelLine(
                "fault" if kind == event_kinds.FAULT else "note", f"{kind} {label}".strip().replace("_", " "), text
            )
            self._brief.append((row.stamp_ns + _SHOWN_FOR, line))

    def lines(
        self, camera: str, seconds: float, sequence: int, stamp: int, measured: Mapping[str, float]
    ) -> Sequence[PanelLine]:
        """The panel beside a frame.

        Args:
            seconds: since the first frame.
            stamp: of the frame, in nanoseconds since the epoch.
            measured: what triggers measured in it, as far as that is known.
        """
        self._brief = [(until, line) for until, line in self._brief if until > stamp]
        return tuple(self._lines(camera, seconds, sequence, stamp, measured))

    def _lines(
        self, camera: str, seconds: float, sequence: int, stamp: int, measured: Mapping[str, float]
    ) -> Iterable[PanelLine]:
        yield PanelLine("head", camera, f"{seconds:.3f} s")
        yield PanelLine("head", "frame", str(sequence))
        yield PanelLine("title", "experiment", self.phase)
        if self.state:
            yield PanelLine("title", "state", self.state)
        if self.trial and self.trial != self.state:
            yield PanelLine("title", "trial", self.trial)
        for name in self.trigger_names:
            value = measured.get(name, math.nan)
            number = "" if math.isnan(value) else f"{value:.4g}"
            held = self.triggers.get(name, False)
            yield PanelLine("true" if held else "false", name, f"{number}  {'TRUE' if held else 'false'}".strip())
        for name in self.output_names:
            action, left_out = (self._at(name, stamp, sham) for sham in (False, True))
            yield PanelLine("on" if action else "off", f"output {name}", action or "off")
            if left_out:
                yield PanelLine("sham", f"SHAM {name}", left_out)
        for _, line in self._brief:
            yield line

    def _at(self, name: str, stamp: int, sham: bool) -> str:
        if self.course is not None:
            return self.course.at(name, stamp, sham)
        if sham and self._silent:
            return ""
        found = (self.shams if sham else self.outputs).get(name)
        return "" if found is None or (found.until is not None and found.until <= stamp) else found.text


def _on(action: str, values: Mapping[str, str], stamp: int) -> _On:
    return _On(_action(action, values), over_by_itself(action, values, stamp, applied=False)[0])


def _action(action: str, values: Mapping[str, str]) -> str:
    """The action in words; empty for off."""
    return "" if action in (OFF, "") else " ".join([action, *(f"{key}={value}" for key, value in values.items())])
