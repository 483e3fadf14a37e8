"""Converts a stream's stamps to nanoseconds since the first frame, always increasing."""

from __future__ import annotations

from fractions import Fraction

_SECOND = 1_000_000_000
JUMP = 0.3
"""Seconds by which stamps must jump back to count as another recording, appended to the first: within one they grow."""


class Timeline:
    """Computes the times of frames.

    Args:
        tick: seconds per unit of the stream's stamps; None: every frame is one period of the rate after the last.
        rate: frames per second, for all frames without stamps.
        origin: nanoseconds of the stream's own time from which times count; default: that of the first frame.
    """

    def __init__(self, tick: Fraction | None, rate: Fraction, origin: int | None = None) -> None:
        self._tick, self._rate = tick, rate
        self._first = None if origin is None else Fraction(origin)
        self._shift = 0
        self._last: int | None = None
        self.corrected = 0
        """Frames whose stamp was missing, or not later than that of the previous frame."""

    def time(self, number: int, stamp: int | None) -> int:
        """The time of frame `number`, in nanoseconds since the first frame."""
        if self._tick is None:
            return int(number * _SECOND / self._rate)
        period = int(_SECOND / self._rate)
        if stamp is None:
            return self._correct(0 if self._last is None else self._last + period)
        at = stamp * self._tick * _SECOND
        if self._first is None:
            self._first = at
        time = int(at - self._first) + self._shift
        if self._last is not None and time <= self._last:
            if self._last - time > JUMP * _SECOND:
                self._shift += self._last + period - time
                return self._correct(self._last + period)
            return self._correct(self._last + period // 2)
        self._last = time
        return time

    def _correct(self, time: int) -> int:
        self.corrected += 1
        self._last = time
        return time
