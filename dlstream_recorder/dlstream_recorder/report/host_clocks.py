"""The clocks of a rig's hosts: times of a session, which several computers have given, in that of its main host."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlstream_common.event_kinds import CLOCK_OFFSET

POSE = "/pose"
EXPERIMENT = "/experiment"
_DRIFT = 5e-4
"""Greatest difference between the rates of two computers' clocks, also while NTP slews one."""


class HostClocks:
    """How the clocks of a rig's other hosts differed from the main host's, by the session's events `clock_offset`.

    Attributes:
        uncertainty: the greatest error of a difference, in milliseconds, which is all of it where a clock was set in
            the session: the moment is not known. None: a rig of one computer.
    """

    def __init__(self, events: pd.DataFrame) -> None:
        self._offsets: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        uncertainties = []
        for _, rows in events[events["kind"] == CLOCK_OFFSET].groupby("name"):
            values = [json.loads(text) for text in rows["values"]]
            offsets = np.array([int(value["offset_ns"]) for value in values], np.float64)
            errors = np.array([int(value["uncertainty_ns"]) for value in values], np.float64)
            uncertainties += [*errors, *_set_by(rows["stamp_ns"].to_numpy(np.float64), offsets, errors)]
            for node in values[-1].get("nodes", "").split():
                self._offsets[node] = rows["stamp_ns"].to_numpy(np.float64), offsets
        self.uncertainty = max(uncertainties) / 1e6 if uncertainties else None

    def corrected(self, table: pd.DataFrame, **nodes: str) -> pd.DataFrame:
        """A table with some of its columns in the main host's time.

        Args:
            nodes: by the column, the node that gave its times: its full name within the rig's namespace.
        """
        known = {column: self._offsets[node] for column, node in nodes.items() if node in self._offsets}
        if not known or not len(table):
            return table
        return table.assign(**{column: _less(table[column], *offset) for column, offset in known.items()})

    def corrected_events(self, events: pd.DataFrame) -> pd.DataFrame:
        """The rows of events.csv, with their times from frame to output in the main host's time."""
        if not self._offsets or not len(events):
            return events
        parts = [
            self.corrected(
                rows,
                frame_stamp_ns=f"/{camera}/camera",
                inference_end_ns=POSE,
                decided_ns=EXPERIMENT,
                sent_ns=EXPERIMENT,
                received_ns=f"/outputs/{output}",
                applied_ns=f"/outputs/{output}",
            )
            for (camera, output), rows in events.groupby(["camera", "name"], sort=False)
        ]
        return pd.concat(parts).sort_index()


def _set_by(
    stamps: NDArray[np.float64], offsets: NDArray[np.float64], errors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """By how much a clock was set between two comparisons, each time that drift can't be the reason; nanoseconds."""
    steps = np.abs(np.diff(offsets))
    drifted = errors[1:] + errors[:-1] + _DRIFT * np.abs(np.diff(stamps))
    return np.asarray(steps[steps > drifted])


def _less(times: pd.Series, stamps: NDArray[np.float64], offsets: NDArray[np.float64]) -> pd.Series:
    """Times less the offset that the clock had then; 0, which is no time, stays."""
    known = times > 0
    return times - np.where(known, np.interp(times, stamps, offsets), 0).astype("int64")
