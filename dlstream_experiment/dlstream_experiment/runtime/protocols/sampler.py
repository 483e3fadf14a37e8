"""Draws times."""

from __future__ import annotations

import math
import random

from dlstream_experiment.model.names import nanoseconds
from dlstream_experiment.model.protocols._duration import Draw, Exponential


class Sampler:
    """Gives a duration's times, one after the other."""

    def __init__(self, duration: float | Draw, draws: random.Random) -> None:
        self.drawn = isinstance(duration, Draw)
        self._duration = duration
        self._draws = draws
        self._given = 0

    def next(self) -> int:
        """Nanoseconds."""
        duration, self._given = self._duration, self._given + 1
        return nanoseconds(self._draw(duration) if isinstance(duration, Draw) else duration)

    def _draw(self, draw: Draw) -> float:
        if draw.uniform is not None:
            return self._draws.uniform(*draw.uniform)
        if draw.integers is not None:
            return self._draws.randint(*draw.integers)
        if draw.one_of is not None:
            return self._draws.choice(draw.one_of)
        if draw.exponential is not None:
            return _exponential(draw.exponential, self._draws.random())
        assert draw.in_order is not None
        return draw.in_order[(self._given - 1) % len(draw.in_order)]


def _exponential(e: Exponential, share: float) -> float:
    """The time by which that share of the cut distribution is over."""
    tail_min, tail_max = math.exp(-e.min / e.mean), math.exp(-e.max / e.mean)
    tail = tail_min - share * (tail_min - tail_max)
    return min(max(-e.mean * math.log(tail), e.min), e.max) if tail > 0 else e.max
