"""Timing for sources that could deliver frames faster than a camera."""

from __future__ import annotations

import threading
import time

from dlstream_common import now


class RateLimiter:
    """Waits until the next frame is due.

    A late source does not catch up with a burst, and no frame is skipped: the schedule moves instead.
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


class Schedule:
    """Waits until a recorded frame is due by its own time. `wait` on one thread, `stop` on any.

    As with `RateLimiter` there are no bursts: if a frame is late by more than its interval to the frame before, the
    frames after it are delayed too.
    """

    def __init__(self) -> None:
        self._begin: float | None = None
        self._last = 0.0
        self._stopped = threading.Event()

    def restart(self) -> None:
        """The next frame is due at once."""
        self._begin = None

    def wait(self, seconds: float) -> int | None:
        """Waits until the frame at `seconds` is due.

        Returns:
            Its stamp, nanoseconds since the epoch; None if `stop` was called meanwhile.
        """
        self._stopped.clear()
        clock = time.monotonic()
        if self._begin is None or clock - (self._begin + seconds) > seconds - self._last:
            self._begin = clock - seconds
        if (left := self._begin + seconds - clock) > 0 and self._stopped.wait(left):
            return None
        self._last = seconds
        return now()

    def stop(self) -> None:
        """Wakes `wait`."""
        self._stopped.set()
