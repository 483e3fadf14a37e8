"""TIFF stacks of ImageJ above 4 GB: one page for every TIFF reader, with all other images behind it."""

from __future__ import annotations

import re
from pathlib import Path

import cv2

from dlstream_common.errors import SourceError

_LOOKED_AT = 1 << 16
"""Bytes at the beginning of a file in which ImageJ's description is looked for."""
_DESCRIPTION = re.compile(rb"ImageJ=[^\n\x00]{1,40}\n(?:[^\x00]{0,400}?\n)?images=(\d{1,9})\n")


def check_stack(path: Path) -> None:
    """Refuses a stack whose description promises more images than a reader of TIFF finds.

    Raises:
        SourceError: it does.
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        match = _DESCRIPTION.search(file.read(_LOOKED_AT))
    if match is None:
        return
    pages, images = cv2.imcount(str(path)), int(match[1])
    if images > max(1, pages):
        raise SourceError(
            f"{path}: found {pages} of {images} images that can be read: ImageJ keeps the others of a large stack "
            "where readers of TIFF do not find them. Save it in ImageJ as AVI, as an image sequence, or by "
            "Bio-Formats as BigTIFF"
        )
