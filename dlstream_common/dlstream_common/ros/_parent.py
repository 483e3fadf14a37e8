"""A node that ends with whoever started it, so that a launcher that is killed leaves no node behind."""

from __future__ import annotations

import ctypes
import os
import signal

WITH_PARENT = "DLSTREAM_END_WITH_PARENT"
"""Environment variable: set to 1, the kernel sends SIGTERM to the node when the process that started it dies."""

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Asks the kernel for it, where the environment says so."""
    if os.environ.get(WITH_PARENT) != "1":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it has died meanwhile
        os.kill(os.getpid(), signal.SIGTERM)
