"""Completes a session whose recorder was killed or whose disk was full."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from dlstream_common import now
from dlstream_recorder.report.summary import Summary, read_session, summarise
from dlstream_recorder.report.tables import read_events, read_frames, segment_stems, sibling, write_all_h5
from dlstream_recorder.session._folder import take_over
from dlstream_recorder.writers._csv import CsvRows, cut_half_row
from dlstream_recorder.writers._files import write_error, write_json
from dlstream_recorder.writers._matroska_repair import repair
from dlstream_recorder.writers._pose_table import NOTHING
from dlstream_recorder.writers._segment import FRAME_COLUMNS
from dlstream_recorder.writers.bag import repair_bag
from dlstream_recorder.writers.events import EVENT_COLUMNS
from dlstream_recorder.writers.session_file import SESSION_FILE, is_by_date, iso


def recover(folder: str | Path) -> Summary:
    """Completes a session: videos, tables, bag, session.json. A complete one is left as it is.

    An incomplete frame, row or chunk at the end is cut off. A video frame without a row in the table gets one with its
    stamp from the video, and sequence -1, which the video does not contain. A row without a video frame is removed.
    A session in which a camera gave not a single frame is finished by this, but never complete.

    Raises:
        RecordingError: not a session, one that is still being recorded, or a file can't be read or written.
    """
    folder = Path(folder)
    contents = read_session(folder)
    if contents.get("complete"):
        return summarise(folder)
    written = max((item.lstat().st_mtime_ns for item in folder.iterdir()), default=0)
    take_over(folder)
    try:
        for path in (*folder.glob("*.csv"), *folder.glob("*.jsonl")):
            cut_half_row(path)
        _head(folder / "events.csv", EVENT_COLUMNS)
        for camera in contents["cameras"]:
            for stem in segment_stems(folder, camera):
                _recover_segment(stem)
    except OSError as error:
        raise write_error(folder, error) from error
    if (folder / "bag").is_dir():
        repair_bag(folder / "bag")
    write_all_h5(folder)
    ended = contents.get("ended_ns") or _last_stamp(folder, contents)
    summary = summarise(folder)
    silent = summary.without_frames
    contents.update(
        complete=not silent,
        without_frames=silent,
        recovered=True,
        recovered_at=iso(now()),
        ended=contents.get("ended") or iso(ended if is_by_date(contents) else written),
        ended_ns=ended,
        summary=summary.model_dump(mode="json"),
    )
    write_json(folder / SESSION_FILE, contents)
    return summary


_OLD_COLUMNS = 6
"""Columns of frames.csv in sessions of older versions, without `lost`."""


def _recover_segment(stem: Path) -> None:
    _clear_what_holds_nothing(stem)
    table = CsvRows(sibling(stem, "frames.csv"))
    rows = table.count()
    video = sibling(stem, "mkv")
    if video.exists():
        found = repair(video)
        dropped = table.last()[3] if rows else "0"
        clusters = list(enumerate(found.clusters))[rows:]
        lost = [0] if table.columns() > _OLD_COLUMNS else []
        start = found.places.start
        table.append([[row, -1, start + frame.pts, dropped, 0, frame.pts, *lost] for row, frame in clusters])
        rows = len(found.clusters)
        table.keep(rows)
    for ending in ("poses.csv", "ground_truth.csv"):
        path = sibling(stem, ending)
        if path.exists():
            poses = CsvRows(path)
            poses.keep(rows)
            cells = [NOTHING] * (poses.columns() - 1)
            poses.append([[row, *cells] for row in range(poses.count(), rows)])
    latency = sibling(stem, "latency.csv")
    if latency.exists() and (times := CsvRows(latency)).first_column == "frame":
        times.keep(times.count_below(rows))


def _clear_what_holds_nothing(stem: Path) -> None:
    """After a power cut what had just begun may be empty: a table without its header, a video without a byte."""
    video = sibling(stem, "mkv")
    _head(sibling(stem, "frames.csv"), FRAME_COLUMNS)
    if video.exists() and not video.stat().st_size:
        video.unlink()
    for ending, header in (("poses.csv", "coords"), ("ground_truth.csv", "coords"), ("latency.csv", "")):
        path = sibling(stem, ending)
        if path.exists():
            with path.open(encoding="utf-8") as file:
                whole = any(line.startswith(header) for line in islice(file, 4))
            if not whole:
                path.unlink()


def _head(table: Path, columns: Sequence[str]) -> None:
    """Gives an empty table its header."""
    if table.exists() and not table.stat().st_size:
        table.write_text(",".join(columns) + "\n")


def _last_stamp(folder: Path, contents: dict[str, Any]) -> int:
    """The last stamp of the recorder in any of its files."""
    stamps = [int(contents["created_ns"]), *read_events(folder)["recorded_ns"].tolist()]
    for camera in contents["cameras"]:
        for stem in segment_stems(folder, camera):
            stamps += read_frames(stem)["recorded_ns"].tolist()
    return max(stamps)
