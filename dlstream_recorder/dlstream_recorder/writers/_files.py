"""Files that survive a crash, and errors that name the full disk."""

from __future__ import annotations

import errno
import getpass
import json
import os
import shutil
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dlstream_common import RecordingError

Bytes = bytes | bytearray | memoryview
_LITTLE = 100_000_000  # bytes


class AppendFile:
    """A new file that grows by whole pieces.

    There is no buffer: when `write` returns, the operating system has the piece, and a killed process loses nothing.
    A piece that did not fit on the disk is removed again, so that the file ends with a complete piece.

    Raises:
        RecordingError: the file exists, can't be created or, later, can't be written.
    """

    def __init__(self, path: Path, flags: int = os.O_CREAT | os.O_EXCL) -> None:
        self.path = path
        self.size = 0
        self._lock = threading.Lock()  # between the thread that writes and closes, and the one that syncs
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | flags, 0o644)
        except OSError as error:
            raise write_error(path, error) from error

    @classmethod
    def continue_at(cls, path: Path, size: int) -> AppendFile:
        """Continues an existing file after its first `size` bytes; the rest of it is cut off."""
        file = cls(path, 0)
        file.size = size
        try:
            os.ftruncate(file._descriptor, size)
            os.lseek(file._descriptor, size, os.SEEK_SET)
        except OSError as error:
            file.close()
            raise write_error(path, error) from error
        return file

    def __enter__(self) -> AppendFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def write(self, *pieces: Bytes) -> int:
        """Appends the pieces as one; returns their length in bytes."""
        length = sum(len(piece) for piece in pieces)
        try:
            written = os.writev(self._descriptor, pieces)
            if written < length:  # a disk that has just become full, or a signal
                rest = memoryview(b"".join(pieces))
                while written < length:
                    written += os.write(self._descriptor, rest[written:])
        except OSError as error:
            self._remove_incomplete()
            raise write_error(self.path, error) from error
        self.size += length
        return length

    def patch(self, offset: int, data: Bytes) -> None:
        """Overwrites existing bytes."""
        try:
            os.pwrite(self._descriptor, data, offset)
        except OSError as error:
            raise write_error(self.path, error) from error

    def tell(self) -> int:
        """The size: the next piece begins there."""
        return self.size

    def flush(self) -> None:
        """Does nothing, as there is no buffer. For libraries that write to any stream."""

    def sync(self) -> None:
        """Waits until everything is on the disk, so that a power cut loses only what is written later."""
        with self._lock:
            if self._descriptor >= 0:
                descriptor = os.dup(self._descriptor)
            else:
                return
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            raise write_error(self.path, error) from error
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Closes the file; a second time does nothing."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1

    def _remove_incomplete(self) -> None:
        try:
            os.ftruncate(self._descriptor, self.size)
            os.lseek(self._descriptor, self.size, os.SEEK_SET)
        except OSError:
            pass  # report the error of the write itself; readers of the file skip an incomplete piece


def _user() -> str:
    try:
        return f"user '{getpass.getuser()}'"
    except (OSError, KeyError):  # in a container, a user without a name
        return f"user {os.getuid()}"


def write_error(path: Path, error: OSError) -> RecordingError:
    """The error for a file that can't be written: names its disk, the free space, and what to do."""
    text = f"can't write {path}: {error.strerror or error}"
    try:
        disk = disk_of(path)
        usage, files = shutil.disk_usage(disk), os.statvfs(disk)
    except OSError:
        return RecordingError(text)
    if error.errno == errno.ENAMETOOLONG:
        return RecordingError(f"{text}. A name has at most 255 bytes: give a shorter one")
    if error.errno == errno.EMFILE:
        return RecordingError(f"{text}. This process has as many files open as it may: allow it more (`ulimit -n`)")
    if not usage.total:
        return RecordingError(f"{text}. {disk} holds no files of users: record to another directory")
    if error.errno == errno.EROFS:
        return RecordingError(f"{text} (disk {disk}). The disk is read-only: record to another directory")
    if error.errno in (errno.EACCES, errno.EPERM):
        return RecordingError(f"{text}. Give {_user()} permission to write there, or record to another directory")
    text += f" (disk {disk}: {in_gigabytes(usage.free)} of {in_gigabytes(usage.total)} free)"
    if error.errno == errno.ENOSPC and files.f_files and not files.f_favail:
        return RecordingError(f"{text}. It has no room for more files (`df -i`): remove some, or record elsewhere")
    if not error.errno and usage.free >= _LITTLE:
        return RecordingError(f"{text}. The disk has room; memory may be short")
    full = error.errno in (errno.ENOSPC, errno.EDQUOT) or (not error.errno and usage.free < _LITTLE)
    return RecordingError(f"{text}. {'Make room, or record' if full else 'Record'} to another directory")


def disk_of(path: Path) -> Path:
    """The mount point of the disk that holds `path`; `path` itself need not exist."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links of folders that don't exist yet
    while not os.path.exists(path):  # noqa: PTH110 - Path.exists raises an error for a name that is too long
        path = path.parent
    path = path.resolve()
    while not path.is_mount():
        path = path.parent
    return path


def free_bytes(path: Path) -> int:
    """Bytes that an ordinary user may still write on the disk of `path`."""
    return shutil.disk_usage(disk_of(path)).free


def in_gigabytes(size: float) -> str:
    """A size for people, e.g. `1.25 GB` or `0.004 GB`."""
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e9:.4f} GB"


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Replaces the file in one step: after a crash, or for a reader, it is the old one or the new one.

    Raises:
        RecordingError: the disk is full or can't be written.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(data, file, indent=2, ensure_ascii=False, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):  # as on a disk that has become read-only
            temporary.unlink(missing_ok=True)
        raise write_error(path, error) from error
