"""Time that never goes back, from clocks that may be set."""

from __future__ import annotations

_STEP = 500_000_000
"""Less is no step: frames that come in another order, what waited in a queue. Time stands still so long at the most."""


class Clock:
    """A clock of which a run makes its time: where it is set back, the run's time goes on from where it was.

    Stamps and times are nanoseconds.
    """

    def __init__(self) -> None:
        self._ahead = 0
        self._last: int | None = None

    def is_set_back(self, stamp: int) -> bool:
        """Whether the clock, which tells this stamp now, was set back since the last one."""
        return self._last is not None and stamp + self._ahead < self._last - _STEP

    def at(self, stamp: int) -> int:
        """The run's time at a stamp, without taking it up."""
        return self._last if self._last is not None and self.is_set_back(stamp) else stamp + self._ahead

    def take(self, stamp: int) -> int:
        """Takes up what the clock tells; by how much it was set back, or 0."""
        back = 0
        if self._last is not None and self.is_set_back(stamp):
            back = self._last - stamp - self._ahead
            self._ahead += back
        self._last = stamp + self._ahead if self._last is None else max(self._last, stamp + self._ahead)
        return back
