"""Trials and stimuli of a session, each with its beginning and end, from its events."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from dlstream_common import OFF, event_kinds
from dlstream_outputs.actions import VOCABULARY, Action, read_action
from dlstream_recorder.report._answers import Answers
from dlstream_recorder.report._pose_gaps import Gap, pose_gaps, without_gaps

TRIAL_COLUMNS = ("name", "start_ns", "stop_ns", "trigger", "result", "count", "values")
STIMULUS_COLUMNS = (
    "output",
    "action",
    "start_ns",
    "stop_ns",
    "sham",
    "trigger",
    "value",
    "camera",
    "sequence",
    "frame_stamp_ns",
    "applied",
    "values",
)
_OF_TRIALS = (
    event_kinds.EXPERIMENT_STARTED,
    event_kinds.TRIAL_STARTED,
    event_kinds.TRIAL_ENDED,
    event_kinds.EXPERIMENT_ENDED,
)
_OF_STIMULI = (
    event_kinds.COMMAND,
    event_kinds.FAULT,
    event_kinds.OUTPUT_REPORT,
    event_kinds.RECOVERED,
    event_kinds.SHAM_STARTED,
    event_kinds.SHAM_CHANGED,
    event_kinds.SHAM_ENDED,
    event_kinds.EXPERIMENT_STARTED,
    event_kinds.EXPERIMENT_ENDED,
)


def trials(events: pd.DataFrame, end_ns: int) -> pd.DataFrame:
    """The trials, one row each, in the order of their starts. One that nothing ended was over with its run.

    Args:
        events: as `read_events` returns them.
        end_ns: the end of the session, for trials that were not ended.
    """
    rows: list[dict[str, object]] = []
    running: dict[str, deque[dict[str, object]]] = {}
    for event in sorted(_in_order(events[events["kind"].isin(_OF_TRIALS)]), key=_around_its_trials):
        if event["kind"] in (event_kinds.EXPERIMENT_STARTED, event_kinds.EXPERIMENT_ENDED):
            for unended in chain.from_iterable(running.values()):
                unended["stop_ns"] = event["stamp_ns"]
            running.clear()
            continue
        values = _values(event)
        waiting = running.setdefault(str(event["name"]), deque())
        if event["kind"] == event_kinds.TRIAL_STARTED:
            row = {"name": event["name"], "start_ns": event["stamp_ns"], "stop_ns": end_ns, "result": ""}
            row |= {"trigger": values.pop("trigger", ""), "count": values.pop("count", values.pop("trial", ""))}
            rows.append({**row, "values": values})
            waiting.append(rows[-1])
        elif waiting:
            ended = waiting.popleft()
            ended |= {"stop_ns": event["stamp_ns"], "result": values.get("result", "")}
    return pd.DataFrame(rows, columns=list(TRIAL_COLUMNS))


def stimuli(events: pd.DataFrame, end_ns: int) -> pd.DataFrame:
    """The stimuli, one row each: what an output did until it was over or the next command came; and the sham ones.

    A start is when the output did it, by its acknowledgement, or else when it was decided (`applied` is False: not
    known, as in an analysis). What an output refused is none, and ends none; one that went off without a command, as
    its output says in an event, has ended then, and one whose output's node was killed when that is back. A pulse, a
    train or what has a duration ends when that is over, a train with its last pulse; where the output measured the end,
    as a screen does, that counts.

    A sham stimulus is what would have been: it ends with its run, or with an `off` from elsewhere, and while poses fail
    to come it is off, as a real one is. A real one that goes on after that still has the trigger that caused it.

    Args:
        events, end_ns: as for `trials`.
    """
    answers, gaps = Answers(events), pose_gaps(events, end_ns)
    resumed = _Resumed(gaps)
    rows: list[dict[str, Any]] = []
    on: dict[tuple[object, bool], dict[str, Any]] = {}
    for event in sorted(_in_order(events[events["kind"].isin(_OF_STIMULI)]), key=_around_its_trials):
        values = _values(event)
        if event["kind"] in (event_kinds.EXPERIMENT_STARTED, event_kinds.EXPERIMENT_ENDED):
            for key in [key for key in on if key[1]]:
                _end(on.pop(key), _stamp(event), rows)
            continue
        if event["kind"] in (event_kinds.FAULT, event_kinds.OUTPUT_REPORT, event_kinds.RECOVERED):
            # An output's node that is back was started again, and is off: nobody knows since when.
            is_off = values.get("state") == OFF or event["kind"] == event_kinds.RECOVERED
            if is_off and (ended := on.pop((event["name"], False), None)) is not None:
                _end(ended, _stamp(event), rows)
            running = on.get((event["name"], False))
            if running is not None and values.get("begin") == str(running["start_ns"]):
                running["stop_ns"] = running["over"] = event["stamp_ns"]
            continue
        sham = event["kind"] != event_kinds.COMMAND
        applied, refused = (None, False) if sham else answers.to(event)
        if refused:
            continue
        stamp = applied or _stamp(event)
        before = on.pop((event["name"], sham), None)
        if before is not None:
            _end(before, stamp, rows)
        action = values.pop("action", "") if sham else event["action"]
        if event["kind"] == event_kinds.SHAM_ENDED or action == OFF:
            if not sham:
                resumed.off(event)
                left_out = on.get((event["name"], True))
                if left_out is not None and left_out["start_ns"] < _stamp(event):  # else the off of a run's start
                    _end(on.pop((event["name"], True)), _stamp(event), rows)
            continue
        row = {
            "output": event["name"],
            "action": action,
            "start_ns": stamp,
            "sham": sham,
            "trigger": values.pop("trigger", "") if sham else resumed.trigger(event),
            "applied": applied is not None,
            "values": values,
        }
        row["over"], row["delay_ns"] = over_by_itself(str(action), values, stamp, applied=applied is not None)
        row["stop_ns"] = end_ns if row["over"] is None else row["over"]
        rows.append({**row, **{name: event[name] for name in ("value", "camera", "sequence", "frame_stamp_ns")}})
        on[event["name"], sham] = rows[-1]
    pieces = [piece for row in rows for piece in (without_gaps(row, gaps) if row["sham"] else [row])]
    return pd.DataFrame(pieces, columns=list(STIMULUS_COLUMNS))


class _Resumed:
    """Which trigger caused what goes on after a time without poses: its command then names none."""

    def __init__(self, gaps: Sequence[Gap]) -> None:
        self._begins = dict(gaps)
        self._ends = {back: lost for lost, back in gaps}
        self._last: dict[object, tuple[Mapping[str, Any], str]] = {}
        self._cut: dict[tuple[object, int], tuple[Mapping[str, Any], str]] = {}

    def off(self, command: Mapping[str, Any]) -> None:
        """An output gets `off`."""
        last = self._last.pop(command["name"], None)
        if last is not None and _stamp(command) in self._begins:
            self._cut[command["name"], _stamp(command)] = last

    def trigger(self, command: Mapping[str, Any]) -> str:
        """The trigger that caused another command."""
        found = str(command["trigger"])
        cut = self._cut.get((command["name"], self._ends.get(_stamp(command), -1)))
        if not found and cut is not None and all(cut[0][key] == command[key] for key in ("action", "values")):
            found = cut[1]
        self._last[command["name"]] = command, found
        return found


def over_by_itself(action: str, values: Mapping[str, str], start: int, applied: bool) -> tuple[int | None, int]:
    """When what begins at `start` is over by itself, and for how many nanoseconds before `start` it was awaited.

    The first is None where it is not over before the next command, or that is not known. What an output acknowledges is
    the first edge, after a delay; a decision is before it.
    """
    found = read_action(action, values, VOCABULARY)
    if not isinstance(found, Action) or found.seconds is None:
        return None, 0
    delay = getattr(found, "delay", 0.0) / 1000 if applied else 0.0
    return start + round(1e9 * (found.seconds - delay)), round(1e9 * delay)


def _end(row: dict[str, Any], stamp: int, rows: list[dict[str, Any]]) -> None:
    """It has ended, at the latest now; it was none where that was before its first edge."""
    if row["start_ns"] - row["delay_ns"] <= stamp < row["start_ns"]:
        rows[:] = [other for other in rows if other is not row]
    row["stop_ns"] = max(row["start_ns"], stamp if row["over"] is None else min(row["over"], stamp))


def per_trigger(found: pd.DataFrame) -> pd.DataFrame:
    """How many stimuli each trigger caused on each output, real and sham, and for how many seconds.

    Args:
        found: as `stimuli` returns them.
    """
    columns = ["trigger", "output", "real", "sham", "real_seconds", "sham_seconds"]
    rows = []
    for (trigger, output), group in found.groupby(["trigger", "output"], sort=True):
        seconds = (group["stop_ns"] - group["start_ns"]).to_numpy(np.float64) / 1e9
        sham = group["sham"].to_numpy(bool)
        rows.append(
            (
                trigger,
                output,
                int((~sham).sum()),
                int(sham.sum()),
                float(seconds[~sham].sum()),
                float(seconds[sham].sum()),
            )
        )
    return pd.DataFrame(rows, columns=columns)


def _in_order(events: pd.DataFrame) -> list[Mapping[str, object]]:
    return sorted(events.to_dict("records"), key=_stamp)


def _around_its_trials(event: Mapping[str, object]) -> tuple[int, int]:
    """Puts a run's start before, and its end after, what else happened at that moment."""
    return _stamp(event), {event_kinds.EXPERIMENT_STARTED: 0, event_kinds.EXPERIMENT_ENDED: 2}.get(
        str(event["kind"]), 1
    )


def _stamp(event: Mapping[str, Any]) -> int:
    """When it was decided; the command of somebody else's node may only say when it was sent."""
    known = (event[column] for column in ("stamp_ns", "sent_ns", "recorded_ns"))
    return next((int(stamp) for stamp in known if not pd.isna(stamp) and stamp), 0)


def _values(event: Mapping[str, object]) -> dict[str, str]:
    text = str(event["values"])
    return dict(json.loads(text)) if text else {}
