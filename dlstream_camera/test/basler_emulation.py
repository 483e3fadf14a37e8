"""Basler's own emulation of cameras, inside pypylon: two of them, which show the test's pictures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

os.environ["PYLON_CAMEMU"] = "2"  # read when the library is loaded, also by the nodes that a test starts

SERIALS = ("0815-0000", "0815-0001")


def showing(pictures: Path) -> Mapping[str, str]:
    """The features with which an emulated camera delivers the pictures of a folder, in the order of their names."""
    return {"TestImageSelector": "Off", "ImageFilename": f"{pictures}/", "ImageFileMode": "On"}
