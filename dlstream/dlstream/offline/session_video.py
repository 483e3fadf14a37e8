"""`dlstream report SESSION --video`: a session's own video with poses, regions, and what the experiment did."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from dlstream.offline.annotated import AnnotatedVideo
from dlstream.offline.experiment_state import Course, ExperimentState
from dlstream.offline.footage import Lost, open_footage
from dlstream.offline.progress import show_progress
from dlstream.offline.side_panel import SidePanel
from dlstream_camera import SourceSettings
from dlstream_common import DlstreamError, Frame, Individual, event_kinds, to_view
from dlstream_experiment.model.virtual import DrawnKeypoints
from dlstream_pose.runtime.overlay import OverlayRegion, draw_overlay
from dlstream_recorder import EventRow, read_session
from dlstream_recorder.report.intervals import stimuli
from dlstream_recorder.report.tables import read_events, read_experiment, read_poses, segment_stems, sibling

_NEVER = 2**62
"""A stamp after every other one: what nothing has ended is on to the end of the video."""


def write_session_videos(session: Path, console: Console) -> list[Path]:
    """Writes STEM.annotated.mp4 beside each video of a session, replacing earlier ones; returns them.

    The panel beside the picture has what was true when the frame was taken. Outputs and sham stimuli are on as the
    table of the session's stimuli has them: from the moment at which the output said so, or from the command on where
    it never answered. Triggers decide some milliseconds after their frame.

    Raises:
        DlstreamError: it is no session, has no video, or can't be written.
    """
    about = read_session(session)
    stems = [(name, stem) for name in about["cameras"] for stem in segment_stems(session, name)]
    stems = [(name, stem) for name, stem in stems if sibling(stem, "mkv").exists()]
    if not stems:
        raise DlstreamError(f"{session}: found no video; expected a session with `video: lossless` or h264")
    content = read_experiment(session)
    return [_write(session, about, content, name, stem, console) for name, stem in stems]


def _write(
    session: Path, about: Mapping[str, Any], content: Mapping[str, Any], camera: str, stem: Path, console: Console
) -> Path:
    footage = open_footage(sibling(stem, "mkv"), camera, SourceSettings())
    triggers = content.get("triggers") or {}
    events = read_events(session)
    ahead = deque(sorted(_rows(events), key=lambda row: row.stamp_ns))
    shown = (row.name for row in ahead if row.kind in (event_kinds.COMMAND, event_kinds.SHAM_STARTED))
    outputs = dict.fromkeys((*about["settings"].get("outputs", []), *shown))
    state = ExperimentState(list(triggers), list(outputs), Course(stimuli(events, _NEVER)))
    known = about["cameras"][camera]
    edges = [(int(first), int(second)) for first, second in known.get("edges", [])]
    outlines = {region["name"]: np.array(region["points"], np.float32) for region in known.get("regions", [])}
    path = stem.with_name(f"{stem.name}.annotated.mp4")
    frames = footage.frames()
    first = next((frame for frame in frames if isinstance(frame, Frame)), None)
    if first is None:
        raise DlstreamError(f"{sibling(stem, 'mkv')}: found no frame in it that can be decoded; expected a video")
    height, width = first.image.shape[:2]
    panel = SidePanel(width, height, state.length)
    video = AnnotatedVideo(path, panel.width, panel.height, first.stamp)
    try:
        with show_progress(console, f"{stem.name} annotated", footage.count) as advance:
            for frame, individuals in zip(footage.frames(), _poses(stem, content), strict=False):
                if isinstance(frame, Lost):
                    continue
                while ahead and ahead[0].stamp_ns <= frame.stamp:
                    state.handle(ahead.popleft())
                regions = [
                    OverlayRegion(name, points, _is_active(name, triggers, state)) for name, points in outlines.items()
                ]
                picture = draw_overlay(to_view(frame.image, frame.encoding), individuals, edges, regions)
                seconds = (frame.stamp - first.stamp) / 1e9
                lines = state.lines(camera, seconds, frame.sequence, frame.stamp, {})
                video.add(panel.beside(picture, lines), frame.stamp)
                advance()
    finally:
        video.close()
    return path


def _rows(events: pd.DataFrame) -> Iterator[EventRow]:
    """The rows of events.csv."""
    names = {item.name for item in fields(EventRow)} - {"values"}
    for row in events.to_dict("records"):
        values = json.loads(row["values"] or "{}")
        yield EventRow(**{str(name): value for name, value in row.items() if name in names}, values=values)


def _is_active(region: str, triggers: Mapping[str, Any], state: ExperimentState) -> bool:
    """Whether a trigger on that region is true."""
    return any(
        state.triggers.get(name, False)
        for name, about in triggers.items()
        if isinstance(about, Mapping) and about.get("region") == region
    )


def _poses(stem: Path, content: Mapping[str, Any]) -> Iterator[list[Individual]]:
    """The individuals of each row of the table, without end: a table that is too short has none from there on.

    Args:
        content: of the experiment file, with its virtual keypoints.
    """
    path = sibling(stem, "poses.csv")
    if path.exists():
        table = read_poses(path)
        keypoints = tuple(dict.fromkeys(table.columns.get_level_values("bodyparts")))
        points = DrawnKeypoints.of_file(content, keypoints)
        for row in table.to_numpy(np.float32):
            animals = row.reshape(-1, len(keypoints), 3)
            yield points.add(Individual("", one[:, 0], one[:, 1], one[:, 2]) for one in animals)
    while True:
        yield []
