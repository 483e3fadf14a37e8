"""What a distillation keeps on the disk: arrays and states, written so that a full disk loses nothing of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.convert._source import gist


def make_array(path: Path, shape: tuple[int, ...], kind: Any) -> None:
    """A file for an array, to be opened as a memory map; without room on the disk yet, see `reserve`.

    Raises:
        NetworkError: it can't be made.
    """
    with writing(path):
        np.lib.format.open_memmap(path, "w+", kind, shape).flush()


def reserve(array: NDArray[Any], first: int, count: int) -> None:
    """Takes room on the disk for rows of a memory map.

    Without it the file is full of holes. Where there is no room for one that is written to, the system ends the process
    on the spot (SIGBUS); here there is an error yet.

    Raises:
        NetworkError: there is no room.
    """
    if not isinstance(array, np.memmap):
        return
    path = _path_of(array)
    row = array.nbytes // len(array)
    count = min(count, len(array) - first)
    with writing(path), path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), array.offset + first * row, max(1, count * row))


def flush(array: Any) -> None:
    """Writes what is new in a memory map; anything else is none.

    Raises:
        NetworkError: it can't be written.
    """
    if isinstance(array, np.memmap):
        with writing(_path_of(array)):
            array.flush()


def write_text(path: Path, text: str) -> None:
    """Replaces a file in one step: a full disk leaves the former one.

    Raises:
        NetworkError: it can't be written.
    """
    with replacing(path) as partial:
        partial.write_text(text)


def write_torch(path: Path, content: dict[str, Any]) -> None:
    """The same with `torch.save`."""
    import torch

    with replacing(path) as partial:
        torch.save(content, partial)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the other's place when all is written."""
    partial = path.with_name(path.name + ".partial")
    with writing(path):
        try:
            yield partial
            partial.replace(path)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What goes wrong with writing a file, told with its path, the reason, and the room on its disk.

    Raises:
        NetworkError: something did; torch raises a RuntimeError where a disk is full.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise NetworkError(
            f"{path}: can't be written ({reason or gist(error)}; {_free(path)} MB free); expected room on the disk and "
            "a folder that can be written to. The same command goes on with what was kept before"
        ) from error


def _path_of(array: np.memmap[Any, Any]) -> Path:
    return Path(str(array.filename))


def _free(path: Path) -> str:
    there = next((folder for folder in path.absolute().parents if folder.is_dir()), Path("/"))
    try:
        return f"{shutil.disk_usage(there).free / 1e6:.0f}"
    except OSError:
        return "an unknown number of"
