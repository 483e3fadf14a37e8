"""Finds that this computer's clock was set forward: the run's time, which is the clock's, has gone on by as much.

A clock that was set back is found by the run itself, from its inputs alone.
"""

from __future__ import annotations

_STEP = 500_000_000
"""Nanoseconds from which it is reported, as of a clock that is set back."""
_SECOND = 1_000_000_000


class ForwardSteps:
    """Compares the clock with the time since the computer was started, which nobody sets."""

    def __init__(self) -> None:
        self._difference: int | None = None

    def fault(self, stamp: int, uptime: int) -> str:
        """What is to be reported, once for each step; empty where there was none.

        Args:
            stamp: what the clock shows, in nanoseconds.
            uptime: nanoseconds since the computer was started.
        """
        before, self._difference = self._difference, stamp - uptime
        step = 0 if before is None else self._difference - before
        if step < _STEP:
            return ""
        return f"the clock of this machine was set forward by {step / _SECOND:.3f} s; the run's time goes on by as much"
