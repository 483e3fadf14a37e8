"""Notices a process that stood still, and that nobody can reach by shared memory since."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_STILL = 1.0
"""Seconds after which Fast DDS takes a process for dead (its `healthy_check_timeout_ms`), and removes its ports."""
_TURN = 0.25
_SETTLED = 3.0
"""Seconds in which a process that goes on has made its ports anew, even on a busy machine."""

_READ = re.compile(r"/fastrtps_port(\d+)_el(?: \(deleted\))?$")
_MAPPED = re.compile(r"/fastrtps_port(\d+)( \(deleted\))?$")


def deaf_ports(process: Path = Path("/proc/self")) -> set[int]:
    """Ports in shared memory on which a process listens although others have removed them: nothing new comes there.

    Fast DDS keeps a file fastrtps_portN_el open where it reads port N; where it only writes to a port, it does not.

    Args:
        process: its folder in /proc.

    Raises:
        OSError: there is no such process, or it is another user's.
    """
    read = set()
    for link in (process / "fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            if found := _READ.search(str(link.readlink())):
                read.add(int(found[1]))
    mapped = map(_MAPPED.search, (process / "maps").read_text().splitlines())
    return {int(found[1]) for found in mapped if found and found[2] and int(found[1]) in read}


def watch_for_standstill(tell: Callable[[float], None]) -> None:
    """Calls `tell` with the seconds for which this process stood still, if it is out of reach since.

    As of a process that a debugger or SIGSTOP holds, or that gets no processor time. Other processes remove its ports,
    and it makes them anew when it goes on; if two of the others do so at that very moment, it may end up on one whose
    name is gone.
    """
    threading.Thread(target=_watch, args=(tell,), name="standstill", daemon=True).start()


def _watch(tell: Callable[[float], None]) -> None:
    still, deaf = 0.0, set[int]()
    while True:
        over = _overslept(_SETTLED if still else _TURN)
        if over >= _STILL:  # perhaps once more, while its ports settled
            still, deaf = over, set()
        elif still:
            found = deaf_ports()
            if deaf & found:  # twice: a port that is being made anew is gone for a moment
                tell(still)
                return
            still, deaf = still if found else 0.0, found


def _overslept(seconds: float) -> float:
    """Sleeps; by how many seconds it took longer."""
    before = time.monotonic()
    time.sleep(seconds)
    return time.monotonic() - before - seconds
