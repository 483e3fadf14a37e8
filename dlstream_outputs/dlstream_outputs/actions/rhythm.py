"""When an output is on while an action lasts: without a break, or in pulses and bursts. Times in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Rhythm:
    """Pulses of a `width`, one each `period`; `burst` of them, one burst each `burst_period`. Infinite: no break.

    A limit must know what an action has done that was ended early: an average over the whole of it would be too little
    where the first pulse is long.
    """

    width: float = math.inf
    period: float = math.inf
    burst: int = 1
    burst_period: float = math.inf

    def most_within(self, seconds: float) -> float:
        """For how long it is on at most, in any part of it that lasts so many seconds."""
        if seconds <= 0 or math.isinf(self.width):
            return max(0.0, seconds)
        bursts, rest = divmod(seconds, self.burst_period)
        pulses, last = divmod(rest, self.period)
        within = pulses * self.width + min(last, self.width)
        return bursts * self.burst * self.width + min(within, self.burst * self.width)

    def lasts(self, on: float) -> float:
        """After how many seconds it may have been on for so many seconds."""
        if on <= 0 or math.isinf(self.width):
            return on
        bursts, rest = divmod(on, self.burst * self.width)
        pulses, last = divmod(rest, self.width)
        return bursts * self.burst_period + pulses * self.period + last
