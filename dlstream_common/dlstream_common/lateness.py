"""How late signs of life come: a queue on the way keeps them back, and then lets all of them arrive."""

from __future__ import annotations

import time

_STALL = 50_000_000
"""Nanoseconds without a turn after which a receiver was kept from its work, as by a busy machine."""
_SECOND = 1_000_000_000


def uptime() -> int:
    """Nanoseconds since this computer was started, its sleep included. Setting its clock does not change it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Lateness:
    """By how much a sign of life comes later than the least late one of the last half minute or minute.

    Sender and receiver count from anywhere, each by its own `uptime`: no clock has to agree, and none that is set
    makes a difference. A time in which the receiver itself was kept from its work is not on the way, and so not
    counted.

    Args:
        window: seconds after which the least late one is looked for again, since the two do not count equally fast.
    """

    def __init__(self, window: float = 30.0) -> None:
        self._window = round(window * _SECOND)
        self._turned: int | None = None
        self._stall = (0, 0)
        self._restart(0)

    def _restart(self, came: int) -> None:
        self._began, self._sent = came, 0
        self._least: int | None = None
        self._least_before: int | None = None

    def turn(self, now: int) -> None:
        """The receiver works; to be called at least 20 times a second."""
        if self._turned is not None and now - self._turned > _STALL:
            self._stall = self._turned, now
        self._turned = now

    def of(self, sent: int, came: int) -> float:
        """Seconds by which a sign of life comes late; 0 where its sender does not say when it was sent.

        Args:
            sent: nanoseconds, by the sender's `uptime`; 0: not known.
            came: nanoseconds, by the receiver's.
        """
        self.turn(came)
        if not sent:
            return 0.0
        if sent < self._sent - _SECOND:  # another sender, or its computer was started again
            self._restart(came)
        self._sent = max(self._sent, sent)
        if came - self._began > self._window:
            kept = came - self._began <= 2 * self._window
            self._began, self._least, self._least_before = came, None, self._least if kept else None
        took = came - sent
        self._least = took if self._least is None else min(self._least, took)
        late = took - (self._least if self._least_before is None else min(self._least, self._least_before))
        begun, ended = self._stall
        stalled = max(0, min(came, ended) - max(came - late, begun))
        return (late - stalled) / _SECOND
