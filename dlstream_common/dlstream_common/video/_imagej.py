"""TIFF stacks of ImageJ: above 4 GB one page for every TIFF reader, with all other images behind it; channels."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

import cv2

from dlstream_common.errors import SourceError
from dlstream_common.quiet import quiet_opencv

_ENTRY = 12
"""Bytes of an entry of a TIFF's directory."""
_LOOKED_AT = 1 << 16
"""Bytes at the beginning of a file in which ImageJ's description is looked for."""
_DESCRIPTION = re.compile(rb"ImageJ=[^\n\x00]{1,40}\n(?:[^\x00]{0,400}?\n)?images=(\d{1,9})\n")

_CHANNELS = re.compile(rb"ImageJ=[^\n\x00]{1,40}\n(?:[^\x00]{0,400}?\n)?channels=(\d{1,3})\n")


def check_stack(path: Path) -> None:
    """Refuses a stack whose description promises more images than a reader of TIFF finds: a large one, or a part.

    Raises:
        SourceError: it does.
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        match = _DESCRIPTION.search(file.read(_LOOKED_AT))
    if match is None:
        return
    images = int(match[1])
    pages, size = _found(path)
    if images <= max(1, pages):
        return
    there = path.stat().st_size
    if not size or there < images * size or _names_more(path):
        raise SourceError(
            f"{path}: found {pages} of {images} images that can be read, in {there} bytes; expected {images}, by "
            "ImageJ's description. Is it truncated? Copy it again"
        )
    raise SourceError(
        f"{path}: found {pages} of {images} images that can be read: ImageJ keeps the others of a large stack "
        "where readers of TIFF do not find them. Save it in ImageJ as AVI, as an image sequence, or by "
        "Bio-Formats as BigTIFF"
    )


def doubt_about_channels(path: Path) -> list[str]:
    """A remark on a stack whose images are by turns those of several channels.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        match = _CHANNELS.search(file.read(_LOOKED_AT))
    if match is None or int(match[1]) < 2:
        return []
    return [
        f"a stack of ImageJ with {int(match[1])} channels, by turns: each image of each is read as a frame of its own. "
        "Save each channel by itself: in ImageJ Image > Color > Split Channels"
    ]


def _names_more(path: Path) -> bool:
    """Whether the first directory of a TIFF says where a second one is: the only one of a large stack does not."""
    with path.open("rb") as file:
        head = file.read(8)
        order: Literal["little", "big"] = "little" if head.startswith(b"II") else "big"
        file.seek(int.from_bytes(head[4:8], order))
        file.seek(_ENTRY * int.from_bytes(file.read(2), order), os.SEEK_CUR)
        return any(file.read(4))


def _found(path: Path) -> tuple[int, int]:
    """How many images a reader of TIFF finds, and the bytes of the first one; 0 if it can't be read."""
    with quiet_opencv():
        try:
            pages = cv2.imcount(str(path))
            _, images = cv2.imreadmulti(str(path), 0, 1, flags=cv2.IMREAD_UNCHANGED)
        except cv2.error:
            return 0, 0
    return pages, images[0].nbytes if images else 0
