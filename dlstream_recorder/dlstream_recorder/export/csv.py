"""A session as plain tables: one header row, seconds since the session's start, every value in a column of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from dlstream_recorder.export.recorded import Camera, Recorded
from dlstream_recorder.writers.events import ABSENT


def write_csv(recorded: Recorded, folder: Path) -> list[Path]:
    """Writes `<camera>.poses.csv`, `events.csv`, `trials.csv` and `stimuli.csv`; returns their paths.

    Raises:
        OSError: a file can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        f"{camera.name.replace('/', '_')}.poses.csv": _poses(camera, recorded.start) for camera in recorded.cameras
    }
    tables["events.csv"] = _events(recorded)
    tables["trials.csv"] = _intervals(recorded.trials, recorded.start)
    tables["stimuli.csv"] = _intervals(recorded.stimuli, recorded.start)
    for name, table in tables.items():
        table.to_csv(folder / name, index=False, lineterminator="\n")
    return [folder / name for name in tables]


def _poses(camera: Camera, start: int) -> pd.DataFrame:
    columns: dict[str, object] = {
        "time": (camera.stamps - start) / 1e9,
        "frame": np.arange(len(camera.stamps)),
        "sequence": _whole(pd.Series(camera.sequences), -1),  # a recovered session does not know each
        "stamp_ns": camera.stamps,
    }
    for animal in camera.animals:
        for index, keypoint in enumerate(camera.keypoints):
            stem = f"{animal.name}.{keypoint}" if animal.name else keypoint
            for place, what in enumerate(("x", "y", "confidence")):
                columns[f"{stem}.{what}"] = animal.values[:, index, place]
    return pd.DataFrame(columns)


def _events(recorded: Recorded) -> pd.DataFrame:
    events = recorded.events
    table = events.drop(columns=["values"]).astype(object)
    for name, absent in ABSENT.items():
        table[name] = _whole(events[name], absent)
    table["time"] = ((events["stamp_ns"] - recorded.start) / 1e9).where(events["stamp_ns"] > 0)
    return pd.concat([table, _columns(events["values"].map(lambda text: json.loads(text) if text else {}))], axis=1)


def _intervals(found: pd.DataFrame, start: int) -> pd.DataFrame:
    table = found.drop(columns=["values", "start_ns", "stop_ns"])
    begin, end = (found[name].to_numpy(np.int64) for name in ("start_ns", "stop_ns"))
    table.insert(0, "start", (begin - start) / 1e9)
    table.insert(1, "stop", (end - start) / 1e9)
    table.insert(2, "duration", (end - begin) / 1e9)
    for name in ("sequence", "frame_stamp_ns"):
        if name in table:
            table[name] = _whole(table[name], ABSENT[name])
    return pd.concat([table, _columns(found["values"])], axis=1)


def _whole(numbers: pd.Series[int], absent: int) -> pd.Series[int]:
    """Without a detour by decimals, which have too few digits for a stamp."""
    return numbers.astype("Int64").where(numbers != absent)


def _columns(values: pd.Series[Mapping[str, str]]) -> pd.DataFrame:
    names = list(dict.fromkeys(name for one in values for name in one))
    return pd.DataFrame({f"values.{name}": [one.get(name) for one in values] for name in names}, index=values.index)
