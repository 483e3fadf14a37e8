"""A device's clock read in this computer's time: for boards and cameras. Nothing here asks a clock: times are given.

A device counts ticks from when it was switched on, and its crystal is not ours. Both classes find where its count lies
on the host's time line and how fast it runs, and convert counts:

    clock = RoundTripClock(nanoseconds_per_tick=4000, bits=32)
    clock.add(ticks, before, after)     # asked at `before`, answered at `after`, and `ticks` was read in between
    stamp = clock.to_host(ticks_of_an_event)

`RoundTripClock` knows its error, since the answer lies between question and arrival. `ArrivalClock` sees only arrivals,
all of them late, and follows the least late ones. Counters may wrap round. After a reset of the device, or when the
host's clock is set, the old relation is dropped and `add` says so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

import numpy as np

_BINS = 32
"""Parts of the window; each keeps only its best sample."""
_ESTABLISHED = 4
"""Parts of the window with samples, after which an arrival that is too early means a jump, not a late beginning."""
_LATE_FOR = 2e9
"""Nanoseconds of the device after which arrivals that are all late mean a jump, not a busy computer."""
_LATE_COUNT = 10


@dataclass(frozen=True, slots=True)
class ClockJump:
    """The device's clock and the host's do not go together any more as they did.

    Attributes:
        nanoseconds: the host's time less the time expected from the device's count.
        text: what has happened, as far as both clocks show it.
    """

    nanoseconds: int
    text: str


@dataclass(frozen=True, slots=True)
class _Sample:
    """A count, without wraps, and the host's times between which it was read."""

    ticks: int
    low: int
    high: int


class DeviceClock(ABC):
    """What both clocks have in common.

    Args:
        nanoseconds_per_tick: nominal length of a tick.
        bits: width of the device's counter, which wraps round to 0.
        window: seconds of samples that are considered.
        max_drift: greatest difference between the rates of the clocks; 0.0005 is 500 ppm, ten times that of a crystal.
            An Arduino Uno's ceramic resonator needs 0.01.
    """

    def __init__(
        self, nanoseconds_per_tick: float = 1.0, bits: int = 64, window: float = 30.0, max_drift: float = 5e-4
    ) -> None:
        self._tick = nanoseconds_per_tick
        self._modulus = 1 << bits
        self._window = window * 1e9
        self._max_drift = max_drift
        self._restart()

    def _restart(self) -> None:
        self._best: deque[_Sample] = deque()
        self._last: _Sample | None = None
        self._ticks = self._host = 0
        self._drift = 0.0

    @property
    def is_set(self) -> bool:
        """Whether there was a sample, so that counts can be converted."""
        return self._last is not None

    @property
    def drift_ppm(self) -> float:
        """By how many millionths the device's clock is slower than the host's."""
        return self._drift * 1e6

    @abstractmethod
    def uncertainty(self, ticks: int | None = None) -> int:
        """The greatest error of `to_host` for a count, by default the newest: nanoseconds."""

    def to_host(self, ticks: int) -> int:
        """The host's time of a count, in nanoseconds since the epoch.

        The count may lie before the newest sample or after it, by less than half of what the counter holds.

        Raises:
            ValueError: there was no sample yet, or the counter can't hold this count.
        """
        if self._last is None:
            raise ValueError("the device's clock has not been compared with the host's yet")
        self._check(ticks)
        half = self._modulus // 2
        return self._at((ticks - self._last.ticks + half) % self._modulus - half + self._last.ticks)

    def _at(self, ticks: int) -> int:
        elapsed = (ticks - self._ticks) * self._tick
        return self._host + round(elapsed) + round(elapsed * self._drift)

    def _check(self, ticks: int) -> None:
        if not 0 <= ticks < self._modulus:
            raise ValueError(f"found a count of {ticks}; expected 0 to {self._modulus - 1}")

    def _unwrapped(self, ticks: int, host: int) -> int:
        """The count with its wraps, which the host's time since the last sample tells."""
        self._check(ticks)
        if self._last is None:
            return ticks
        expected = self._last.ticks + round((host - self._last.high) / self._tick)
        return ticks + (expected - ticks + self._modulus // 2) // self._modulus * self._modulus

    def _jump(self, sample: _Sample, nanoseconds: int) -> ClockJump:
        """Begins again with this sample."""
        last = self._last
        assert last is not None
        if sample.ticks < last.ticks and sample.high >= last.high:
            what = "the device was reset"
        elif sample.high < last.high:
            what = "the computer's clock was set back"
        else:
            what = "the device was reset, or the computer's clock was set"
        self._restart()
        seconds = nanoseconds / 1e9
        how = f"{abs(seconds):.3f} s {'later' if seconds > 0 else 'earlier'} than its clock says"
        return ClockJump(nanoseconds, f"{what}: it answers {how}; its clock is fitted again")

    def _keep(self, sample: _Sample) -> bool:
        """Keeps the best sample of each part of the window, and forgets what is older; False: there is a better one."""
        length = self._window / _BINS
        oldest = sample.ticks - self._window / self._tick
        while self._best and self._best[0].ticks < oldest:
            self._best.popleft()
        begins = not self._best or sample.ticks * self._tick // length != self._best[-1].ticks * self._tick // length
        if begins:
            self._best.append(sample)
        elif self._is_better(sample, self._best[-1]):
            self._best[-1] = sample
        else:
            return False
        return True

    @abstractmethod
    def _is_better(self, sample: _Sample, other: _Sample) -> bool:
        """Whether a sample says more than another one of about the same time."""


class RoundTripClock(DeviceClock):
    """A clock that is asked: each sample is a count, and the host's times before the question and after the answer.

    The device's time line is a straight line that runs through all these intervals, with a slope within `max_drift`.
    All such lines are considered, and the result lies in the middle of them. The uncertainty is half the least round
    trip in the window, plus what the clocks may have drifted since. A window in which no line fits has its oldest
    samples dropped.
    """

    def _restart(self) -> None:
        super()._restart()
        self._error = 0.0
        self._drift_error = self._max_drift

    def add(self, ticks: int, before: int, after: int) -> ClockJump | None:
        """Adds a round trip; host times are nanoseconds since the epoch.

        Raises:
            ValueError: the counter can't hold this count.
        """
        if after < before:  # the host's clock was set back in between: the next round trip shows by how much
            self._check(ticks)
            return None
        sample = _Sample(self._unwrapped(ticks, (before + after) // 2), before - round(self._tick), after)
        jump = None
        if self._last is not None:
            expected, error = self._at(sample.ticks), self._error_at(sample.ticks)
            off = max(sample.low - expected - error, 0.0) + min(sample.high - expected + error, 0.0)
            if sample.ticks < self._last.ticks or not self._fits([*self._best, sample]):
                while self._best and (self._best[-1].ticks > sample.ticks or not self._fits([*self._best, sample])):
                    self._best.popleft()
                if not self._best:
                    jump = self._jump(sample, round(off) or (before + after) // 2 - expected)
                    sample = replace(sample, ticks=ticks)
        self._keep(sample)
        self._last = sample
        samples = list(self._best) if self._best[-1] is sample else [*self._best, sample]
        self._fit(samples)
        return jump

    def uncertainty(self, ticks: int | None = None) -> int:
        if ticks is None or self._last is None:
            return round(self._error)
        half = self._modulus // 2
        return round(self._error_at((ticks - self._last.ticks + half) % self._modulus - half + self._last.ticks))

    def _error_at(self, ticks: int) -> float:
        return self._error + abs(ticks - self._ticks) * self._tick * self._drift_error

    def _is_better(self, sample: _Sample, other: _Sample) -> bool:
        return sample.high - sample.low < other.high - other.low

    def _bounds(self, samples: list[_Sample]) -> tuple[float, float, float, float]:
        """Least and greatest drift, and least and greatest host time at the newest sample, relative to its answer."""
        newest = samples[-1]
        x = np.array([(item.ticks - newest.ticks) * self._tick for item in samples])
        low = np.array([item.low - newest.high for item in samples]) - x
        high = np.array([item.high - newest.high for item in samples]) - x
        span = x[None, :] - x[:, None]
        later = span > 0
        steepest = np.where(later, (high[None, :] - low[:, None]) / np.where(later, span, 1), np.inf)
        flattest = np.where(later, (low[None, :] - high[:, None]) / np.where(later, span, 1), -np.inf)
        least, most = max(-self._max_drift, float(flattest.max())), min(self._max_drift, float(steepest.min()))
        return least, most, float((low - least * x).max()), float((high - most * x).min())

    def _fits(self, samples: list[_Sample]) -> bool:
        if any(later.ticks < earlier.ticks for earlier, later in pairwise(samples)):
            return False
        least, most, low, high = self._bounds(samples)
        return least <= most and low <= high

    def _fit(self, samples: list[_Sample]) -> None:
        least, most, low, high = self._bounds(samples)
        newest = samples[-1]
        self._ticks, self._host = newest.ticks, newest.high + round((low + high) / 2)
        self._drift, self._drift_error = (least + most) / 2, (most - least) / 2
        # Lines closer together than the least round trip would rely on a drift that never changes.
        self._error = max(high - low, min(item.high - item.low for item in samples)) / 2 + 1


class ArrivalClock(DeviceClock):
    """A clock that is only heard: each sample is a count that the device sent, and when it arrived.

    An arrival is late by a fixed delay, by a random amount each time, and now and then by much more. The result
    follows the least late arrivals, so it is late by the fixed delay, as far as `least_delay` does not say it. Its
    slope is the median of the slopes between them, so that a busy minute does not bend it. Steps of the host's clock by
    less than 0.1 s are not noticed as such: a step forward is followed when the window has passed.

    Args:
        delay_bound: nanoseconds by which the least late arrivals may be late beyond `least_delay`. The uncertainty is
            that, and what the clocks may have drifted: by `max_drift` until a third of the window has been heard, after
            that by no more than `delay_bound`.
    """

    def __init__(
        self,
        nanoseconds_per_tick: float = 1.0,
        bits: int = 64,
        window: float = 30.0,
        max_drift: float = 5e-4,
        delay_bound: int = 0,
    ) -> None:
        self._bound = delay_bound
        self._tolerance = 1e8 + delay_bound
        super().__init__(nanoseconds_per_tick, bits, window, max_drift)

    def _restart(self) -> None:
        super()._restart()
        self._late: list[_Sample] = []
        self._span = 0.0  # nanoseconds of arrivals that are considered

    def add(self, ticks: int, arrived: int, least_delay: int = 0) -> ClockJump | None:
        """Adds an arrival, nanoseconds since the epoch.

        Args:
            least_delay: nanoseconds that certainly passed between the count and its arrival, such as the exposure.

        Raises:
            ValueError: the counter can't hold this count.
        """
        host = arrived - least_delay
        sample = _Sample(self._unwrapped(ticks, host), host, host)
        jump = None
        if self._last is not None:
            off = host - self._at(sample.ticks)
            tolerance = self._tolerance + self._max_drift * abs(sample.ticks - self._last.ticks) * self._tick
            self._late = [*self._late, sample][-_LATE_COUNT * 100 :] if off > tolerance else []
            if sample.ticks < self._last.ticks or self._all_are_late():
                jump = self._jump(sample, off)
            elif off < -tolerance:
                jump = self._jump(sample, off) if len(self._best) >= _ESTABLISHED else None
                self._restart()
            if self._last is None:
                sample = replace(sample, ticks=ticks)
        changed = self._keep(sample)
        self._last = sample
        if changed:
            self._fit()
        return jump

    def uncertainty(self, ticks: int | None = None) -> int:
        drifted = self._max_drift * self._span
        return self._bound + round(drifted if self._span < self._window / 3 else min(drifted, self._bound))

    def _all_are_late(self) -> bool:
        late = self._late
        return len(late) >= _LATE_COUNT and (late[-1].ticks - late[0].ticks) * self._tick > _LATE_FOR

    def _is_better(self, sample: _Sample, other: _Sample) -> bool:
        return self._lateness(sample) < self._lateness(other)

    def _lateness(self, sample: _Sample) -> int:
        return sample.high - self._at(sample.ticks)

    def _fit(self) -> None:
        newest = self._best[-1]
        x = [(item.ticks - newest.ticks) * self._tick for item in self._best]
        y = [item.high - newest.high - at for item, at in zip(self._best, x, strict=True)]
        self._span = x[-1] - x[0]
        if self._span >= self._window / 3:  # before that, jitter would look like drift
            slopes = [(y[b] - y[a]) / (x[b] - x[a]) for b in range(len(x)) for a in range(b) if x[b] > x[a]]
            self._drift = min(max(median(slopes), -self._max_drift), self._max_drift)
        offset = min(late - self._drift * at for at, late in zip(x, y, strict=True))
        self._ticks, self._host = newest.ticks, newest.high + round(offset)
