"""The record beside each video's results: complete results of the same video and network are never made twice."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlstream.offline.track.inputs import Item, is_image
from dlstream.offline.track.settings import SUFFIX, Settings
from dlstream_common import DlstreamError
from dlstream_recorder import write_json

FORMAT = 2
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Found:
    """What there is of a video's results.

    Attributes:
        complete: whether nothing has to be done.
        reason: why something has to, although there are results.
    """

    complete: bool
    reason: str = ""
    frames: int = 0
    lost: int = 0


def record_path(item: Item, settings: Settings) -> Path:
    """The record of a video."""
    return settings.out / f"{settings.base(item.name)}{SUFFIX}"


def look_up(item: Item, settings: Settings) -> Found:
    """Whether complete results are there, of this video, network and these settings.

    A video counts as the same if its size and time of change are, or else its content; a folder if its images and their
    names are.
    """
    path = record_path(item, settings)
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if about.get("publishing"):
            return Found(False, "the command was stopped while the results got their names")
        files, of, video = about["files"], about["settings"], about["video"]
        frames, lost = int(about["frames"]), len(about["lost"])
    except FileNotFoundError:
        return Found(False)
    except (OSError, ValueError, KeyError, TypeError):
        return Found(False, f"{path.name} can't be read")
    if about.get("format") != FORMAT:
        return Found(False, "another version of dlstream wrote the results")
    for key, wanted in settings.decisive().items():
        if of.get(key) != wanted:
            what = "another network of this name" if key == "network" else f"{key} {of.get(key)}, now {wanted}"
            return Found(False, f"the results are of {what}")
    for ending in settings.endings():
        name = f"{settings.base(item.name)}{ending}"
        target = settings.out / name
        if name not in files:
            return Found(False, f"{name} was not asked for before")
        if not target.is_file() or target.stat().st_size != files[name]:
            return Found(False, f"{name} is missing, or was changed")
    if not is_same(item.path, video):
        return Found(False, "the video has changed")
    return Found(True, frames=frames, lost=lost)


def refuse_another(item: Item, settings: Settings) -> None:
    """Refuses to overwrite the results of another video of the same name, such as day1/m1.mp4 and day2/m1.mp4.

    A video that was moved, or lies at two places, is the same one.

    Raises:
        DlstreamError: the video that the record names is still there, and is another one.
    """
    path = record_path(item, settings)
    try:
        video = json.loads(path.read_text(encoding="utf-8"))["video"]
        other = Path(video["path"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    if other != item.path.resolve() and is_same(other, video) and not is_same(item.path, video):
        raise DlstreamError(
            f"{path}: found the results of {other}, which is still there; expected those of {item.path}, because both "
            "would be called the same. Choose another --out"
        )


def publish(folder: Path, item: Item, settings: Settings, about: Mapping[str, Any]) -> None:
    """Gives the files of a video's results their names, and the record last: what has it is whole.

    Until then another record says that it isn't, so that whatever ends this in between, the next run knows the files as
    dlstream's own, and makes them again. Files of the former results that are not made this time are removed: beside
    the new tables they would be taken for theirs.

    Args:
        folder: where the files are that `about["files"]` names.
        about: the record.

    Raises:
        RecordingError: the disk is full or can't be written.
        OSError: a file can't be moved.
    """
    path = record_path(item, settings)
    former = _former(path, settings.base(item.name))
    files = {**dict.fromkeys(former, 0), **about["files"]}
    write_json(path, {"format": FORMAT, "publishing": True, "video": about["video"], "files": files})
    for name in former:
        if name not in about["files"]:
            (settings.out / name).unlink(missing_ok=True)
    for name in about["files"]:
        (folder / name).replace(settings.out / name)
    write_json(path, about)


def _former(path: Path, base: str) -> list[str]:
    """The names of the files that a record lists; only such as can be those of its video."""
    try:
        names = [str(name) for name in json.loads(path.read_text(encoding="utf-8"))["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [name for name in names if name.startswith(base) and Path(name).name == name]


def describe_video(path: Path) -> dict[str, Any]:
    """What identifies a video, or a folder of images.

    Raises:
        OSError: it can't be read.
    """
    return {"path": str(path.resolve()), **_stats(path), "sha256": _digest(path)}


def is_same(path: Path, video: Mapping[str, Any]) -> bool:
    """Whether this is still what `describe_video` described: same sizes and times of change, or else same content."""
    try:
        stats = _stats(path)
        if stats["size"] != video["size"]:
            return False
        return stats["listing"] == video["listing"] or _digest(path) == video["sha256"]
    except (OSError, KeyError):
        return False


def _files(path: Path) -> list[Path]:
    """The video, or the images of a folder: other files in it come and go, such as Thumbs.db and .nfs0001."""
    return sorted(file for file in path.iterdir() if is_image(file) and file.is_file()) if path.is_dir() else [path]


def _stats(path: Path) -> dict[str, Any]:
    """The size of all, and a digest of each one's name (in a folder), size and time of change."""
    size, listing = 0, hashlib.sha256()
    for file in _files(path):
        stat = file.stat()
        size += stat.st_size
        listing.update(_name(file, path) + f"{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return {"size": size, "listing": listing.hexdigest()}


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    for file in _files(path):
        if path.is_dir():
            digest.update(_name(file, path) + f"{file.stat().st_size}\0".encode())
        with file.open("rb") as content:
            while data := content.read(_CHUNK):
                digest.update(data)
    return digest.hexdigest()


def _name(file: Path, path: Path) -> bytes:
    return os.fsencode(file.name) + b"\0" if file != path else b""
