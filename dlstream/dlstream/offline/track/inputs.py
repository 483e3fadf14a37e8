"""What `dlstream track` is given: videos, folders of them, folders of images, sessions."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from dlstream.offline.kinds import is_ros1, is_session, ros1
from dlstream_common import DlstreamError
from dlstream_common.video import IMAGE_ENDINGS, VIDEO_ENDINGS, check_name

LABELED = "_labeled.mp4"
"""How the names of our annotated videos end, as DeepLabCut's do; they are left out of folders."""
_ANNOTATED = "annotated.mp4"


@dataclass(frozen=True)
class Item:
    """One video.

    Attributes:
        name: with which the names of its results begin: that of the file without its ending, or SESSION_CAMERA.
    """

    name: str
    path: Path


def find_videos(given: Sequence[Path], out: Path) -> list[Item]:
    """The videos among files, folders (and the folders in them) and sessions; each once, in the order given.

    Args:
        out: the folder of the results, which is not searched.

    Raises:
        DlstreamError: something does not exist or has no video in it, two videos would have results of one name, or no
            results can be written under a name.
    """
    found: dict[Path, Item] = {}
    for path in given:
        items = list(_videos_in(path, out.resolve()))
        if not items:
            raise DlstreamError(f"{path}: {_nothing(path)}")
        for item in items:
            found.setdefault(item.path.resolve(), item)
    names: dict[str, Item] = {}
    for item in found.values():
        check_name(item.path)
        other = names.setdefault(item.name, item)
        if other is not item:
            raise DlstreamError(
                f"found {other.path} and {item.path}; expected different names, because the results of both would be "
                f"called {item.name}. Rename one, or track them with different --out"
            )
    return list(found.values())


def _videos_in(path: Path, out: Path) -> Iterator[Item]:
    if not path.exists():
        raise DlstreamError(f"{path}: found no such file or folder; expected a video, or a folder of videos")
    if not path.is_dir():
        if is_ros1(path):
            raise DlstreamError(f"{path}: found {ros1(path)}")
        yield _file(path)
    elif is_session(path):
        yield from _of_session(path)
    else:
        inside = list(_in_folder(path, out))
        if not inside and any(is_image(file) for file in path.iterdir()):
            yield Item(path.resolve().name, path)
        yield from inside


def _file(path: Path) -> Item:
    if path.suffix == ".mkv" and _is_of_session(path):
        return Item(f"{path.resolve().parent.name}_{path.stem}", path)
    return Item(path.stem, path)


def _in_folder(folder: Path, out: Path) -> Iterator[Item]:
    """Also in folders that links lead to, as archives have them; each once, since links can go round in a circle.

    A link upwards is not followed: it would add what lies beside the folder.
    """
    seen: set[Path] = set()
    above = set(folder.resolve().parents)
    for place, folders, files in os.walk(folder, followlinks=True):
        here = Path(place)
        real = here.resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        if is_session(here):
            folders.clear()
            yield from _of_session(here)
            continue
        left_out = {out, *above, *real.parents}
        folders[:] = sorted(name for name in folders if name[0] != "." and (here / name).resolve() not in left_out)
        for name in sorted(files):
            path = here / name
            ours = name.endswith(LABELED) or name == _ANNOTATED
            if path.suffix.lower() in VIDEO_ENDINGS and name[0] != "." and not ours:
                yield _file(path)


def _of_session(folder: Path) -> Iterator[Item]:
    for path in sorted(folder.glob("*.mkv")):
        if _is_of_session(path):
            yield Item(f"{folder.resolve().name}_{path.stem}", path)


def _is_of_session(path: Path) -> bool:
    return path.with_name(f"{path.stem}.frames.csv").exists() and (path.parent / "session.json").exists()


def is_image(path: Path) -> bool:
    """Whether it is read as one of the images of a folder."""
    return path.suffix.lower() in IMAGE_ENDINGS and path.name[0] != "."


def _nothing(path: Path) -> str:
    if is_session(path):
        return "found a session without a video; expected one that was recorded with its video"
    endings = ", ".join(sorted(VIDEO_ENDINGS))
    return (
        f"found no video in it; expected files that end in {endings}, sessions, or images. A video with another ending "
        f"can be named itself: `dlstream track {quote(str(path))}/NAME ...`"
    )
