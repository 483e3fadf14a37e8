"""Reports lost frames: at once, but at most once a second."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from dlstream_camera.sources._format import LossKind, Notice

_AT_MOST_EVERY = 1.0
_NUMBER = re.compile(r"\d+")


class Losses:
    """Counts and reports lost frames. For one thread; `count` and `kinds` may be read on any.

    Attributes:
        count: all of them.
        kinds: how many were lost how.
    """

    def __init__(self, tell: Callable[[Notice], None]) -> None:
        self.count = 0
        self.kinds: dict[LossKind, int] = {}
        self._tell = tell
        self._told = -_AT_MOST_EVERY
        self._waiting: list[tuple[int, int]] = []
        self._reason: tuple[str, LossKind] = ("", "damaged")

    def add(self, number: int, reason: str, kind: LossKind = "damaged", count: int = 1) -> None:
        """Counts lost frames, by the source's own number of the first one."""
        if count < 1:
            return
        if self._waiting and _fault(reason, kind) != _fault(*self._reason):
            self.flush()
        self.count += count
        self.kinds = {**self.kinds, kind: self.kinds.get(kind, 0) + count}
        self._waiting.append((number, number + count - 1))
        if len(self._waiting) == 1:
            self._reason = reason, kind
        self.tick()

    def tick(self) -> None:
        """Reports what is pending, if the last report is a second ago."""
        if self._waiting and time.monotonic() - self._told >= _AT_MOST_EVERY:
            self.flush()

    def flush(self) -> None:
        """Reports what is pending."""
        if not self._waiting:
            return
        reason, kind = self._reason
        first, last = self._waiting[0][0], self._waiting[-1][1]
        count = sum(end - begin + 1 for begin, end in self._waiting)
        self._waiting.clear()
        self._told = time.monotonic()
        which = f"frame {first} is lost" if count == 1 else f"{count} of the frames {first} to {last} are lost"
        values = {"frames": str(count), "first_frame": str(first), "last_frame": str(last), "how": kind}
        self._tell(Notice("frames_lost", f"{which}: {reason}", values))


def _fault(reason: str, kind: LossKind) -> tuple[str, LossKind]:
    """What is the same of one fault again and again: not the numbers in its reason, such as those of bytes."""
    return _NUMBER.sub("", reason), kind
