"""Frames that a camera published after the last one that was recorded: no gap in the recording shows them."""

from __future__ import annotations

import threading
from collections import OrderedDict

_WAITING = 36_000  # of what a camera said, while none of its frames is recorded: ten minutes at 60 frames per second
_ENOUGH = 10  # frames that show how many of the camera's are published


class Unseen:
    """What is known of one camera's frames besides those that are recorded. Any thread may call it.

    An image that came by ROS has the middleware's number, and what the camera says of it (FrameInfo) the camera's own.
    The two go apart where images are published only while somebody subscribes, so only stamps relate them.
    """

    def __init__(self) -> None:
        self._frame = -1
        self._frames = self._said = self._said_then = 0
        self._infos: OrderedDict[int, int] = OrderedDict()  # stamp -> the camera's own number
        self._lock = threading.Lock()

    def add_frame(self, sequence: int) -> None:
        """A frame has come, whether there is room for it or not."""
        self._frame = sequence
        self._frames, self._said_then = self._frames + 1, self._said

    def add_info(self, stamp: int, sequence: int, recorded: int | None) -> None:
        """The camera says that it has published a frame.

        Args:
            stamp: of that frame, in nanoseconds, like `recorded`.
            sequence: its number, as the camera counts.
            recorded: stamp of the last recorded frame; None if there is none yet.
        """
        with self._lock:
            self._said += 1
            self._infos.pop(stamp, None)  # a bag that is played again has its stamps again
            self._infos[stamp] = sequence
            if recorded in self._infos:
                while next(iter(self._infos)) != recorded:
                    self._infos.popitem(last=False)
            elif len(self._infos) > _WAITING:
                self._infos.popitem(last=False)

    def after(self, stamp: int | None, sequence: int | None) -> int:
        """How many frames were published after the last recorded one, whose stamp and number these are."""
        if stamp is None or sequence is None:
            return 0
        came = max(0, self._frame - sequence)
        with self._lock:
            # Where images are compressed, only one of so many may be published (`compressed_rate`).
            every = max(1, round(self._said_then / self._frames)) if self._frames >= _ENOUGH else 1
            if stamp in self._infos:
                last = next(reversed(self._infos.values()))
                return max(came, (last - self._infos[stamp]) // every)
            return max(came, sum(later > stamp for later in self._infos) // every)
