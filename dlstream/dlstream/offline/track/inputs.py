"""What `dlstream track` is given: videos, folders of them, folders of images, sessions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import cv2

from dlstream.offline.kinds import is_ros1, is_session, ros1
from dlstream_common import DlstreamError, RecordingError, SourceError
from dlstream_common.quiet import quiet_opencv
from dlstream_common.video import IMAGE_ENDINGS, VIDEO_ENDINGS, check_name
from dlstream_recorder import read_session
from dlstream_recorder.report.report import is_depth

LABELED = "_labeled.mp4"
"""How the names of our annotated videos end, as DeepLabCut's do; they are left out of folders."""
_ANNOTATED = "annotated.mp4"
_PICTURES = ("_trajectory.png", "_occupancy.png")
"""How the names of our pictures end."""
_STACKS = (".tif", ".tiff")
_GIF = ".gif"
Remark = Callable[[str], None]
"""Called with what a person should know of how something was taken, a sentence."""


@dataclass(frozen=True)
class Item:
    """One video.

    Attributes:
        name: with which the names of its results begin: that of the file without its ending, or SESSION_CAMERA.
    """

    name: str
    path: Path


def find_videos(given: Sequence[Path], out: Path, remark: Remark = lambda text: None) -> list[Item]:
    """The videos among files, folders (and the folders in them) and sessions; each once, in the order given.

    Args:
        out: the folder of the results, which is not searched.
        remark: gets what was left out.

    Raises:
        DlstreamError: something does not exist or has no video in it, two videos would have results of one name, or no
            results can be written under a name.
    """
    found: dict[Path, Item] = {}
    named = {path.resolve() for path in given}
    for path in given:
        items = list(_videos_in(path, out.resolve(), named, remark))
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


def _videos_in(path: Path, out: Path, named: set[Path], remark: Remark) -> Iterator[Item]:
    if not path.exists():
        raise DlstreamError(f"{path}: found no such file or folder; expected a video, or a folder of videos")
    if not path.is_dir():
        if is_ros1(path):
            raise DlstreamError(f"{path}: found {ros1(path)}")
        yield _file(path)
    elif is_session(path):
        yield from _of_session(path, remark)
    else:
        stills: list[Path] = []
        inside = list(_in_folder(path, out, named, stills, remark))
        if not inside and any(is_image(file) for file in path.iterdir()):
            inside = list(_of_images(path, remark))
            stills = [folder for folder in stills if folder != path]
        left_out = [folder for folder in stills if folder.resolve() not in named]
        if left_out:
            folders = "a folder of images" if len(left_out) == 1 else f"{len(left_out)} folders of images"
            text = f"{path}: {'left out' if inside else 'found only'} {folders} in it, such as {left_out[0]}"
            if not inside:
                raise DlstreamError(f"{text}; expected a video. Name each folder of images itself to have it tracked")
            remark(f"{text}. Name each itself to have it tracked")
        yield from inside


def _file(path: Path) -> Item:
    if path.suffix == ".mkv" and _is_of_session(path):
        return Item(f"{path.resolve().parent.name}_{path.stem}", path)
    return Item(path.stem, path)


def _of_images(folder: Path, remark: Remark) -> Iterator[Item]:
    """A folder whose images are the frames of one video; or whose TIFF stacks are a video each, such as one a mouse."""
    images = [file for file in sorted(folder.iterdir()) if is_image(file) and file.is_file()]
    stacks = [file for file in images if _is_stack(file)]
    if len(stacks) < 2:
        yield Item(folder.resolve().name, folder)
        return
    if len(stacks) < len(images):
        single = next(file for file in images if file not in stacks)
        raise DlstreamError(
            f"{folder}: found {len(stacks)} TIFF stacks, such as {stacks[0].name}, beside single images, such as "
            f"{single.name}; expected stacks, a video each, or the images of one video. Name the stacks that you mean, "
            f"such as `dlstream track {quote(str(stacks[0]))}`"
        )
    remark(f"{folder}: {len(stacks)} TIFF stacks, each of which is a video of its own")
    for file in stacks:
        yield Item(file.stem, file)


def _is_stack(file: Path) -> bool:
    return file.suffix.lower() in _STACKS and _has_several(file)


def _is_readable(file: Path) -> bool:
    """Whether OpenCV can be asked about it: it falls over a name that is no UTF-8."""
    try:
        check_name(file)
    except SourceError:
        return False
    return True


def _has_several(file: Path) -> bool:
    """Whether a TIFF has several pages, or a GIF several pictures."""
    check_name(file)
    with quiet_opencv():
        try:
            return bool(cv2.imcount(str(file)) > 1)
        except cv2.error:
            return False


def _in_folder(folder: Path, out: Path, named: set[Path], stills: list[Path], remark: Remark) -> Iterator[Item]:
    """Also in folders that links lead to, as archives have them; each once, since links can go round in a circle.

    A link upwards is not followed: it would add what lies beside the folder.

    Args:
        named: on the command line, so nothing is said of them here.
        stills: gets the folders of images.
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
            yield from _of_session(here, remark)
            continue
        left_out = {out, *above, *real.parents}
        folders[:] = sorted(name for name in folders if name[0] != "." and (here / name).resolve() not in left_out)
        videos, images = _sorted_out(here, files)
        if images and not videos:
            stills.append(here)
            continue
        single = [file for file in images if file.resolve() not in named]
        if single:
            count = "a single image" if len(single) == 1 else f"{len(single)} single images"
            remark(
                f"{here}: left out {count} beside videos, such as {single[0].name}. Images of one video are tracked in "
                "a folder of their own"
            )
        for file in videos:
            yield _file(file)


def _sorted_out(folder: Path, files: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """The videos of a folder, each in a file of its own, and the images; of what we have drawn neither.

    Beside a video, also a TIFF stack and an animated GIF are one, unless a video has their name: that is its preview.
    In a folder of images a stack is part of them, and an animation is usually made of them.
    """
    shown = [folder / name for name in sorted(files) if name[0] != "." and not name.endswith((LABELED, *_PICTURES))]
    videos = {file for file in shown if file.suffix.lower() in VIDEO_ENDINGS and file.name != _ANNOTATED}
    images = [file for file in shown if is_image(file)]
    if videos or not images:
        names = {file.stem for file in videos}
        others = (file for file in shown if file.suffix.lower() in (*_STACKS, _GIF) and file.stem not in names)
        videos |= {file for file in others if _is_readable(file) and _has_several(file)}
        images += [file for file in shown if file.suffix.lower() == _GIF]
    return sorted(videos), sorted(file for file in images if file not in videos)


def _of_session(folder: Path, remark: Remark) -> Iterator[Item]:
    """Not the videos of depth cameras: a network for pictures finds nothing right in distances."""
    depth = _depth_cameras(folder)
    for path in sorted(folder.glob("*.mkv")):
        if path.stem.split(".")[0] in depth:
            remark(f"{path}: left out, because it is of a depth camera. Name it itself to have it tracked")
        elif _is_of_session(path):
            yield Item(f"{folder.resolve().name}_{path.stem}", path)


def _depth_cameras(folder: Path) -> set[str]:
    """How the names of their videos begin."""
    try:
        cameras = read_session(folder)["cameras"]
        return {name.replace("/", "_") for name, about in cameras.items() if is_depth(about)}
    except (RecordingError, KeyError):
        return set()


def _is_of_session(path: Path) -> bool:
    return path.with_name(f"{path.stem}.frames.csv").exists() and (path.parent / "session.json").exists()


def is_image(path: Path) -> bool:
    """Whether it is read as one of the images of a folder."""
    return path.suffix.lower() in IMAGE_ENDINGS and path.name[0] != "."


def _nothing(path: Path) -> str:
    if is_session(path):
        which = " other than of depth cameras" if _depth_cameras(path) else ""
        return f"found a session without a video{which}; expected one that was recorded with its video"
    endings = ", ".join(sorted(VIDEO_ENDINGS))
    return (
        f"found no video in it; expected files that end in {endings}, sessions, or images. A video with another ending "
        f"can be named itself: `dlstream track {quote(str(path))}/NAME ...`"
    )
