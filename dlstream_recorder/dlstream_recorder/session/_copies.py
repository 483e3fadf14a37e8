"""Copies of the files that a session depends on, so that it is complete on another machine.

`session.json` lists for each copy where it is from (`files`) and its SHA-256 (`hashes`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from dlstream_common import RecordingError, UsedFile, masked
from dlstream_recorder.writers._files import write_error
from dlstream_recorder.writers.session_file import SessionFile

FILES = "files"
"""The folder for the files that an experiment file names."""


class Copies:
    """Copies files into a session folder."""

    def __init__(self, folder: Path, file: SessionFile) -> None:
        self._folder, self._file = folder, file
        self._kept: dict[str, str] = {}

    def add(self, source: Path, name: str) -> None:
        """Copies a file to `name` in the folder, without the passwords of cameras.

        Raises:
            RecordingError: it can't be read, or its copy can't be written.
        """
        try:
            data = source.expanduser().read_bytes()
        except OSError as error:
            raise RecordingError(f"can't copy {source} into the session: {error.strerror}") from error
        self._keep(source, name, _without_passwords(data))

    def add_used(self, used: UsedFile) -> str:
        """Copies a file that a run depends on, unless it is already there; returns what is wrong with it, or "".

        Raises:
            RecordingError: its copy can't be written.
        """
        if used.sha256 in self._kept.values():
            return ""
        try:
            data = used.path.read_bytes()
        except OSError as error:
            return f"'{used.written}' is not in the session: {used.path} can't be read ({error.strerror})"
        if hashlib.sha256(data).hexdigest() != used.sha256:
            return f"'{used.written}' is not in the session: {used.path} was changed after the experiment read it"
        self._keep(used.path, self._free_name(used.path), data)
        return ""

    def _free_name(self, path: Path) -> str:
        name, number = f"{FILES}/{path.name}", 1
        while name in self._kept:
            number += 1
            name = f"{FILES}/{path.stem}_{number}{path.suffix}"
        return name

    def _keep(self, source: Path, name: str, data: bytes) -> None:
        target = self._folder / name
        temporary = target.with_name(f".{target.name}.new")
        try:
            target.parent.mkdir(exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(target)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise write_error(target, error) from error
        self._kept[name] = hashlib.sha256(data).hexdigest()
        self._file.add_copy(name, str(source), self._kept[name])


def _without_passwords(data: bytes) -> bytes:
    if b"://" not in data:
        return data
    try:
        return masked(data.decode("utf-8")).encode("utf-8")
    except UnicodeDecodeError:
        return data  # not a text file
