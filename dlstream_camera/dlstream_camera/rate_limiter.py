"""Keeping time for sources that could give frames faster than a camera would."""

from __future__ import annotations

import time

from dlstream_common import now


class RateLimiter:
    """Waits until the next frame is due.

    A source that is late is not allowed to catch up with a burst: the schedule moves, since no frame is left out.
    """

    def __init__(self, fps: float) -> None:
        self._period = 1.0 / fps if fps > 0 else 0.0
        self._due: float | None = None

    def wait(self) -> int:
        """Waits until the next frame is due and returns its stamp, nanoseconds since the epoch."""
        clock = time.monotonic()
        if self._due is None or clock > self._due + self._period:
            self._due = clock
        elif self._due > clock:
            time.sleep(self._due - clock)
        self._due += self._period
        return now()
