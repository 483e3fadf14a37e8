"""Pulses and trains on a line that software switches: a thread keeps the times, and off always wins."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain, pairwise
from typing import Any

from dlstream_common import DlstreamError, Problem, now
from dlstream_outputs.actions import Action, On, Pulse, Train

TIMED = (On, Pulse, Train)
"""The actions that `TimedLine` can play."""
_TOLERANCE = 0.01
"""Seconds by which a pulse may be too long without a report."""


_SHORTEST = 1.0
"""Milliseconds that a pulse or a gap lasts at least: a shorter one would not be what was asked for."""


def timing_problem(action: Action) -> Problem | None:
    """What no computer times: a pulse or a gap of less than a millisecond."""
    wanted = f"at least {_SHORTEST:g} ms, as this computer times it; an arduino or nidaq output makes shorter ones"
    if isinstance(action, (Pulse, Train)) and action.width is not None and action.width < _SHORTEST:
        return Problem(("values", "width"), f"{action.width:g} ms", wanted)
    if isinstance(action, Train) and 1000 / action.frequency - action.width < _SHORTEST:
        gap = 1000 / action.frequency - action.width
        return Problem(("values", "frequency"), f"a gap of {gap:.3g} ms between pulses", wanted)
    return None


def pulses_of(action: Action) -> Iterator[tuple[float, Any]]:
    """Start and width of each pulse, in seconds from the command; a width of None: it stays on.

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
    is due already. `fault` reports how many were, and a pulse that lasted more than 10 ms too long.

    Args:
        switch: sets the line; returns once the device has been commanded, with the time at which the device did so in
            nanoseconds since the epoch, or None where it does not tell. Not called by two threads at once.
    """

    def __init__(self, switch: Callable[[bool], int | None]) -> None:
        self._switch = switch
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._high = False
        self._since = 0.0  # when it was last set, by the monotonic clock
        self._over = math.inf  # when what is being played should be over
        self._faults: list[str] = []

    def play(self, action: Action, device_ends: bool = False) -> int:
        """Begins an action in place of the one before; returns when it took effect, or will after its delay.

        Args:
            action: one of `TIMED`.
            device_ends: the device itself ends each pulse, so that none is too long where this computer is late.

        Raises:
            DlstreamError: the device failed.
        """
        pulses = pulses_of(action)
        start, width = next(pulses)
        with self._lock:
            self._stopped.set()
            if self._high and not (isinstance(action, On) and time.monotonic() < self._over):
                self._set(False)  # also where its end is late: what comes then begins anew
            self._stopped = stopped = threading.Event()
            begin = time.monotonic()
            self._over = math.inf if action.seconds is None else begin + action.seconds
            applied = now() + int(start * 1e9)
            if start == 0:
                applied = self._set(True)
            if width is not None:
                arguments = (chain([(start, width)], pulses), begin, stopped, device_ends)
                threading.Thread(target=self._play, args=arguments, name="timed-line", daemon=True).start()
            return applied

    def low(self) -> int:
        """Ends what is being played: the line is low when this returns, and stays so. Returns when.

        Raises:
            DlstreamError: the device failed.
        """
        with self._lock:
            self._stopped.set()
            return self._set(False)

    def again(self) -> bool:
        """Sets the line high once more if it is high: for a device that ends what it is not told again.

        Returns:
            Whether it was high.

        Raises:
            DlstreamError: the device failed.
        """
        with self._lock:
            if self._high:
                self._set(True)
            return self._high

    def fault(self) -> str:
        """What has gone wrong since the last call; empty if nothing has."""
        with self._lock:
            faults, self._faults = self._faults, []
        return "; ".join(faults)

    def _set(self, high: bool) -> int:
        self._high = self._high or high  # while it is being switched, and after a failure: it may be high
        switched = self._switch(high)
        self._high, self._since = high, time.monotonic()
        return now() if switched is None else switched

    def _play(
        self, pulses: Iterable[tuple[float, float]], begin: float, stopped: threading.Event, device_ends: bool
    ) -> None:
        count = left_out = 0
        longest, excess = 0.0, 0.0
        try:
            for (start, width), (following, _) in pairwise(chain(pulses, [(math.inf, 0.0)])):
                count += 1
                if stopped.wait(max(0.0, begin + start - time.monotonic())):
                    return
                if not self._high and time.monotonic() >= begin + following:
                    left_out += 1
                    continue
                rise = self._set_at(begin + start, True, stopped)
                fall = None if rise is None else self._set_at(max(begin + start, rise) + width, False, stopped)
                if rise is None or fall is None:
                    return
                if fall - rise - width > excess:
                    longest, excess = fall - rise, fall - rise - width
        except Exception as error:
            self._failed(error, stopped)
        finally:
            with self._lock:
                if left_out:
                    self._faults.append(f"{left_out} of {count} pulses were left out: this computer was too busy")
                if excess > _TOLERANCE and not device_ends:
                    text = f"a pulse of {1000 * (longest - excess):.3g} ms lasted {1000 * longest:.0f} ms"
                    self._faults.append(f"{text}: this computer was too busy")

    def _set_at(self, moment: float, high: bool, stopped: threading.Event) -> float | None:
        """Sets the line at a moment; returns since when it is so, or None if the action has been stopped before."""
        if stopped.wait(max(0.0, moment - time.monotonic())):
            return None
        with self._lock:
            if stopped.is_set():
                return None
            if high != self._high:
                self._set(high)
            return self._since

    def _failed(self, error: Exception, stopped: threading.Event) -> None:
        with self._lock:
            if stopped.is_set():
                return
            stopped.set()
            self._faults.append(str(error) if isinstance(error, DlstreamError) else f"{type(error).__name__}: {error}")
            with suppress(Exception):  # it is reported already, and its node will try again
                self._set(False)
