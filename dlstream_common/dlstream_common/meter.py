"""How often frames pass and how long they take."""

from __future__ import annotations

import time
from collections import deque
from statistics import median


class Meter:
    """The rate of the last ticks, and the median of their durations. One thread ticks; others may read."""

    def __init__(self, window: int = 120) -> None:
        self._ticks: deque[tuple[float, float]] = deque(maxlen=window)
        self._begin = time.monotonic()
        self.count = 0

    def tick(self, milliseconds: float = 0.0) -> None:
        """Counts one tick and its duration."""
        self._ticks.append((time.monotonic(), milliseconds))
        self.count += 1

    @property
    def per_second(self) -> float:
        """Ticks per second over the window; 0 before the second tick."""
        ticks = list(self._ticks)
        if len(ticks) < 2 or ticks[-1][0] == ticks[0][0]:
            return 0.0
        return (len(ticks) - 1) / (ticks[-1][0] - ticks[0][0])

    @property
    def milliseconds(self) -> float:
        """The median duration over the window; 0 before the first tick."""
        return median(taken for _, taken in list(self._ticks)) if self._ticks else 0.0

    @property
    def silent_for(self) -> float:
        """Seconds since the last tick, or since the beginning."""
        ticks = list(self._ticks)
        return time.monotonic() - (ticks[-1][0] if ticks else self._begin)
