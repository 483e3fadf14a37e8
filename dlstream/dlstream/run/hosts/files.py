"""What must be the same on every host of a rig, by its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from dlstream import __version__
from dlstream.rig.file import Rig


def same_everywhere(rig: Rig, file: Path) -> dict[str, str]:
    """The first sixteen digits of the SHA-256 of the rig file, the experiment file, the network and the options."""
    found = {"rig file": _of_file(file)}
    if rig.experiment is not None:
        found["experiment file"] = _of_file(rig.experiment.file)
    if rig.pose is not None and rig.pose.network.is_file():
        found["network"] = _of_file(rig.pose.network)
    found["options of the command line"] = _of_bytes(json.dumps(list(rig.changes)).encode())
    found["version of dlstream"] = __version__
    return found


def differing(own: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """What differs, by name."""
    return [name for name in own if own[name] != other.get(name)]


def _of_file(path: Path) -> str:
    return _of_bytes(path.read_bytes())


def _of_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
