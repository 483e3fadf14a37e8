"""A file of settings that a page changes: read with its hash, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from dlstream_common import DlstreamError, resolved
from dlstream_common.yaml.file import read_yaml


class EditError(DlstreamError):
    """A change that was refused; the file is as it was."""


class EditedFile:
    """One file, named by the rig and never by a page.

    Args:
        path: a link is followed, so that the file itself is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = resolved(path)
        self._writing = threading.Lock()

    def read(self) -> tuple[str, str]:
        """Its text, line ends as they are, and its SHA-256.

        Raises:
            EditError: it can't be read.
        """
        try:
            data = self.path.read_bytes()
            return data.decode("utf-8"), hashlib.sha256(data).hexdigest()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise EditError(f"{self.path}: found no readable file ({reason}); expected the rig's own") from error

    def read_as(self, digest: str) -> str:
        """Its text, if it still is the one that a page has seen.

        Raises:
            EditError: it has changed meanwhile, or can't be read.
        """
        text, found = self.read()
        if found != digest:
            raise EditError(f"{self.path.name} has changed since this page read it: nothing was written. Read it again")
        return text

    def write(self, text: str, digest: str, may_write: Callable[[], None] = lambda: None) -> None:
        """Writes it, if it still is the one that a page has seen; a crash leaves the old one or the new one.

        Args:
            may_write: raises where it must not be written any more.

        Raises:
            EditError: it has changed meanwhile, or can't be written.
        """
        with self._writing:  # of two pages that save at once, the second one finds another file
            self.read_as(digest)
            may_write()
            self._replace(text)

    def _replace(self, text: str) -> None:
        temporary: str | None = None
        try:
            handle, temporary = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8"))
                os.fchmod(file.fileno(), self.path.stat().st_mode & 0o7777)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
        except OSError as error:
            with suppress(OSError):
                if temporary is not None:
                    Path(temporary).unlink()
            raise EditError(f"{self.path}: could not be written ({error.strerror}); it is as it was") from error


def changed_lines(old: str, new: str) -> str:
    """Which lines differ, in words: "line 19", "lines 19 and 22, and 2 new lines"."""
    lines: list[int] = []
    added = removed = 0
    for kind, a, b, c, d in SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        both = min(b - a, d - c)
        lines += range(c + 1, c + 1 + both)
        added, removed = added + (d - c - both), removed + (b - a - both)
    words = []
    if lines:
        *first, last = map(str, lines)
        words.append(f"line {last}" if not first else f"lines {', '.join(first)} and {last}")
    for count, what in ((added, "new"), (removed, "removed")):
        if count:
            words.append(f"{count} {what} line{'s' if count > 1 else ''}")
    return ", ".join(words) or "nothing"


def content_of(path: Path) -> dict[str, Any]:
    """What a YAML file says, as plain data; every key is text.

    Raises:
        InputError: it is no YAML.
    """
    found: dict[str, Any] = _plain(read_yaml(path))
    return found


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return dict(value) if isinstance(value, Mapping) else {}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
