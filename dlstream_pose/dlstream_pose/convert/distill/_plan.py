"""What was asked for, kept beside the work, so that only the same work goes on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from dlstream_common import NetworkError, SourceError
from dlstream_pose.convert.distill._apart import files_of
from dlstream_pose.convert.distill._augment import Augmentation
from dlstream_pose.convert.distill._kept import write_text, writing

_LOOKED_AT = 1 << 20
_LEAST = 4096
_OF_ALL = 256 << 20
"""Bytes of all files of a folder together; of each at least `_LEAST`."""
"""Bytes of a file, at its begin and at its end."""


class Plan(BaseModel):
    """All that the work depends on, but for the minutes: more of them go on with a finished one."""

    model_config = ConfigDict(frozen=True)

    teacher_sha256: str
    videos: tuple[tuple[str, str], ...]
    """Name of each, and what tells its content from another's."""
    size: str
    scale: float
    count: int
    held_back: float
    rotation: float
    mirrored: tuple[int, ...] | None
    start: str
    """Name of the student that it began with."""
    activation: str
    """Of the student's layers: weights learned with another one do not fit."""

    @property
    def augmentation(self) -> Augmentation:
        """How views differ from the frames."""
        return Augmentation(rotation=self.rotation, mirrored=self.mirrored)

    @property
    def lessons(self) -> str:
        """Names what the teacher's answers depend on; with another size they stay."""
        parts = json.dumps([self.teacher_sha256, self.videos, self.scale, self.count, self.held_back])
        return f"teacher-{hashlib.sha256(parts.encode()).hexdigest()[:12]}"


def files(videos: list[Path]) -> tuple[tuple[str, str], ...]:
    """Names, and digests of the contents: two videos, or folders of images, may have the same name and size.

    Raises:
        SourceError: one can't be read.
    """
    return tuple((video.name, _digest(files_of(video))) for video in videos)


def _digest(contents: list[Path]) -> str:
    """Of names, sizes, beginnings and ends: a video may have hundreds of gigabytes, a folder 100,000 images."""
    found, most = hashlib.sha256(), max(_LEAST, min(_LOOKED_AT, _OF_ALL // max(1, len(contents))))
    for path in contents:
        try:
            with path.open("rb") as file:
                size = path.stat().st_size
                found.update(f"{path.name}\0{size}\0".encode())
                found.update(file.read(most))
                file.seek(max(most, size - most))
                found.update(file.read(most))
        except OSError as error:
            raise SourceError(f"{path}: can't be read ({error.strerror}); expected a video or an image") from error
    return found.hexdigest()[:16]


def resume(folder: Path, plan: Plan) -> None:
    """Notes the plan in a new folder, or finds the same one there.

    Raises:
        NetworkError: the folder belongs to another plan, or can't be written.
    """
    path = folder / "plan.json"
    if path.exists():
        try:
            former = Plan.model_validate_json(path.read_text())
        except ValueError as error:
            raise NetworkError(f"{path}: can't be read as a distillation; delete {folder} to start over") from error
        differing = [key for key in Plan.model_fields if getattr(former, key) != getattr(plan, key)]
        if differing:
            key = differing[0]
            raise NetworkError(
                f"{folder}: found a distillation with {key} {_told(former, key)}; expected {_told(plan, key)}. "
                "Give the same options to go on with it; delete the folder, or give another --out, to start over"
            )
        return
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_text(path, plan.model_dump_json(indent=2) + "\n")


def _told(plan: Plan, key: str) -> str:
    if key == "videos":
        return ", ".join(f"{name} (content {digest})" for name, digest in plan.videos)
    return str(getattr(plan, key))


def mirror_order(pairs: list[tuple[str, str]], keypoints: tuple[str, ...]) -> tuple[int, ...] | None:
    """The order of the keypoints in a mirrored image; None without pairs.

    Raises:
        NetworkError: a pair names a keypoint that there is not, or one twice.
    """
    if not pairs:
        return None
    order = list(range(len(keypoints)))
    named = [name for pair in pairs for name in pair]
    for name in named:
        if name not in keypoints or named.count(name) > 1:
            raise NetworkError(
                f"--mirror: found '{name}'{' twice' if name in keypoints else ''}; expected pairs of "
                f"{', '.join(keypoints)}, each at most once"
            )
    for one, two in pairs:
        first, second = keypoints.index(one), keypoints.index(two)
        order[first], order[second] = second, first
    return tuple(order)
