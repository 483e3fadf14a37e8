"""The folder of a new session: its name, and the space on its disk."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from dlstream_common import RecordingError
from dlstream_recorder.settings import SessionSettings, check_name
from dlstream_recorder.writers._files import disk_of, free_bytes, in_gigabytes, write_error

_RESERVE = 4 << 20
_RESERVE_NAME = ".reserve"


def make_folder(settings: SessionSettings, name: str, started: int, subject: str = "") -> Path:
    """Creates the folder, named as given, or by date, time, rig and subject, with a number if that name is taken.

    Raises:
        RecordingError: it exists, the name is not allowed, or the disk is full or can't be written.
    """
    directory, name = settings.directory.expanduser(), name or settings.session
    try:
        check_name(name)
    except ValueError as error:
        raise RecordingError(f"session name: found {name!r}; expected {error}") from error
    check_disk(directory, settings.min_free)
    if name:
        return _make(directory / name)
    stem = datetime.fromtimestamp(started / 1e9).strftime("%Y-%m-%dT%H-%M-%S")
    for word in (settings.rig, subject):
        stem += "_" + re.sub(r"[^\w.-]+", "_", word)[:60] if word else ""
    number = 1
    while True:
        path = directory / (stem if number == 1 else f"{stem}_{number}")
        try:
            path.mkdir(parents=True)
        except FileExistsError:  # another rig of that name may take it at this very moment
            number += 1
        except OSError as error:
            raise write_error(path, error) from error
        else:
            return path


def check_disk(directory: Path, min_free: float) -> None:
    """Raises RecordingError if less than `min_free` gigabytes are free on the disk."""
    disk, free = disk_of(directory), free_bytes(directory)
    if free < min_free * 1e9:
        raise RecordingError(
            f"can't record to {directory}: {in_gigabytes(free)} free on the disk {disk}; expected at least "
            f"{in_gigabytes(min_free * 1e9)} (setting min_free). Make room, or record to another directory"
        )


def _make(path: Path) -> Path:
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        raise RecordingError(
            f"session folder {path} already exists; nothing is overwritten. Choose another name"
        ) from None
    except OSError as error:
        raise write_error(path, error) from error
    return path


class Reserve:
    """Disk space that is kept free until the end, so that a session can be finished on a full disk.

    Its file also marks the session as being recorded, by a lock that ends with the process.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _RESERVE_NAME
        try:
            self._file = self._path.open("wb")
        except OSError as error:
            raise write_error(self._path, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.posix_fallocate(self._file.fileno(), 0, _RESERVE)
        except OSError as error:
            self._file.close()
            raise write_error(self._path, error) from error

    def release(self) -> None:
        """Frees the space; where the disk has become read-only there is nothing to free."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._file.close()


def take_over(folder: Path) -> None:
    """Removes the temporary files that a killed recorder left behind.

    Raises:
        RecordingError: the recorder is still running.
    """
    reserve = folder / _RESERVE_NAME
    if reserve.exists():
        with reserve.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RecordingError(f"{folder} is being recorded; stop the recorder first") from None
            reserve.unlink()
    for leftover in folder.rglob(".*.new*"):
        leftover.unlink()


def remove(folder: Path) -> None:
    """Removes a folder in which nothing has been recorded yet."""
    shutil.rmtree(folder, ignore_errors=True)


class Identity:
    """Whether a folder is still the one that it was: files that are open can be written when it is long gone."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._inode = folder, folder.stat().st_ino

    def check(self) -> None:
        """Raises RecordingError where it is gone or another; a disk that doesn't answer is not asked twice."""
        try:
            there = self._folder.stat().st_ino == self._inode
        except (FileNotFoundError, NotADirectoryError):
            there = False
        except OSError:
            return
        if not there:
            raise RecordingError(
                f"the folder {self._folder} is gone: it was removed or renamed, or its disk was taken out. "
                "Leave a session where it is until its run has ended"
            )
