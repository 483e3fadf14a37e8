"""Frames that a camera numbered and that never came."""

from __future__ import annotations

_WRAPS_AT = 65535
"""The largest number of GigE Vision 1; the next is 1, since 0 is not used."""


class FrameIds:
    """Counts by the camera's own numbers how many frames are missing.

    Args:
        wraps: whether the numbers have 16 bits. A camera that goes on beyond 65535 is recognised.
    """

    def __init__(self, wraps: bool) -> None:
        self._wraps = wraps
        self._last: int | None = None

    def missing_before(self, frame_id: int) -> int:
        """Frames between the last one and this; 0 before the first, and if the camera began to count anew."""
        last, self._last = self._last, frame_id
        if frame_id > _WRAPS_AT:
            self._wraps = False
        if last is None:
            return 0
        if frame_id > last:
            return frame_id - last - 1
        if self._wraps and frame_id != last:
            return frame_id + _WRAPS_AT - last - 1
        return 0
