"""Another host of the rig, as far as it was heard of."""

from __future__ import annotations

import time

from dlstream.rig.hosts import Host
from dlstream.run.hosts.beat import Beat
from dlstream.run.hosts.clock import HostClock
from dlstream_common.device_clock import ClockJump
from dlstream_common.lateness import Lateness, uptime


class Peer:
    """Another host.

    Attributes:
        decides: whether a part runs there on which outputs depend.
        beat: its newest.
        heard: that beat's `sent` by its clock, and when it came by ours.
        silent_since: from when on, by the monotonic clock, once its silence was reported; else 0.
        off: whether the outputs went off because it is silent.
        gone: whether it has been silent for longer than `gone_after`.
        warned: whether the difference of its clock was reported.
    """

    def __init__(self, name: str, options: Host, decides: bool) -> None:
        self.name, self.options, self.decides = name, options, decides
        self.beat: Beat | None = None
        self.heard: tuple[int, int] | None = None
        self.clock = HostClock()
        self.lateness = Lateness()
        self.silent_since = 0.0
        self.off = self.gone = self.warned = False
        self._last = time.monotonic()

    @property
    def silent_for(self) -> float:
        """Seconds since its newest beat was sent, as far as a queue kept it back on its way, or since the beginning."""
        return time.monotonic() - self._last

    def is_ready(self, host: str) -> bool:
        """Whether it is there, hears `host`, and its clock is known."""
        return self.beat is not None and host in self.beat.heard and self.clock.offset is not None

    def add(self, beat: Beat, came: int, host: str) -> ClockJump | None:
        """Takes a beat that came just now, by the clock of `host`, which is ours."""
        self.beat, self.heard = beat, (beat.sent, came)
        self._last = max(self._last, time.monotonic() - self.lateness.of(beat.uptime, uptime()))
        if host not in beat.heard:
            return None
        asked, there = beat.heard[host]
        return self.clock.add(asked, there, beat.sent, came)
