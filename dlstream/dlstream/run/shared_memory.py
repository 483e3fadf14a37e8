"""Shared memory that killed nodes left behind: Fast DDS frees it only when a node ends cleanly."""

from __future__ import annotations

import fcntl
import re
from contextlib import suppress
from pathlib import Path

_FOLDER = Path("/dev/shm")
_LOCK = re.compile(r"fastrtps_[0-9a-f]{16}_el")


def remove_abandoned(folder: Path = _FOLDER) -> int:
    """Removes the segments whose owner has died; returns how many there were.

    Each segment (64 MiB with our profile) has a lock file beside it, which its owner holds locked as long as it lives.
    """
    count = 0
    for lock in folder.glob("fastrtps_*_el") if folder.is_dir() else ():
        if _LOCK.fullmatch(lock.name):
            with suppress(OSError):  # another user's, or gone meanwhile
                count += _remove_if_abandoned(lock)
    return count


def _remove_if_abandoned(lock: Path) -> bool:
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        segment = lock.with_name(lock.name.removesuffix("_el"))
        segment.unlink(missing_ok=True)
        lock.unlink()
    return True
