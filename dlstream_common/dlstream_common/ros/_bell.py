"""Wakes the main thread of a node's process."""

from __future__ import annotations

import os
import signal
from contextlib import suppress


class Bell:
    """Wakes the main thread from any thread, and from a signal handler that interrupts another one.

    threading.Event can't do this: its lock isn't reentrant, so a second signal within the handler of the first never
    returns. (A node whose parent dies gets one SIGTERM for each thread of the parent.)
    """

    def __init__(self) -> None:
        self._out, self._in = os.pipe()
        os.set_blocking(self._in, False)

    def ring(self) -> None:
        with suppress(BlockingIOError):  # it has already been rung
            os.write(self._in, b"!")

    def ring_at_signals(self) -> None:
        """Lets the interpreter itself ring at each signal, in the instant in which it comes.

        Python calls a handler only between two steps of the main thread. A signal that comes right before that thread
        waits, or is delivered to another thread, would otherwise be noticed when something else rings: perhaps never.
        """
        signal.set_wakeup_fd(self._in, warn_on_full_buffer=False)

    def wait(self) -> None:
        os.read(self._out, 4096)
