"""What the tests of `dlstream check` share."""

from __future__ import annotations

from pathlib import Path

from dlstream.rig.check import checked_rig
from dlstream_common import InputError


def refused(folder: Path, text: str) -> str:
    """What `dlstream check` says of a rig file with this text; empty if nothing."""
    path = folder / "rig.yaml"
    path.write_text(text)
    try:
        checked_rig(path)
    except InputError as error:
        return str(error)
    return ""
