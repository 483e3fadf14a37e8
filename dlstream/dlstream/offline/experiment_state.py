"""What an experiment does at a moment, as the annotated video shows it: from its events and commands, one by one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dlstream_common import OFF, event_kinds
from dlstream_recorder import EventRow

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


@dataclass
class ExperimentState:
    """The state of an experiment, kept up to date by `handle`.

    Args:
        trigger_names, output_names: which are listed.
        by_acknowledgement: an output is on once it has acknowledged the command (a session of a rig); else
            from the command on (an analysis).
    """

    trigger_names: Sequence[str]
    output_names: Sequence[str]
    by_acknowledgement: bool = False
    state: str = ""
    trial: str = ""
    phase: str = "not started"
    triggers: dict[str, bool] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    shams: dict[str, str] = field(default_factory=dict)
    _unanswered: dict[tuple[str, str, int], EventRow] = field(default_factory=dict)
    _brief: list[tuple[int, PanelLine]] = field(default_factory=list)

    @property
    def length(self) -> int:
        """How many lines the panel has at most, with room for two brief ones."""
        return 5 + len(self.trigger_names) + 2 * len(self.output_names) + 2

    def handle(self, row: EventRow) -> None:
        """The next event, command or acknowledgement."""
        kind, values = row.kind, row.values
        if kind == event_kinds.COMMAND:
            self._unanswered[row.name, row.source, row.id] = row
            if not self.by_acknowledgement:
                self.outputs[row.name] = _action(row.action, values)
        elif kind == event_kinds.ACKNOWLEDGEMENT:
            command = self._unanswered.pop((row.name, row.source, row.id), None)
            if self.by_acknowledgement and command is not None and row.success != "false":
                self.outputs[row.name] = _action(command.action, command.values)
        elif kind == event_kinds.EXPERIMENT_STARTED:
            self.phase, self.state, self.trial = "running", "", ""
            self.triggers.clear()
            self.shams.clear()
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
            self.shams[row.name] = _action(values.get("action", ""), about)
        elif kind == event_kinds.SHAM_ENDED:
            self.shams.pop(row.name, None)
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
        return tuple(self._lines(camera, seconds, sequence, measured))

    def _lines(self, camera: str, seconds: float, sequence: int, measured: Mapping[str, float]) -> Iterable[PanelLine]:
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
            action = self.outputs.get(name, "")
            yield PanelLine("on" if action else "off", f"output {name}", action or "off")
            if name in self.shams:
                yield PanelLine("sham", f"SHAM {name}", self.shams[name])
        for _, line in self._brief:
            yield line


def _action(action: str, values: Mapping[str, str]) -> str:
    """The action in words; empty for off."""
    return "" if action in (OFF, "") else " ".join([action, *(f"{key}={value}" for key, value in values.items())])
