"""What takes long says now and then that it goes on: whoever waits would otherwise take it for dead, and kill it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

_INTERVAL = 2.0  # seconds

Result = TypeVar("Result")


def patiently(step: Callable[[], Result], say: Callable[[str], None], text: str) -> Result:
    """Runs a step that may take long, on a thread of its own, and returns or raises what it does.

    Args:
        step: what is to be done.
        say: called with `text` every two seconds until it is done, on the caller's thread.
        text: what is being done.
    """
    pool = ThreadPoolExecutor(1, "recorder step")
    try:
        future = pool.submit(step)
    except (RuntimeError, MemoryError):  # no memory for another thread
        return step()
    with pool:
        while not wait([future], _INTERVAL).done:
            say(text)
        return future.result()
