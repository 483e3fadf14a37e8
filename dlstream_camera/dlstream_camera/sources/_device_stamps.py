"""Stamps by a device's own clock, as long as they can be true; else by the arrival."""

from __future__ import annotations

from collections.abc import Callable

from dlstream_camera.sources._format import Notice, StampSource
from dlstream_common import now
from dlstream_common.device_clock import ArrivalClock, ClockJump, RoundTripClock

_OLDEST = 500_000_000
"""Nanoseconds before the arrival, beside the exposure, from which on a stamp can't be true."""
_NEWEST = 5_000_000
_BACKWARDS = 1_000_000_000
_ASK_EVERY = 500_000_000


def is_plausible(stamp: int, arrived: int, least_delay: int = 0) -> bool:
    """Whether an image with this stamp can have arrived then: at most 0.5 s on its way, and not from the future.

    The least that a stamp may lie in the future is what a conversion between clocks may err.
    """
    return arrived - least_delay - _OLDEST <= stamp <= arrived + _NEWEST


class DeviceStamps:
    """Stamps the frames of a device that counts ticks.

    Args:
        meaning: what the device stamps, "exposure" (its start) or "device" (another moment, such as the readout).
        tell: called with what the user must know of the stamps: a reset, or a device whose time can't be used.
        bits, nanoseconds_per_tick: of the device's counter.
        delay_bound: nanoseconds that the quickest frame takes beyond the least delay known, such as a frame's interval.
        latch: reads the device's counter, where the device allows it: then the mapping relies on round trips, asked for
            at most every 0.5 s, and its uncertainty is measured.

    Attributes:
        source: what the last stamp was.
    """

    def __init__(
        self,
        meaning: StampSource,
        tell: Callable[[Notice], None],
        nanoseconds_per_tick: float = 1.0,
        bits: int = 64,
        delay_bound: int = 0,
        latch: Callable[[], int] | None = None,
    ) -> None:
        self.source: StampSource = meaning
        self._meaning, self._tell, self._latch = meaning, tell, latch
        self._round_trips = RoundTripClock(nanoseconds_per_tick, bits) if latch else None
        self._arrivals = ArrivalClock(nanoseconds_per_tick, bits, delay_bound=delay_bound)
        self._next_round_trip = self._last = 0
        self._is_bad = False

    @property
    def uncertainty(self) -> int | None:
        """Greatest error of the conversion, nanoseconds; None while stamps are arrivals."""
        if self.source == "arrival":
            return None
        return (self._round_trips or self._arrivals).uncertainty()

    def stamp(self, ticks: int | None, arrived: int, least_delay: int = 0) -> int:
        """The stamp of a frame, nanoseconds since the epoch; never later than its arrival, and later than the last one.

        Args:
            ticks: the device's count; None or 0 where it gives none.
            least_delay: nanoseconds that certainly lie between the count and the arrival, such as the exposure.
        """
        stamp = self._converted(ticks, arrived, least_delay) if ticks else arrived
        good = bool(ticks) and is_plausible(stamp, arrived, least_delay)
        if ticks and not good and not self._is_bad:
            off = f"{abs(stamp - arrived) / 1e9:.3f} s {'after' if stamp > arrived else 'before'} its arrival"
            text = (
                f"the camera's clock can't be right: it puts a frame {off}; stamps are arrivals until it is right again"
            )
            self._tell(Notice("clock", text))
        self._is_bad = bool(ticks) and not good
        self.source = self._meaning if good else "arrival"
        stamp = min(stamp, arrived) if good else arrived
        if self._last - _BACKWARDS < stamp <= self._last:
            stamp = self._last + 1  # a better fit of the clock must not put a frame before the one before it
        self._last = stamp
        return stamp

    def _converted(self, ticks: int, arrived: int, least_delay: int) -> int:
        if self._round_trips is None or self._latch is None:
            self._report(self._arrivals.add(ticks, arrived, least_delay))
            return self._arrivals.to_host(ticks)
        if not 0 <= self._next_round_trip - arrived < _ASK_EVERY:
            before = now()
            counted = self._latch()
            after = now()
            self._report(self._round_trips.add(counted, before, after))
            self._next_round_trip = after + _ASK_EVERY
        return self._round_trips.to_host(ticks)

    def _report(self, jump: ClockJump | None) -> None:
        if jump is not None:
            self._tell(
                Notice("clock", f"the camera's clock: {jump.text}", {"seconds": f"{jump.nanoseconds / 1e9:.6f}"})
            )
