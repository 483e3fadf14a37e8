"""How late this computer lets a thread continue that has slept."""

from __future__ import annotations

import time
from dataclasses import dataclass

_SLEEP = 0.001


@dataclass(frozen=True)
class Wakes:
    """Milliseconds by which sleeps ended late."""

    count: int
    median: float
    p99: float
    worst: float


def measure_wakes(count: int = 2000) -> Wakes:
    """Sleeps that often for 1 ms, as a loop does that waits for its next frame."""
    late = []
    for _ in range(count):
        due = time.perf_counter() + _SLEEP
        time.sleep(_SLEEP)
        late.append(1e3 * (time.perf_counter() - due))
    return wakes_of(late)


def wakes_of(late: list[float]) -> Wakes:
    """Of times in milliseconds, at least one."""
    ordered = sorted(late)
    return Wakes(len(ordered), ordered[len(ordered) // 2], ordered[int(0.99 * (len(ordered) - 1))], ordered[-1])
