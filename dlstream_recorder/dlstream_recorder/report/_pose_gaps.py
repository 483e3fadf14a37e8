"""When a run had no poses: its outputs were off meanwhile, and what would have been on there was off as well."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

import pandas as pd

from dlstream_common import event_kinds
from dlstream_experiment.model.protocols import ends_by_itself

Gap: TypeAlias = tuple[int, int]
"""From the fault `pose` to the recovery, or to the end of the run; stamps in nanoseconds."""
_OF_RUNS = (event_kinds.EXPERIMENT_STARTED, event_kinds.EXPERIMENT_ENDED)
_OF_POSES = (event_kinds.FAULT, event_kinds.RECOVERED)


def pose_gaps(events: pd.DataFrame, end_ns: int) -> list[Gap]:
    """The times in which outputs were off because at least one of the experiment's cameras gave no poses, in order.

    Args:
        events: as `read_events` returns them.
        end_ns: the end of the session, for a gap that nothing ended.
    """
    of_poses = events["kind"].isin(_OF_POSES) & (events["name"] == "pose")
    told = events[events["kind"].isin(_OF_RUNS) | of_poses]
    gaps: list[Gap] = []
    silent: set[str] = set()
    since = 0
    for event in sorted(told.to_dict("records"), key=lambda event: int(event["stamp_ns"])):
        stamp, before = int(event["stamp_ns"]), bool(silent)
        camera = json.loads(event["values"] or "{}").get("camera")
        if event["kind"] in _OF_RUNS:
            silent.clear()
        elif event["kind"] == event_kinds.RECOVERED:
            silent.discard(camera)
        elif camera and not event["frame_stamp_ns"]:  # else a pose that can't be used, which switches nothing off
            silent.add(camera)
        if silent and not before:
            since = stamp
        elif before and not silent:
            gaps.append((since, stamp))
    return [*gaps, (since, max(since, end_ns))] if silent else gaps


def without_gaps(row: dict[str, Any], gaps: list[Gap]) -> list[dict[str, Any]]:
    """A sham stimulus as the real one would have been: off in each gap, and on again after it.

    What ends by itself, such as a pulse, is cut short, and is not given late.

    Args:
        row: of a stimulus, with `action`, `values`, `start_ns` and `stop_ns`.
    """
    pieces, start, stop = [], row["start_ns"], row["stop_ns"]
    between = [(lost, back) for lost, back in gaps if lost < stop and start < back]
    if not between:
        return [row]
    for lost, back in between:
        if start < lost:
            pieces.append({**row, "start_ns": start, "stop_ns": lost})
        start = stop if ends_by_itself(row["action"], row["values"]) else back
    return [*pieces, {**row, "start_ns": start}] if start < stop else pieces
