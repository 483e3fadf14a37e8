"""What tests of lines that a computer times share: that they rest, and what a busy computer left out."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable


def rest(wait_for: Callable[..., None]) -> None:
    """Waits until no line of this process plays anything any more."""
    wait_for(lambda: all(thread.name != "timed-line" for thread in threading.enumerate()), "the end of what is played")


def left_out(fault: str) -> int:
    """How many pulses of a train a fault says were left out: a computer may do so where the next one is due already."""
    found = re.search(r"(\d+) of \d+ pulses were left out", fault)
    return int(found[1]) if found else 0
