"""The files of one folder, which a page chooses by their names: no path ever comes from a browser."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dlstream.rig.ament import share
from dlstream_common import DlstreamError, suggest
from dlstream_common.video import VIDEO_ENDINGS

DEMO = "demo_mouse.onnx (included)"
"""The network of the demo, which finds the synthetic animal."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}\.ya?ml")
_NETWORKS = (".onnx",)
_MOST = 500


class FolderError(DlstreamError):
    """A file that is not there, or must not be written."""


class Folder:
    """Lists, finds and writes files of one folder; nothing is overwritten but what it has written itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written: dict[str, str] = {}

    def videos(self) -> list[str]:
        """Names of the video files."""
        return self._names(VIDEO_ENDINGS)

    def networks(self) -> list[str]:
        """Names of the networks, and the included one of the demo."""
        return [*self._names(_NETWORKS), DEMO]

    def settings(self) -> list[str]:
        """Names of the YAML files, which are taken."""
        return self._names((".yaml", ".yml"))

    def video(self, name: str) -> Path:
        """The video of this name.

        Raises:
            FolderError: the list of videos has no such name.
        """
        return self._found(name, self.videos(), "video")

    def network(self, name: str) -> Path:
        """The network of this name.

        Raises:
            FolderError: the list of networks has no such name.
        """
        found = self._found(name, self.networks(), "network")
        return share("config", "networks", "demo_mouse.onnx") if name == DEMO else found

    def new_file(self, name: str) -> Path:
        """Where a new YAML file may be written.

        Raises:
            FolderError: the name is no plain one, or such a file is there, which was not written from here.
        """
        if not _NAME.fullmatch(name):
            raise FolderError(
                f"'{name}': expected a name that ends in .yaml, of letters, digits, _, - and ., such as my_rig.yaml"
            )
        file = self.path / name
        if file.is_symlink() or (file.exists() and _hash(file) != self._written.get(name)):
            raise FolderError(f"{name}: such a file is there already and is not overwritten; choose another name")
        return file

    def written(self, name: str) -> Path:
        """A file that was written from here.

        Raises:
            FolderError: it was not, or is gone.
        """
        if name not in self._written or not (self.path / name).is_file():
            raise FolderError(f"'{name}': found no file that was written here; write the files first")
        return self.path / name

    def write(self, texts: Mapping[str, str]) -> dict[str, str | None]:
        """Writes new files; returns what was there before, for `restore`.

        Raises:
            FolderError: one can't be written; all is as before.
        """
        files = {name: self.new_file(name) for name in texts}
        before: dict[str, str | None] = {}
        for name, file in files.items():
            old = file.read_text(encoding="utf-8") if file.exists() else None
            try:
                _put(file, texts[name], new=old is None)
            except OSError as error:
                self.restore(before)
                raise FolderError(f"{name}: can't be written ({error.strerror}); nothing was written") from error
            before[name] = old
            self._written[name] = _hash(file)
        return before

    def restore(self, before: Mapping[str, str | None]) -> None:
        """Makes what `write` has written as it was."""
        for name, old in before.items():
            with suppress(OSError):
                if old is None:
                    (self.path / name).unlink()
                    self._written.pop(name, None)
                else:
                    _put(self.path / name, old, new=False)
                    self._written[name] = _hash(self.path / name)

    def _names(self, endings: tuple[str, ...] | frozenset[str]) -> list[str]:
        try:
            files = [file for file in self.path.iterdir() if file.suffix.lower() in endings and file.name[0] != "."]
            return sorted(file.name for file in files if file.is_file())[:_MOST]
        except OSError as error:
            raise FolderError(f"{self.path}: can't be read ({error.strerror})") from error

    def _found(self, name: str, names: list[str], kind: str) -> Path:
        if name not in names:
            what = f"no {kind} was chosen" if not name else f"'{name}': the folder has no such {kind}"
            raise FolderError(f"{what}; expected one of the list. {suggest(name, names)}".rstrip())
        return self.path / name


def _put(file: Path, text: str, new: bool) -> None:
    """Writes a file whole or not at all.

    Raises:
        OSError: it can't be written, or is a new one whose name appears just now: that is somebody else's.
    """
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        if new:
            file.touch(exist_ok=False)
        try:
            temporary.chmod(file.stat().st_mode & 0o7777)
            temporary.replace(file)
        except OSError:
            if new:
                file.unlink()
            raise
    finally:
        temporary.unlink(missing_ok=True)


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
