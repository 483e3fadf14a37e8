"""Reports lost frames: at once, but at most once a second."""

from __future__ import annotations

import time
from collections.abc import Callable

from dlstream_camera.sources._base import Notice

_AT_MOST_EVERY = 1.0


class Losses:
    """Counts and reports lost frames. For one thread; `count` may be read on any."""

    def __init__(self, tell: Callable[[Notice], None]) -> None:
        self.count = 0
        self._tell = tell
        self._told = -_AT_MOST_EVERY
        self._waiting: list[int] = []
        self._reason = ""

    def add(self, number: int, reason: str) -> None:
        """Counts one more lost frame, by the source's own number."""
        if self._waiting and reason != self._reason:
            self.flush()
        self.count += 1
        self._waiting.append(number)
        self._reason = reason
        self.tick()

    def tick(self) -> None:
        """Reports what is pending, if the last report is a second ago."""
        if self._waiting and time.monotonic() - self._told >= _AT_MOST_EVERY:
            self.flush()

    def flush(self) -> None:
        """Reports what is pending."""
        if not self._waiting:
            return
        first, last, count = self._waiting[0], self._waiting[-1], len(self._waiting)
        self._waiting.clear()
        self._told = time.monotonic()
        which = f"frame {first} is lost" if count == 1 else f"{count} of the frames {first} to {last} are lost"
        values = {"frames": str(count), "first_frame": str(first), "last_frame": str(last)}
        self._tell(Notice("frames_lost", f"{which}: {self._reason}", values))
