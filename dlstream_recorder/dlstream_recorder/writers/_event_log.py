"""Writes events into their table and serialized messages into the bag, on one thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from dlstream_common import FramePoses
from dlstream_recorder.writers._worker import Worker
from dlstream_recorder.writers.bag import Bag, Quality
from dlstream_recorder.writers.events import EventRow, EventTable
from dlstream_recorder.writers.journal import JournalFiles

_QUEUE = 256 << 20
_SMALL = 1000


class Log:
    """Accepts events and messages without waiting; see Session for their meaning."""

    def __init__(self, folder: Path, start: Callable[[], int], bag: bool, on_tick: Callable[[], None]) -> None:
        self._events = EventTable(folder / "events.csv", start)
        self._journal = JournalFiles(folder)
        self._bag = Bag(folder / "bag") if bag else None
        self._on_tick = on_tick
        self._unwritten: list[EventRow] = []
        self.worker = Worker("recorder log", _QUEUE, self._tick, 0.1)

    def put(self, job: Callable[[], None]) -> bool:
        """Runs a small job on the log's thread."""
        return self.worker.put(job, _SMALL)

    def add_event(self, row: EventRow) -> bool:
        """Writes a row of events.csv, or writes it at the end if the thread can't any more."""
        accepted = self.worker.put(partial(self._events.add, row), _SMALL)
        if not accepted and len(self._unwritten) < 100:
            self._unwritten.append(row)
        return accepted

    def add_journal(self, lines: str) -> bool:
        """Writes an entry of the experiment's journal."""
        return self.worker.put(partial(self._journal.write, lines), len(lines))

    def add_poses(self, poses: FramePoses) -> bool:
        """Notes when the pose node had a frame, for the rows of events and commands caused by it."""
        return self.worker.put(partial(self._events.poses, poses), _SMALL)

    def add_topic(self, topic: str, msgtype: str, quality: Quality) -> bool:
        """Registers a topic of the bag."""
        return self._bag is None or self.worker.put(partial(self._bag.add_topic, topic, msgtype, quality))

    def add_message(self, topic: str, data: bytes, recorded: int) -> bool:
        """Puts a message into the bag."""
        return self._bag is None or self.worker.put(partial(self._bag.write, topic, data, recorded), len(data))

    def sync(self) -> None:
        """See AppendFile.sync."""
        self._events.sync()
        self._journal.sync()
        if self._bag is not None:
            self._bag.sync()

    def close(self) -> None:
        """Writes what is waiting, and completes the files.

        Raises:
            RecordingError: one of them could not be completed; the others are complete nevertheless.
        """
        self.worker.close()
        try:
            for row in self._unwritten:
                self._events.add(row)
            self._events.close()
        finally:
            self._journal.close()
            if self._bag is not None:
                self._bag.close()

    def _tick(self) -> None:
        self._events.write()
        if self._bag is not None:
            self._bag.flush()
        self._on_tick()
