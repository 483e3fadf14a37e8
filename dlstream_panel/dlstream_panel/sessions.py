"""The sessions of a rig's folder for a page: found by ids, never by paths; it knows no ROS."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlstream_common import DlstreamError, RecordingError
from dlstream_panel.frames import Still, session_frame
from dlstream_recorder.session.archive import Search, SessionInfo, by_date, session_folders, session_info, totals
from dlstream_recorder.writers.session_file import SESSION_FILE

_SHOWN = 300
"""Sessions in one answer; a search finds the others."""
_UNREADABLE = 20
_TABLES = frozenset({".csv", ".h5", ".json", ".jsonl", ".yaml"})
_PICTURES = (".png",)
_ORDER = ("overlay", "trajectory", "occupancy", "latency", "stimuli")
_LARGEST = 2_000_000_000
_READ = (SESSION_FILE, "experiment.yaml")
"""The files of which session_info tells."""
_State = tuple[int, int, int] | None


class UnknownError(DlstreamError):
    """There is no such session or file."""


class Sessions:
    """The sessions below a folder, which the rig file names; in any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Path, tuple[list[_State], SessionInfo]] = {}
        """What was read, with the state of its files: each letter of a search would read thousands of files again."""

    def listing(self, subject: str = "") -> dict[str, Any]:
        """The newest sessions, of a subject if one is given: * and ? stand for any letters, a part of a name is enough.

        Raises:
            DlstreamError: the folder can't be read.
        """
        pattern = subject if any(letter in subject for letter in "*?[") or not subject else f"*{subject}*"
        search = Search(subject=pattern)
        found: list[SessionInfo] = []
        unreadable = []
        folders = dict.fromkeys(self._folders())
        for gone in [folder for folder in list(self._known) if folder not in folders]:
            self._known.pop(gone, None)
        for folder in folders:
            try:
                item = self._info(folder)
            except RecordingError as error:
                unreadable.append(str(error))
            else:
                found += [item] if search.fits(item) else []
        newest = by_date(found)[::-1][:_SHOWN]
        return {
            "sessions": [self._row(item) for item in newest],
            "left_out": len(found) - len(newest),
            "totals": totals(found),
            "unreadable": unreadable[:_UNREADABLE],
            "unreadable_more": max(0, len(unreadable) - _UNREADABLE),
        }

    def about(self, number: str) -> dict[str, Any]:
        """A session with its files.

        Raises:
            DlstreamError: there is none of that id, or it can't be read.
        """
        folder = self.folder(number)
        info = self._info(folder)
        files = [{"name": file.name, "bytes": file.stat().st_size} for file in _offered(folder)]
        pictures = [str(item["name"]) for item in files if str(item["name"]).endswith(_PICTURES)]
        facts = {key: _in_words(value) for key, value in info.metadata.items() if value not in ("", {}, [], None)}
        if facts.get("subject") == f"subject_id: {info.subject}":
            del facts["subject"]  # it says no more than the row
        return {
            **self._row(info),
            "rig": info.rig,
            "poses": info.poses,
            "commands": info.commands,
            "networks": list(info.networks),
            "metadata": facts,
            "pictures": sorted(pictures, key=_place),
            "tables": [item for item in files if item["name"] not in pictures],
        }

    def folder(self, number: str) -> Path:
        """The folder of an id.

        Raises:
            UnknownError: there is none.
        """
        for folder in self._folders():
            if self._id(folder) == number:
                return folder
        raise UnknownError("there is no such session any more: read the list again")

    def file(self, number: str, name: str) -> Path:
        """A file that `about` offers.

        Raises:
            UnknownError: there is none.
        """
        for file in _offered(self.folder(number)):
            if file.name == name:
                return file
        raise UnknownError("this session has no such file")

    def frame(self, number: str, camera: str, at: float) -> Still:
        """A picture of its video, see `session_frame`.

        Raises:
            DlstreamError: there is no such session, or it has no such picture.
        """
        return session_frame(self.folder(number), camera, at)

    def _folders(self) -> Iterator[Path]:
        return session_folders(self._folder) if self._folder.is_dir() else iter(())

    def _info(self, folder: Path) -> SessionInfo:
        """As session_info, read again only where one of its files has changed.

        Raises:
            RecordingError: it is no session, or its session.json can't be read.
        """
        now = [_state(folder / name) for name in _READ]
        known = self._known.get(folder)
        if known is None or known[0] != now:
            known = self._known[folder] = now, session_info(folder)
        return known[1]

    def _row(self, info: SessionInfo) -> dict[str, Any]:
        keys = ("name", "state", "created", "dated", "subject", "experiment", "offline", "seconds", "frames", "lost")
        return {"id": self._id(info.folder), **{key: getattr(info, key) for key in (*keys, "faults")}}

    def _id(self, folder: Path) -> str:
        """A number of its place, from which nobody gets to another one."""
        return hashlib.sha256(str(folder.relative_to(self._folder)).encode("utf-8", "surrogateescape")).hexdigest()[:20]


def _state(file: Path) -> _State:
    """What changes with a file; None: there is none."""
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


def _offered(folder: Path) -> list[Path]:
    """The tables and pictures of a session: files of its own, no links, nothing below."""
    wanted = _TABLES | set(_PICTURES)
    found = (item for item in folder.iterdir() if item.suffix in wanted and not item.is_symlink() and item.is_file())
    return sorted((item for item in found if item.stat().st_size <= _LARGEST), key=lambda item: item.name)


def _place(name: str) -> tuple[int, str]:
    return next((place for place, begin in enumerate(_ORDER) if name.startswith(begin)), len(_ORDER)), name


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_in_words(item)}" for key, item in value.items() if item not in ("", None))
    return ", ".join(map(_in_words, value)) if isinstance(value, list) else str(value)
