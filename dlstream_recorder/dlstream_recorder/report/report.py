"""Figures of a session: its latencies, and a frame with its poses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlstream_common import Individual, RecordingError, to_view
from dlstream_common.event_kinds import COMMAND, FAULT
from dlstream_recorder.report.found import MIN_CONFIDENCE
from dlstream_recorder.report.intervals import per_trigger, stimuli
from dlstream_recorder.report.paths import walks
from dlstream_recorder.report.summary import Summary, all_hops, read_session, summarise
from dlstream_recorder.report.tables import (
    read_events,
    read_experiment,
    read_frames,
    read_latency,
    read_poses,
    segment_stems,
    sibling,
)
from dlstream_recorder.writers._files import write_error


@dataclass(frozen=True)
class Report:
    """A session's summary and its figures."""

    summary: Summary
    timed: bool
    """Whether a latency was measured; it is not when a video is analysed."""
    latency: Path | None = None
    """None if no latency was measured."""
    overlays: tuple[Path, ...] = ()
    """One for each camera with a video: overlay.png, or overlay.<camera>.png if the session has several cameras."""
    paths: tuple[Path, ...] = ()
    """trajectory.png and occupancy.png for each camera with poses, named like the overlays."""
    stimuli: Path | None = None
    """None if there was no stimulus."""
    per_trigger: pd.DataFrame | None = None
    """See `intervals.per_trigger`; None if there was no stimulus."""
    unwritten: str = ""
    """Why the pictures could not be written, as into a session on a read-only disk; empty if they could."""
    unread: tuple[str, ...] = ()
    """Why frames for the pictures could not be read, as of a video that was cut off; the other pictures are there."""


def write_report(folder: str | Path, pictures: bool = True) -> Report:
    """Summarises a session and draws its pictures into its folder, replacing earlier ones; see `Report`.

    Args:
        pictures: whether it draws them.

    Raises:
        RecordingError: not a session, or a file can't be read.
    """
    folder = Path(folder)
    contents = read_session(folder)
    events = read_events(folder)
    hops = all_hops(folder, list(contents["cameras"]), events)
    recorded = stimuli(events, _end(contents, events))
    report = Report(
        summarise(folder),
        timed=any(len(hop) for hop in hops.values()),
        per_trigger=per_trigger(recorded) if len(recorded) else None,
    )
    if not pictures:
        return report
    try:
        return _with_pictures(report, folder, contents, events, hops, recorded)
    except OSError as error:
        return replace(report, unwritten=str(write_error(Path(error.filename or folder), error)))


def _with_pictures(
    report: Report,
    folder: Path,
    contents: Mapping[str, Any],
    events: pd.DataFrame,
    hops: Mapping[str, pd.DataFrame],
    recorded: pd.DataFrame,
) -> Report:
    from dlstream_recorder.report._plots import plot_latency
    from dlstream_recorder.report._stimulus_plot import plot_stimuli

    latency, stimulus_plot = folder / "latency.png", folder / "stimuli.png"
    for picture in (latency, stimulus_plot):
        picture.unlink(missing_ok=True)
    overlays, paths, unread = [], [], list[str]()
    if report.timed:
        faults = events["stamp_ns"][events["kind"] == FAULT].tolist()
        plot_latency(latency, contents["session"], _line(report.summary), hops, faults, contents["created_ns"])
    for camera, about in contents["cameras"].items():
        name = "overlay.png" if len(contents["cameras"]) == 1 else f"overlay.{camera.replace('/', '_')}.png"
        try:
            if write_overlay(folder, camera, about, events, folder / name):
                overlays.append(folder / name)
        except RecordingError as error:
            (folder / name).unlink(missing_ok=True)
            unread.append(str(error))
        paths += write_paths(folder, camera, about, name.removeprefix("overlay"), unread)
    if len(recorded):
        plot_stimuli(stimulus_plot, f"{contents['session']}: stimuli", recorded, contents["created_ns"])
    return replace(
        report,
        latency=latency if report.timed else None,
        overlays=tuple(overlays),
        paths=tuple(paths),
        stimuli=stimulus_plot if len(recorded) else None,
        unread=tuple(dict.fromkeys(unread)),
    )


def write_paths(folder: Path, camera: str, about: Mapping[str, Any], ending: str, unread: list[str]) -> list[Path]:
    """Draws where the animals of a camera were, with the regions; none if it has no poses, or its images changed size.

    Args:
        about: the camera's entry in session.json.
        ending: of the pictures' names, such as ".png".
        unread: gets why the frame behind the ways could not be read; they are drawn on white then.
    """
    from dlstream_recorder.report.path_plots import plot_occupancy, plot_trajectory

    targets = [folder / f"{what}{ending}" for what in ("trajectory", "occupancy")]
    for target in targets:
        target.unlink(missing_ok=True)
    stems = [stem for stem in segment_stems(folder, camera) if sibling(stem, "poses.csv").exists()]
    sizes = {(int(part["width"]), int(part["height"])) for part in about.get("parts", ()) if part.get("width")}
    if not stems or len(sizes) != 1:
        return []
    frames, poses = [read_frames(stem) for stem in stems], [read_poses(sibling(stem, "poses.csv")) for stem in stems]
    widest = max(poses, key=lambda table: table.shape[1])
    table = pd.concat([one.reindex(columns=widest.columns) for one in poses], ignore_index=True)
    stamps = pd.concat(frames)["stamp_ns"].to_numpy(np.int64)
    analysed = np.concatenate([_analysed(stem, one) for stem, one in zip(stems, frames, strict=True)])
    count = min(len(table), len(stamps))
    found = walks(table.iloc[:count], stamps[:count], analysed=analysed[:count])
    background = None
    if sibling(stems[0], "mkv").exists():
        try:
            background = read_frame(stems[0], 0, is_depth(about))
        except RecordingError as error:
            unread.append(str(error))
    regions = [(region["name"], np.array(region["points"], np.float32)) for region in about.get("regions", [])]
    size = sizes.pop()
    plot_trajectory(targets[0], f"{folder.resolve().name}, {camera}: trajectory", found, size, background, regions)
    plot_occupancy(targets[1], f"{folder.resolve().name}, {camera}: occupancy", found, size, background, regions)
    return targets


def _analysed(stem: Path, frames: pd.DataFrame) -> NDArray[np.bool_]:
    """Which frames the network has looked at; all where the session has no table of the poses' times."""
    latency = read_latency(stem)
    return np.ones(len(frames), bool) if latency is None else frames["stamp_ns"].isin(latency["stamp_ns"]).to_numpy()


def _end(contents: Mapping[str, Any], events: pd.DataFrame) -> int:
    return max(int(contents.get("ended_ns") or 0), *events["stamp_ns"].tolist(), int(contents["created_ns"]))


def _line(summary: Summary) -> str:
    fps = f"{summary.fps:.1f} frames a second" if summary.fps else "no frame rate"
    text = f"{summary.frames_recorded} frames recorded, {summary.frames_with_pose} with a pose, "
    text += f"{summary.frames_dropped} dropped, {fps}"
    text += "".join(
        f", {count} {what}{'' if count == 1 else 's'}"
        for count, what in ((summary.commands, "command"), (summary.faults, "fault"))
    )
    errors = [camera.tracking_error for camera in summary.cameras.values() if camera.tracking_error]
    if errors and errors[0].median is not None:
        text += f", tracking error {errors[0].median:.1f} px (median, confidence ≥ {errors[0].min_confidence:g})"
    return text


def write_overlay(folder: Path, camera: str, about: Mapping[str, Any], events: pd.DataFrame, path: Path) -> bool:
    """Draws one frame with its poses and the experiment's regions; returns False if the camera has no video.

    It is the frame that caused the first command, or else the one whose poses have the highest confidence. A region
    with a keypoint in it is drawn in green.
    """
    from dlstream_experiment.model.virtual import DrawnKeypoints
    from dlstream_pose.runtime.overlay import OverlayRegion, draw_overlay

    stems = [stem for stem in segment_stems(folder, camera) if sibling(stem, "mkv").exists() and len(read_frames(stem))]
    if not stems:
        return False
    commands = events[(events["kind"] == COMMAND) & (events["camera"] == camera)]
    stem, row = _choose(stems, commands["frame_stamp_ns"].tolist())
    individuals, keypoints = _poses_in(stem, row)
    drawn = DrawnKeypoints.of_file(read_experiment(folder), keypoints)
    individuals = drawn.add(individuals)
    points = np.array([(x, y) for one in individuals for x, y in zip(one.x, one.y, strict=True)], np.float32)
    sure = np.array([value >= MIN_CONFIDENCE for one in individuals for value in one.confidence], bool)
    regions = []
    for region in about.get("regions", []):
        outline = np.array(region["points"], np.float32)
        inside = [
            len(outline) > 2 and cv2.pointPolygonTest(outline, point.tolist(), False) >= 0 for point in points[sure]
        ]
        regions.append(OverlayRegion(region["name"], outline, any(inside)))
    seconds = (int(read_frames(stem)["stamp_ns"].iloc[row]) - int(read_frames(stems[0])["stamp_ns"].iloc[0])) / 1e9
    picture = draw_overlay(
        read_frame(stem, row, is_depth(about)),
        individuals,
        [(int(first), int(second)) for first, second in about.get("edges", [])],
        regions,
        min_confidence=MIN_CONFIDENCE,
        caption=f"{camera}  {seconds:.2f} s  frame {row}",
        legend=drawn.keypoints,
    )
    if not cv2.imwrite(str(path), picture):
        raise OSError(f"{path} was not written")
    return True


def is_depth(about: Mapping[str, Any]) -> bool:
    """Whether a camera's images are depths, by its part of session.json."""
    return any(part.get("encoding") == "16UC1" for part in about.get("parts", []))


def read_frame(stem: Path, row: int, depth: bool = False) -> NDArray[np.uint8]:
    """Frame `row` of a video segment as (height, width, 3) uint8, blue, green, red; depth as it can be looked at.

    Raises:
        RecordingError: there is no such frame, or the video can't be read.
    """
    times, video = read_frames(stem)["pts_ns"], sibling(stem, "mkv")
    try:
        found = _frame_at(video, int(times[row]), depth) if row < len(times) else None
    except av.FFmpegError as error:  # some are an OSError or a ValueError as well
        raise RecordingError(
            f"{video}: found no video that can be read ({error.strerror}); expected that of the recording. "
            "It was cut off or damaged: restore it from a copy of the session"
        ) from error
    if found is None:
        raise RecordingError(f"{video}: it has no frame {row}")
    return found


def _frame_at(video: Path, time: int, depth: bool) -> NDArray[np.uint8] | None:
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        container.seek(time, stream=stream)  # a tick of our videos is a nanosecond
        for frame in container.decode(stream):
            if frame.pts == time and depth:
                return to_view(frame.to_ndarray(), "16UC1")
            if frame.pts == time:
                return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    return None


def _choose(stems: list[Path], stamps: list[int]) -> tuple[Path, int]:
    best = (-1.0, stems[0], len(read_frames(stems[0])) // 2)
    for stem in stems:
        path = sibling(stem, "poses.csv")
        if not path.exists():
            continue
        confidence = read_poses(path).xs("likelihood", axis=1, level="coords").mean(axis=1).fillna(-1.0)
        frames = read_frames(stem)
        caused = frames[frames["stamp_ns"].isin(stamps)]
        if len(caused):
            return stem, int(caused["frame"].iloc[0])
        surest = int(confidence.to_numpy().argmax()) if len(confidence) else 0
        if len(confidence) and confidence.iloc[surest] > best[0]:
            best = (float(confidence.iloc[surest]), stem, surest)
    return best[1], best[2]


def _poses_in(stem: Path, row: int) -> tuple[list[Individual], list[str]]:
    path = sibling(stem, "poses.csv")
    if not path.exists():
        return [], []
    table = read_poses(path)
    keypoints = list(dict.fromkeys(table.columns.get_level_values("bodyparts")))
    if row >= len(table):  # its recorder was killed: the poses end before the frames
        return [], keypoints
    values = table.iloc[row].to_numpy(np.float32).reshape(-1, len(keypoints), 3)
    return [Individual("", one[:, 0], one[:, 1], one[:, 2]) for one in values], keypoints
