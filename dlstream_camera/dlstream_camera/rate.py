"""How often something happens."""

from __future__ import annotations

import time
from collections import deque


class Rate:
    """The rate of the last ticks, by the monotonic clock. One thread ticks, another may read."""

    def __init__(self, window: int = 120) -> None:
        self._ticks: deque[float] = deque(maxlen=window)
        self._begin = time.monotonic()

    def tick(self) -> None:
        """Counts one."""
        self._ticks.append(time.monotonic())

    def per_second(self) -> float:
        """Ticks a second over the window; 0 before the second tick."""
        ticks = list(self._ticks)
        if len(ticks) < 2 or ticks[-1] == ticks[0]:
            return 0.0
        return (len(ticks) - 1) / (ticks[-1] - ticks[0])

    def silent_for(self) -> float:
        """Seconds since the last tick, or since the beginning."""
        ticks = list(self._ticks)
        return time.monotonic() - (ticks[-1] if ticks else self._begin)
