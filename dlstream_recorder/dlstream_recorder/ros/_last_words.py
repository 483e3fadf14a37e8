"""Waits for what comes after the end of an experiment: its last events and commands, and the outputs' answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf

FINAL_WAIT = 0.5
"""Seconds of waiting for an experiment's last events, commands and acknowledgements."""
_STEP = 0.02


class LastWords:
    """Knows how long an experiment's last messages may still come.

    Args:
        clock: a time in seconds, from any origin.
        sleep: waits for so many seconds.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._until = -inf

    def heard(self, running: bool) -> None:
        """The experiment said whether it runs."""
        if running:
            self._until = inf
        elif self._until == inf:
            self._until = self._clock() + FINAL_WAIT

    def wait(self, handle: Callable[[], None]) -> None:
        """Calls `handle`, which takes the messages that have come, until no more are to be expected.

        An experiment that runs may be about to end: it is waited for as if it ended now.
        """
        handle()
        latest = self._clock() + FINAL_WAIT
        while self._clock() < (latest if self._until == inf else self._until):
            self._sleep(_STEP)
            handle()
