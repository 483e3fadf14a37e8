"""The numbers that a device gives its frames: a gap is a loss on the way."""

from __future__ import annotations

_IMPLAUSIBLE = 2**15
"""A gap that long is no loss: the device has started counting again."""


class FrameNumbers:
    """Finds gaps in a device's frame numbers, which wrap round.

    Args:
        bits: width of the counter.
        first: what follows the greatest number: 0, or 1 where 0 means "no number" (GigE Vision with 16 bits).
    """

    def __init__(self, bits: int = 64, first: int = 0) -> None:
        self._period = (1 << bits) - first
        self._first = first
        self._last: int | None = None

    def missed(self, number: int) -> int:
        """Frames missing between the last one and this one; 0 at the beginning and if the device restarts its count."""
        place = (number - self._first) % self._period
        last, self._last = self._last, place
        if last is None:
            return 0
        gap = (place - last) % self._period
        return gap - 1 if 0 < gap <= min(_IMPLAUSIBLE, self._period // 2) else 0

    def count_one(self) -> None:
        """One frame came without its number, such as an incomplete one: it is not missing later."""
        if self._last is not None:
            self._last = (self._last + 1) % self._period
