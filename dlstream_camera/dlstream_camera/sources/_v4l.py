"""The cameras of Video4Linux: webcams, and whatever else Linux has a driver for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlstream_camera.sources._format import Device

_CLASS = Path("/sys/class/video4linux")
_BY_ID = Path("/dev/v4l/by-id")


def v4l_devices(classes: Path = _CLASS, by_id: Path = _BY_ID) -> Sequence[Device]:
    """The cameras, each by the path that keeps its name when others are plugged in, if it has one.

    Args:
        classes, by_id: where Linux lists them.
    """
    lasting = {path.resolve().name: str(path) for path in sorted(by_id.iterdir())} if by_id.is_dir() else {}
    found = []
    for entry in sorted(classes.iterdir()) if classes.is_dir() else []:
        if not entry.name.startswith("video") or _text(entry / "index") not in ("", "0"):
            continue  # the second node of a camera has no pictures
        device = f"/dev/{entry.name}"
        found.append(Device("opencv", lasting.get(entry.name, device), _text(entry / "name"), f"V4L2 {device}"))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
