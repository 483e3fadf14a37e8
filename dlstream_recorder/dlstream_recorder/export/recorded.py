"""What an export takes from a session: each camera's frames and poses over all its video segments, trials, stimuli."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlstream_common import RecordingError
from dlstream_recorder.report.intervals import stimuli, trials
from dlstream_recorder.report.summary import read_session
from dlstream_recorder.report.tables import (
    read_events,
    read_experiment,
    read_frames,
    read_poses,
    segment_stems,
    sibling,
)

_NAMED = 3
"""Steps back of a camera's stamps that are told one by one."""


@dataclass(frozen=True)
class Animal:
    """One animal of a camera.

    Attributes:
        name: empty if the network is for a single animal.
        values: (frames, keypoints, 3), x, y and confidence; NaN where there is no pose.
    """

    name: str
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Video:
    """A video file of a session, with the stamps of its frames."""

    path: Path
    stamps: NDArray[np.int64]
    width: int
    height: int


@dataclass(frozen=True)
class Camera:
    """One camera of a session.

    Attributes:
        stamps, sequences: (frames,), of all its segments one after the other.
        keypoints: those of the network, then the experiment's virtual ones.
        edges: the skeleton, as pairs of their indices.
    """

    name: str
    stamps: NDArray[np.int64]
    sequences: NDArray[np.int64]
    size: tuple[int, int] | None
    keypoints: tuple[str, ...] = ()
    animals: tuple[Animal, ...] = ()
    edges: tuple[tuple[int, int], ...] = ()
    network: str = ""
    sha256: str = ""
    scorer: str = ""
    videos: tuple[Video, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """A session.

    Attributes:
        about: session.json.
        start: stamp of the session's start; `time` in all its tables counts from it.
        end: the last stamp of anything.
    """

    folder: Path
    about: dict[str, Any]
    cameras: tuple[Camera, ...]
    events: pd.DataFrame
    start: int
    end: int
    trials: pd.DataFrame = field(default_factory=pd.DataFrame)
    stimuli: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.about.get("session", self.folder.name))


def read_recorded(folder: Path) -> Recorded:
    """Reads a session.

    Raises:
        RecordingError: it is no session, it is not finished, or a table can't be read.
    """
    about = read_session(folder)
    if not about.get("complete") and not about.get("without_frames"):  # nothing gives a silent camera its frames
        raise RecordingError(
            f"{folder}: found a session that is not finished; expected a whole one: dlstream recover {folder}"
        )
    events = read_events(folder)
    experiment = read_experiment(folder)
    cameras = tuple(_camera(folder, name, entry, experiment) for name, entry in about["cameras"].items())
    start = int(about["created_ns"])
    stamps = [start, int(about.get("ended_ns") or 0), *events["stamp_ns"].tolist()]
    end = max([*stamps, *(int(camera.stamps[-1]) for camera in cameras if len(camera.stamps))])
    return Recorded(folder, about, cameras, events, start, end, trials(events, end), stimuli(events, end))


def steps_back(recorded: Recorded) -> list[str]:
    """A sentence on each camera whose stamps do not rise throughout: its clock was set back."""
    said = []
    for camera in recorded.cameras:
        steps = np.diff(camera.stamps)
        rows = np.flatnonzero(steps < 0)
        if not len(rows):
            continue
        places = ", ".join(f"by {-steps[row] / 1e9:.3f} s at frame {row + 1}" for row in rows[:_NAMED])
        more = f" and {len(rows) - _NAMED} times more" if len(rows) > _NAMED else ""
        said.append(
            f"camera '{camera.name}': its stamps step back {places}{more} (of {len(camera.stamps)} frames, counted "
            "from 0), as its clock was set back there, and so do the times in the export. NWB expects times that "
            "rise: cut them there before you sort or compare by time"
        )
    return said


def poses_with_virtual(table: pd.DataFrame, experiment: Mapping[str, Any]) -> pd.DataFrame:
    """A table as `read_poses` returns it, with the virtual keypoints of an experiment file's content."""
    from dlstream_experiment.model.virtual import DrawnKeypoints

    keypoints, animals = _animals([table], [len(table)])
    every = DrawnKeypoints.of_file(experiment, keypoints)
    if len(every.keypoints) == len(keypoints):
        return table
    levels, scorer = table.columns.names, str(table.columns[0][0])
    heads, values = [], []
    for animal in animals:
        found = every.over_frames(animal.values).astype(np.float64)
        for index, keypoint in enumerate(every.keypoints):
            for place, what in enumerate(("x", "y", "likelihood")):
                named = {"scorer": scorer, "individuals": animal.name, "bodyparts": keypoint, "coords": what}
                heads.append(tuple(named[level] for level in levels))
                values.append(found[:, index, place])
    columns = pd.MultiIndex.from_tuples(heads, names=levels)
    return pd.DataFrame(np.stack(values, axis=1), index=table.index, columns=columns)


def _camera(folder: Path, name: str, about: dict[str, Any], experiment: Mapping[str, Any]) -> Camera:
    stems = segment_stems(folder, name)
    frames = [read_frames(stem) for stem in stems]
    tables = [
        poses_with_virtual(read_poses(path), experiment) if (path := sibling(stem, "poses.csv")).exists() else None
        for stem in stems
    ]
    network = about.get("network") or {}
    parts = about.get("parts") or []
    sizes = {(int(part["width"]), int(part["height"])) for part in parts if part.get("width")}
    joined = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"stamp_ns": [], "sequence": []})
    keypoints, animals = _animals(tables, [len(table) for table in frames])
    known = next((table for table in tables if table is not None), None)
    videos = tuple(
        Video(path, table["stamp_ns"].to_numpy(np.int64), int(part["width"]), int(part["height"]))
        for stem, table, part in zip(stems, frames, parts, strict=False)
        if (path := sibling(stem, "mkv")).exists() and len(table)
    )
    return Camera(
        name,
        joined["stamp_ns"].to_numpy(np.int64),
        joined["sequence"].to_numpy(np.int64),
        sizes.pop() if len(sizes) == 1 else None,
        keypoints,
        animals,
        tuple((int(first), int(second)) for first, second in about.get("edges") or ()),
        str(network.get("file", "")),
        str(network.get("sha256", "")),
        str(known.columns[0][0]) if known is not None else "",
        videos,
    )


def _animals(tables: list[pd.DataFrame | None], lengths: list[int]) -> tuple[tuple[str, ...], tuple[Animal, ...]]:
    known = [table for table in tables if table is not None]
    if not known:
        return (), ()
    keypoints = tuple(str(name) for name in dict.fromkeys(known[0].columns.get_level_values("bodyparts")))
    names = list(dict.fromkeys(name for table in known for name in _names(table)))
    pieces: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
    for table, length in zip(tables, lengths, strict=True):
        values = np.full((length, len(names), len(keypoints), 3), np.nan)
        if table is not None:
            own = table.to_numpy(float).reshape(len(table), -1, len(keypoints), 3)[:length]
            for index, name in enumerate(_names(table)):
                values[: len(own), names.index(name)] = own[:, index]
        for index, name in enumerate(names):
            pieces[name].append(values[:, index])
    return keypoints, tuple(Animal(name, np.concatenate(found)) for name, found in pieces.items())


def _names(table: pd.DataFrame) -> list[str]:
    if "individuals" not in table.columns.names:
        return [""]
    return [str(name) for name in dict.fromkeys(table.columns.get_level_values("individuals"))]
