"""Counts what full queues had no room for, and reports it: the first time at once, then once a second."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Protocol

_INTERVAL = 1.0


class FaultSink(Protocol):
    """Where faults are reported; see Session.fault."""

    def __call__(self, name: str, text: str, values: dict[str, str], camera: str) -> None:
        """Reports a fault."""


class Refusals:
    """Counts refused frames and messages per camera; the camera "" stands for events and the bag."""

    def __init__(self, fault: FaultSink) -> None:
        self.total = 0
        self._fault = fault
        self._unreported: Counter[str] = Counter()
        self._reported: dict[str, float] = {}
        self._lock = threading.Lock()

    def count(self, camera: str, report: bool = True) -> None:
        """Counts one; `report` is False if the session is ending with an error anyway."""
        clock = time.monotonic()
        with self._lock:
            self.total += 1
            self._unreported[camera] += 1
            if not report or clock - self._reported.get(camera, -_INTERVAL) < _INTERVAL:
                return
            self._reported[camera] = clock
            lost = self._unreported.pop(camera)
        self._report(camera, lost)

    def report_rest(self) -> None:
        """Reports what has not been reported yet."""
        with self._lock:
            unreported, self._unreported = self._unreported, Counter()
        for camera, lost in unreported.items():
            self._report(camera, lost)

    def _report(self, camera: str, lost: int) -> None:
        what = f"frames or poses of {camera}" if camera else "events or messages"
        text = f"the queue was full: {lost} {what} lost, because the disk or the processor is too slow"
        self._fault(f"/{camera}" if camera else "recorder", text, {"lost": str(lost)}, camera)
