"""Pulses and trains on a line that software switches: a thread keeps the times, and off always wins."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from dlstream_common import DlstreamError, now
from dlstream_outputs.actions import Action, On, Pulse, Train

TIMED = (On, Pulse, Train)
"""The actions that `TimedLine` can play."""


def pulses_of(action: Action) -> Iterator[tuple[float, float | None]]:
    """Start and width of each pulse, in seconds from the command; without a width, it stays on.

    Raises:
        TypeError: not one of `TIMED`.
    """
    if isinstance(action, On):
        yield 0.0, action.duration
    elif isinstance(action, Pulse) and action.width is not None:
        yield action.delay / 1000, action.width / 1000
    elif isinstance(action, Train):
        number = 0
        while action.pulses is None or number < action.pulses:
            burst, within = divmod(number, action.burst)
            yield action.delay / 1000 + burst * action.burst_period + within / action.frequency, action.width / 1000
            number += 1
    else:
        raise TypeError(f"found {action!r}; expected on, pulse or train")


class TimedLine:
    """Switches a line by a computer's clock.

    On a busy computer an edge is late. A pulse that begins late keeps its width. A pulse is left out when the next one
    is due already; `fault` reports how many were.

    Args:
        switch: sets the line; returns when the device has been told. Not called by two threads at once.
    """

    def __init__(self, switch: Callable[[bool], None]) -> None:
        self._switch = switch
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._high = False
        self._since = 0.0  # when it was last set, by the monotonic clock
        self._faults: list[str] = []

    def play(self, action: Action) -> int:
        """Begins an action in place of the one before; returns when it took effect, or will after its delay.

        Raises:
            DlstreamError: the device failed.
        """
        plan = pulses_of(action)
        start, width = next(plan)
        with self._lock:
            self._stopped.set()
            if self._high and not isinstance(action, On):
                self._set(False)
            self._stopped = stopped = threading.Event()
            begin = time.monotonic()
            if start == 0:
                self._set(True)
                if width is None:
                    return now()
            applied = now() + int(start * 1e9)
            thread = threading.Thread(
                target=self._play, args=(plan, start, width, begin, stopped), name="timed-line", daemon=True
            )
            thread.start()
            return applied

    def low(self) -> int:
        """Ends what is being played: the line is low when this returns, and stays so. Returns when.

        Raises:
            DlstreamError: the device failed.
        """
        with self._lock:
            self._stopped.set()
            self._set(False)
            return now()

    def fault(self) -> str:
        """What has gone wrong since the last call; empty if nothing has."""
        with self._lock:
            faults, self._faults = self._faults, []
        return "; ".join(faults)

    def _set(self, high: bool) -> None:
        self._high = self._high or high  # while it is told, and after a failure: it may be high
        self._switch(high)
        self._high, self._since = high, time.monotonic()

    def _play(
        self,
        plan: Iterator[tuple[float, float | None]],
        start: float,
        width: float | None,
        begin: float,
        stopped: threading.Event,
    ) -> None:
        number, left_out = 1, 0
        try:
            while width is not None:
                following = next(plan, None)
                if following is not None and time.monotonic() >= begin + following[0]:
                    left_out += 1
                    if not self._set_at(0.0, False, stopped):
                        return
                else:
                    if not self._set_at(begin + start, True, stopped):
                        return
                    if not self._set_at(max(begin + start, self._since) + width, False, stopped):
                        return
                if following is None:
                    return
                start, width = following
                number += 1
        except Exception as error:
            self._failed(error, stopped)
        finally:
            if left_out:
                with self._lock:
                    self._faults.append(f"{left_out} of {number} pulses were left out: this computer was too busy")

    def _set_at(self, moment: float, high: bool, stopped: threading.Event) -> bool:
        """Sets the line at a moment; returns False if the action has been stopped before."""
        if stopped.wait(max(0.0, moment - time.monotonic())):
            return False
        with self._lock:
            if stopped.is_set():
                return False
            if high != self._high:
                self._set(high)
            return True

    def _failed(self, error: Exception, stopped: threading.Event) -> None:
        text = str(error) if isinstance(error, DlstreamError) else f"{type(error).__name__}: {error}"
        with self._lock:
            if not stopped.is_set():
                self._faults.append(text)
            stopped.set()
