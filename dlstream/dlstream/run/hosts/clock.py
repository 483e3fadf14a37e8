"""Another host's clock, compared with this one's by the beats that both send anyway."""

from __future__ import annotations

from dataclasses import dataclass

from dlstream_common.device_clock import ClockJump, RoundTripClock

ENOUGH = 5
"""Round trips after which the offset is trusted; each is a tenth of a second or less."""


@dataclass(frozen=True, slots=True)
class Offset:
    """How another host's clock differs from this one's.

    Attributes:
        nanoseconds: its clock less ours: positive where it is ahead.
        uncertainty: the greatest error of that, in nanoseconds: half of the least round trip, and the drift since.
    """

    nanoseconds: int
    uncertainty: int

    @property
    def surely(self) -> int:
        """By how much the clocks differ at least, in nanoseconds, whatever the error."""
        return max(0, abs(self.nanoseconds) - self.uncertainty)

    def __str__(self) -> str:
        ahead = "ahead of" if self.nanoseconds >= 0 else "behind"
        return f"{abs(self.nanoseconds) / 1e6:.3f} ms ± {self.uncertainty / 1e6:.3f} {ahead} this one"


class HostClock:
    """The clock of another host."""

    def __init__(self) -> None:
        self._clock = RoundTripClock()
        self._newest = 0
        self._asked = 0
        self.count = 0
        """Round trips so far."""

    def add(self, asked: int, came: int, answered: int, now: int) -> ClockJump | None:
        """Adds a round trip: a beat of ours, and the next one of the other host.

        Args:
            asked: when we sent ours, by our clock.
            came: when it came there, by the other's.
            answered: when the other sent its own, by the other's.
            now: when that came here, by ours.
        """
        if (
            asked == self._asked or answered < came or came <= 0
        ):  # the same question again, or its clock was set meanwhile
            return None
        self._asked, self._newest = asked, came
        self.count += 1
        return self._clock.add(came, asked, now - (answered - came))

    @property
    def offset(self) -> Offset | None:
        """The offset at the newest round trip; None before there were enough."""
        if self.count < ENOUGH:
            return None
        return Offset(self._newest - self._clock.to_host(self._newest), self._clock.uncertainty())
