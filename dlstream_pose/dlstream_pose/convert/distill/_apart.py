"""Frames that prove are none of those to learn from."""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from pathlib import Path

from dlstream_common import NetworkError
from dlstream_common.video import IMAGE_ENDINGS, open_frames


def check_apart(videos: Sequence[Path], proof: Sequence[Path]) -> None:
    """Looks for videos, or images in folders, that would prove what they had taught themselves; also for copies.

    Raises:
        NetworkError: there is one.
        SourceError: a video of the proof can't be read.
    """
    taught: dict[int, list[Path]] = {}
    for file in (file for video in videos for file in files_of(video)):
        taught.setdefault(file.stat().st_size, []).append(file)
    for video in proof:
        open_frames(video)
        for own in files_of(video):
            for file in taught.get(own.stat().st_size, ()):
                if own.samefile(file) or filecmp.cmp(own, file, shallow=False):
                    raise NetworkError(
                        f"--proof: found {own}, the same as {file} of --videos; expected frames that the student does "
                        "not learn from. Without --proof the end of each video is held back"
                    )


def files_of(video: Path) -> list[Path]:
    """The file, or the images in a folder, sorted; none where there is none."""
    if video.is_dir():
        return sorted(file for file in video.iterdir() if file.suffix.lower() in IMAGE_ENDINGS)
    return [video] if video.exists() else []
