"""`session.json`: what a session records, from its start on, and its results, at its end."""

from __future__ import annotations

import os
import platform
import socket
import threading
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import av

from dlstream_recorder.writers._files import write_json

SESSION_FILE = "session.json"
UNDATED = 946_684_800_000_000_000
"""2000-01-01T00:00:00Z, in nanoseconds: the start of footage without a date."""
_LIBRARIES = ("av", "mcap", "numpy", "opencv-python-headless", "onnxruntime", "pandas", "rosbags", "tables")


class SessionFile:
    """The contents of session.json; every change replaces the file in one step."""

    def __init__(self, folder: Path, contents: Mapping[str, Any]) -> None:
        self.path = folder / SESSION_FILE
        self._contents = dict(contents)
        self._lock = threading.Lock()
        self.update()

    def update(self, **changes: Any) -> None:
        """Changes entries and writes the file.

        Raises:
            RecordingError: the disk is full or can't be written.
        """
        with self._lock:
            self._contents.update(changes)
            write_json(self.path, self._contents)

    def add_seed(self, seed: int) -> None:
        """Adds the seed of another run of the experiment and writes the file."""
        with self._lock:
            seeds = self._contents["seeds"]
            seeds[f"run_{1 + sum(name.startswith('run_') for name in seeds)}"] = seed
            write_json(self.path, self._contents)

    def add_copy(self, name: str, source: str, sha256: str) -> None:
        """Adds a copy in the folder with its source and hash, and writes the file."""
        with self._lock:
            self._contents["files"][name] = source
            self._contents["hashes"][name] = sha256
            write_json(self.path, self._contents)

    def update_camera(self, camera: str, **changes: Any) -> None:
        """Changes entries of one camera and writes the file."""
        with self._lock:
            self._contents["cameras"].setdefault(camera, {}).update(changes)
            write_json(self.path, self._contents)


def first_contents(
    name: str, rig: str, created: int, metadata: Mapping[str, Any], started: int | None = None
) -> dict[str, Any]:
    """What is known at the start: `created` is its date, `started` the same in the time of its stamps."""
    return {
        "session": name,
        "rig": rig,
        "created": iso(created),
        "created_ns": created if started is None else started,
        "complete": False,
        "recovered": False,
        "error": None,
        "ended": None,
        "host": _host(),
        "versions": _versions(),
        "metadata": dict(metadata),
        "seeds": {},
        "settings": {},
        "files": {},
        "hashes": {},
        "cameras": {},
        "summary": None,
    }


def iso(stamp: int) -> str:
    """A stamp as local date and time with its offset from UTC."""
    return datetime.fromtimestamp(stamp / 1e9, timezone.utc).astimezone().isoformat(timespec="milliseconds")


def is_by_date(contents: Mapping[str, Any]) -> bool:
    """Whether a session's stamps are of the computer's clock at its start, and not of the time of /clock."""
    try:
        created = datetime.fromisoformat(str(contents.get("created"))).timestamp()
    except ValueError:
        return True
    return abs(created - int(contents["created_ns"]) / 1e9) < 60


def _host() -> dict[str, Any]:
    return {
        "name": socket.gethostname(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "ffmpeg": getattr(av, "ffmpeg_version_info", "")}
    if distribution := os.environ.get("ROS_DISTRO"):
        found["ros"] = distribution
    for name in ("dlstream_recorder", *_LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {"dlstream": __version__, **found}


__version__ = "0.1.0"
