"""Reads the tables of a session with pandas, and writes poses as DeepLabCut's HDF5."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dlstream_common import InputError, RecordingError, read_yaml
from dlstream_recorder.settings import stem_of
from dlstream_recorder.writers._files import write_error
from dlstream_recorder.writers.events import ABSENT

KEY = "df_with_missing"
"""The key of DeepLabCut's own HDF5 tables."""


def segment_stems(folder: Path, camera: str) -> list[Path]:
    """The paths of a camera's video segments without their endings, in order: `top`, `top.2`, ..."""
    first = stem_of(camera)
    found = {1: folder / first} if (folder / f"{first}.frames.csv").exists() else {}
    for path in folder.glob(f"{first}.*.frames.csv"):
        if match := re.fullmatch(r"\.(\d+)", path.name[len(first) : -len(".frames.csv")]):
            found[int(match[1])] = folder / f"{first}.{match[1]}"
    return [found[number] for number in sorted(found)]


def sibling(stem: Path, ending: str) -> Path:
    """The path of one of a video segment's files."""
    return stem.with_name(f"{stem.name}.{ending}")


def read_frames(stem: Path) -> pd.DataFrame:
    """`frames.csv`: one row per video frame; `lost` is 0 in older sessions, which do not have this column."""
    table = _read(sibling(stem, "frames.csv"), ("sequence", "stamp_ns", "pts_ns", "recorded_ns", "dropped"))
    if "lost" not in table:
        table["lost"] = 0
    return table


def read_latency(stem: Path) -> pd.DataFrame | None:
    """`latency.csv`: one row per frame with poses; None if there were no poses."""
    path = sibling(stem, "latency.csv")
    columns = ("sequence", "stamp_ns", "received_ns", "inference_start_ns", "inference_end_ns", "dropped")
    return _read(path, columns) if path.exists() else None


def read_events(folder: Path) -> pd.DataFrame:
    """`events.csv`, in the older layout without empty cells as well; see `EventRow` for its columns.

    Values that do not apply are as in an EventRow: 0, -1 for the sequence, or an empty text. `time` is float64, NaN if
    a row has no stamp; older sessions do not have this column.

    Raises:
        RecordingError: it can't be read.
    """
    try:
        table = pd.read_csv(folder / "events.csv", dtype="str", keep_default_na=False)
        for name, absent in ABSENT.items():
            table[name] = table[name].replace("", str(absent)).astype("int64")
        if "time" in table:
            table["time"] = pd.to_numeric(table["time"])
        return table
    except (OSError, ValueError, KeyError) as error:
        raise RecordingError(f"can't read {folder / 'events.csv'}: {error}") from error


def read_experiment(folder: Path) -> Mapping[str, Any]:
    """The content of a session's copy of its experiment file; empty if there is none that can be read."""
    try:
        return read_yaml(folder / "experiment.yaml")
    except InputError:
        return {}


def read_poses(path: Path) -> pd.DataFrame:
    """A table of poses. Its columns have the levels scorer, (individuals,) bodyparts, coords; its index is the frame.

    Raises:
        RecordingError: it can't be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            file.readline()
            levels = 4 if file.readline().startswith("individuals") else 3
        return pd.read_csv(path, header=list(range(levels)), index_col=0).astype("float64")
    except (OSError, ValueError) as error:
        raise RecordingError(f"can't read {path}: {error}") from error


def write_h5(path: Path) -> Path:
    """Writes a table of poses as HDF5 next to its csv file, as DeepLabCut does.

    Raises:
        RecordingError: the csv file can't be read, or the disk is full or can't be written.
    """
    target, temporary = path.with_suffix(".h5"), path.with_name(f".{path.stem}.new.h5")
    try:
        table = read_poses(path)
        _write_h5(table, temporary)
        temporary.replace(target)
    except RecordingError:
        raise
    except Exception as error:  # PyTables has its own error for a full disk; memory may be short as well
        temporary.unlink(missing_ok=True)
        cause = error if isinstance(error, OSError) else OSError(0, f"{error}" or "no memory is left")
        failed = write_error(target, cause)
        again = f"; {path.name} has the same, and `dlstream recover {path.parent}` writes it again"
        raise RecordingError(f"{failed}{again}") from error
    return target


def _write_h5(table: pd.DataFrame, path: Path) -> None:
    table.columns = pd.MultiIndex.from_tuples(list(table.columns), names=list(table.columns.names))
    table.columns = table.columns.set_levels([level.astype(object) for level in table.columns.levels])
    table.index.name = None
    with pd.HDFStore(str(path), mode="w") as store:
        store.put(KEY, table, format="table", index=False, track_times=False)
        about = store.get_storer(KEY).attrs
        about.pandas_version, about.nan_rep = "0.15.2", "nan"  # pandas 2 needs these; pandas 3 does not write them


def write_all_h5(folder: Path) -> None:
    """Writes an HDF5 file for every table of poses in the session."""
    for ending in ("poses", "ground_truth"):
        for path in sorted(folder.glob(f"*.{ending}.csv")):
            write_h5(path)


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """A table of whole numbers that has at least these columns."""
    try:
        table = pd.read_csv(path, dtype="int64")
    except (OSError, ValueError) as error:
        raise RecordingError(f"can't read {path}: {error}") from error
    if missing := [name for name in columns if name not in table]:
        found = ", ".join(map(str, table.columns))
        raise RecordingError(f"{path}: found the columns {found}; expected {', '.join(missing)}, too: it was damaged")
    return table
