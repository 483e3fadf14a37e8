"""Checks before the start whether sessions can be recorded to a directory."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from dlstream_common import RecordingError
from dlstream_recorder.session._folder import check_disk
from dlstream_recorder.writers._files import write_error


def check_directory(directory: Path, min_free: float) -> None:
    """Checks that session folders can be created in `directory`; leaves nothing behind.

    Args:
        min_free: gigabytes that must be free on the disk.

    Raises:
        RecordingError: it is a file, can't be written, or its disk is (nearly) full.
    """
    nearest = Path(os.path.abspath(directory))  # noqa: PTH100 - follows links only as far as they exist
    while not os.path.lexists(nearest):
        nearest = nearest.parent
    if not nearest.is_dir():
        raise RecordingError(f"{directory}: found the file {nearest} in its way; expected a folder, or room for one")
    try:
        with TemporaryFile(dir=nearest), suppress(FileNotFoundError):
            os.lstat(directory)  # whether its name is possible
    except OSError as error:
        raise write_error(directory, error) from error
    check_disk(directory, min_free)
