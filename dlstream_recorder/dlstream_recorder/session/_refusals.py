"""Counts what full queues had no room for, and says so: the first time at once, then once a second."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Protocol

_INTERVAL = 1.0


class FaultSink(Protocol):
    """Where faults are told; see Session.fault."""

    def __call__(self, name: str, text: str, values: dict[str, str], camera: str) -> None:
        """Tells one."""


class Refusals:
    """Refused frames and messages by camera; the camera "" stands for events and the bag."""

    def __init__(self, fault: FaultSink) -> None:
        self.total = 0
        self._fault = fault
        self._untold: Counter[str] = Counter()
        self._told: dict[str, float] = {}
        self._lock = threading.Lock()

    def count(self, camera: str, tell: bool = True) -> None:
        """Counts one; `tell` is False where the session is ending with an error anyway."""
        clock = time.monotonic()
        with self._lock:
            self.total += 1
            self._untold[camera] += 1
            if not tell or clock - self._told.get(camera, -_INTERVAL) < _INTERVAL:
                return
            self._told[camera] = clock
            lost = self._untold.pop(camera)
        self._tell(camera, lost)

    def tell_rest(self) -> None:
        """Tells what was not told yet."""
        with self._lock:
            untold, self._untold = self._untold, Counter()
        for camera, lost in untold.items():
            self._tell(camera, lost)

    def _tell(self, camera: str, lost: int) -> None:
        what = f"frames or poses of {camera}" if camera else "events or messages"
        text = f"the queue was full: {lost} {what} are lost, because the disk or the processor is too slow"
        self._fault(f"/{camera}" if camera else "recorder", text, {"lost": str(lost)}, camera)
