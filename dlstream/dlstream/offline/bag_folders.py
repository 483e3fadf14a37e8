"""Folders of bags as they come: without metadata.yaml, with an empty one, in pieces, renamed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from dlstream_common import DlstreamError

_PIECE = re.compile(r"(.*)_(\d+)")
"""What rosbag2 calls the pieces of a bag: NAME_0.mcap, NAME_1.mcap, ..."""
_SHOWN = 5


def has_metadata(path: Path) -> bool:
    """Whether there is a metadata.yaml that says how the bag is stored.

    `ros2 bag reindex` left that out for a time, and of a computer that lost its power the file may be empty.
    """
    file = path / "metadata.yaml"
    if not file.is_file() or not file.stat().st_size:
        return False
    try:
        return _about(path)["storage_identifier"] != ""
    except Exception:  # rosbags says what is wrong with it
        return True


def in_pieces(storages: Sequence[Path]) -> list[Path]:
    """The files of a bag in the order of their pieces: 2 before 10."""

    def number(path: Path) -> int:
        match = _PIECE.fullmatch(path.stem)
        return int(match[2]) if match else 0

    return sorted(storages, key=number)


def split_files(path: Path, storages: Sequence[Path]) -> list[Path]:
    """The files of a bag without metadata.yaml, in order. Nothing tells whether there were more behind the last one.

    Raises:
        DlstreamError: they are not those of one bag, or one of them is missing.
    """
    if len(storages) == 1:
        return list(storages)
    pieces = {item: _PIECE.fullmatch(item.stem) for item in storages}
    names = {(match[1] if match else item.stem, item.suffix) for item, match in pieces.items()}
    numbered = {int(match[2]): item for item, match in pieces.items() if match}
    if len(names) > 1 or len(numbered) < len(storages):
        there = ", ".join(item.name for item in storages)
        raise DlstreamError(
            f"{path}: found {there} and no metadata.yaml; expected one bag. Replay one of them: "
            f"`dlstream replay {storages[0]}`"
        )
    missing = [number for number in range(max(numbered)) if number not in numbered]
    if missing:
        (name, ending) = names.pop()
        gone = ", ".join(f"{name}_{number}{ending}" for number in missing[:_SHOWN])
        gone += f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise DlstreamError(
            f"{path}: found {len(storages)} pieces of a bag and no metadata.yaml; expected {gone}, too. Copy it from "
            f"where the bag was recorded, or replay a piece: `dlstream replay {storages[0]}`"
        )
    return [numbered[number] for number in sorted(numbered)]


def lone_piece(path: Path, storages: Sequence[Path]) -> str:
    """A remark on a bag of one file that, by its name, is not the first piece; else empty."""
    match = _PIECE.fullmatch(storages[0].stem) if len(storages) == 1 else None
    if match is None or int(match[2]) == 0 or storages[0].stem == path.resolve().name:
        return ""
    return (
        f"{path}: found only {storages[0].name} and no metadata.yaml. If it is piece {int(match[2])} of a bag, as its "
        "name says, those before it are missing: copy them from where the bag was recorded"
    )


def refuse_renamed(path: Path, storages: Sequence[Path]) -> None:
    """Raises DlstreamError where metadata.yaml names files that are not there, and others are."""
    try:
        named = [str(name) for name in _about(path)["relative_file_paths"]]
    except Exception:  # no such file, or one that rosbags complains of
        return
    missing = [name for name in named if not (path / name).exists() and not (path / Path(name).name).exists()]
    there = [item for item in storages if item.name not in named]
    if not missing:
        return
    hint = f"`dlstream replay {there[0]}` reads only that file" if there else "Copy it from where the bag was recorded"
    found = ", ".join(item.name for item in there) or "no such file"
    raise DlstreamError(
        f"{path}: found {found}; expected {', '.join(missing)}, which metadata.yaml names. Was it renamed? {hint}"
    )


def _about(path: Path) -> Any:
    return YAML(typ="safe").load(path / "metadata.yaml")["rosbag2_bagfile_information"]
