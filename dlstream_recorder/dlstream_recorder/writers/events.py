"""`events.csv`: everything that happened in a session, one row each, with its chain of stamps."""

from __future__ import annotations

import json
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

from dlstream_common import FramePoses
from dlstream_common.event_kinds import ACKNOWLEDGEMENT, COMMAND
from dlstream_recorder.writers._csv import CsvFile

_SETTLE = 0.6  # seconds for which a row waits for the rest of its chain: messages of other topics may arrive later
_REMEMBERED = 5000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True)
class EventRow:
    """One event, command or acknowledgement. Stamps are nanoseconds since the epoch, 0 if there is none.

    In the file, what does not apply to a row is an empty cell: a stamp or ID of 0, a sequence of -1, no values.

    Attributes:
        kind: of the event, see `dlstream_common.event_kinds`.
        name: of the trigger, state, trial or node; of the output for commands and acknowledgements.
        camera, sequence: of the frame that caused it; "" and -1 if none did.
        frame_stamp_ns: when that frame was acquired.
        pose_received_ns, inference_start_ns, inference_end_ns: when the pose node received and processed it.
        stamp_ns: when it happened: decided (event, command) or applied (acknowledgement).
        decided_ns, sent_ns: of the command, and in the row of its acknowledgement.
        received_ns, applied_ns: by the output.
        recorded_ns: when it reached the recorder.
        source, id: of the command; with `name` they link it with its acknowledgement. An `id` is of one output and
            begins again with each start of its source.
        trigger, value: of the command and its acknowledgement: the trigger that caused it, and what that measured.
        success, message: of the acknowledgement; success is "" elsewhere.
        values: further details, in the file as JSON.
    """

    kind: str
    name: str
    camera: str = ""
    sequence: int = -1
    frame_stamp_ns: int = 0
    pose_received_ns: int = 0
    inference_start_ns: int = 0
    inference_end_ns: int = 0
    stamp_ns: int = 0
    decided_ns: int = 0
    sent_ns: int = 0
    received_ns: int = 0
    applied_ns: int = 0
    recorded_ns: int = 0
    source: str = ""
    id: int = 0
    action: str = ""
    trigger: str = ""
    value: str = ""
    success: str = ""
    message: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


EVENT_COLUMNS = ("time", *(item.name for item in fields(EventRow)))
"""`time`: seconds from the session's start (`created_ns` of session.json) to stamp_ns."""
ABSENT: Mapping[str, int] = {item.name: item.default for item in fields(EventRow) if isinstance(item.default, int)}
"""The numbers in an EventRow that mean "does not apply"; in the file such a cell is empty."""


class EventTable:
    """Writes `events.csv`; rows wait a moment until the frame's poses and the command are known, too.

    `start`: start of the session, in nanoseconds since the epoch; 0 as long as it isn't known.
    """

    def __init__(self, path: Path, start: Callable[[], int]) -> None:
        self._file, self._start = CsvFile(path, [EVENT_COLUMNS]), start
        self._waiting: deque[tuple[float, EventRow]] = deque()
        self._poses: OrderedDict[tuple[str, int], FramePoses] = OrderedDict()
        self._commands: OrderedDict[tuple[str, str, int], EventRow] = OrderedDict()

    def add(self, row: EventRow) -> None:
        """Adds a row, which is written a moment later."""
        if row.kind == COMMAND:
            _remember(self._commands, (row.name, row.source, row.id), row)
        self._waiting.append((time.monotonic(), row))

    def poses(self, poses: FramePoses) -> None:
        """Notes when the pose node had a frame."""
        _remember(self._poses, (poses.camera, poses.stamp), poses)

    def write(self, everything: bool = False) -> None:
        """Writes the rows that have waited long enough, or all of them."""
        ready = time.monotonic() - _SETTLE
        count = sum(1 for since, _ in self._waiting if everything or since <= ready)
        if count:
            self._file.write([self._cells(self._completed(row)) for _, row in islice(self._waiting, count)])
        for _ in range(count):  # only after writing: a full disk may have room again later
            self._waiting.popleft()

    def sync(self) -> None:
        """See AppendFile.sync."""
        self._file.sync()

    def close(self) -> None:
        """Writes what is waiting, and closes the file."""
        try:
            self.write(everything=True)
        finally:
            self._file.close()

    def _completed(self, row: EventRow) -> EventRow:
        if row.kind == ACKNOWLEDGEMENT:
            command = self._commands.get((row.name, row.source, row.id))
            if command is not None:
                row = replace(
                    row,
                    camera=command.camera,
                    sequence=command.sequence,
                    frame_stamp_ns=command.frame_stamp_ns,
                    decided_ns=command.decided_ns,
                    sent_ns=command.sent_ns,
                    action=command.action,
                    trigger=command.trigger,
                    value=command.value,
                )
        poses = self._poses.get((row.camera, row.frame_stamp_ns)) if row.frame_stamp_ns else None
        if poses is not None:
            row = replace(
                row,
                pose_received_ns=poses.received,
                inference_start_ns=poses.inference_start,
                inference_end_ns=poses.inference_end,
            )
        return row

    def _cells(self, row: EventRow) -> list[object]:
        start = self._start()
        time = f"{(row.stamp_ns - start) / 1e9:.6f}" if row.stamp_ns and start else ""
        cells = [_cell(name, getattr(row, name)) for name in EVENT_COLUMNS[1:-1]]
        return [time, *cells, json.dumps(dict(row.values), ensure_ascii=False) if row.values else ""]


def _cell(name: str, value: object) -> object:
    if isinstance(value, str):
        return " ".join(value.splitlines())  # one row, one line
    return "" if value == ABSENT.get(name) else value


def _remember(known: OrderedDict[K, V], key: K, value: V) -> None:
    known[key] = value
    if len(known) > _REMEMBERED:
        known.popitem(last=False)
