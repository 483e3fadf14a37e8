"""The summary of a session, computed from its tables only, so that a recovered session gives the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel

from dlstream_common import RecordingError
from dlstream_common.event_kinds import ACKNOWLEDGEMENT, COMMAND, FAULT
from dlstream_recorder.report.found import found_by_camera
from dlstream_recorder.report.host_clocks import POSE, HostClocks
from dlstream_recorder.report.tables import read_events, read_frames, read_latency, segment_stems
from dlstream_recorder.report.tracking import TrackingError, tracking_error
from dlstream_recorder.writers.session_file import SESSION_FILE

HOPS = {
    "capture_to_received": "capture → pose node",
    "received_to_inference": "waiting in the pose node",
    "inference": "inference",
    "capture_to_pose": "capture → pose",
    "pose_to_decision": "pose → decision",
    "decision_to_sent": "decision → sent",
    "capture_to_command": "capture → command",
    "sent_to_received": "sent → received by output",
    "received_to_applied": "received → applied",
    "command_to_acknowledgement": "command → acknowledged",
    "capture_to_applied": "capture → applied: the loop",
}
"""The hops whose durations a summary and its figure report, in their order, with their labels."""


class Percentiles(BaseModel):
    """Percentiles of durations in milliseconds; None if there are no durations."""

    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None
    n: int


class Latencies(BaseModel):
    """How long each hop took, in milliseconds."""

    capture_to_received: Percentiles
    """From a frame's acquisition until the pose node received it."""
    received_to_inference: Percentiles
    """From then until its inference started."""
    inference: Percentiles
    capture_to_pose: Percentiles
    """From a frame's acquisition until its poses were ready to be published."""
    pose_to_decision: Percentiles
    """From then until the experiment had decided on a command, including the transport between the nodes."""
    decision_to_sent: Percentiles
    capture_to_command: Percentiles
    """From a frame's acquisition until the command that it caused was sent."""
    sent_to_received: Percentiles
    """From the sending of a command until the output received it."""
    received_to_applied: Percentiles
    """How long the output took to carry it out."""
    command_to_acknowledgement: Percentiles
    """From the sending of a command until the output had carried it out."""
    capture_to_applied: Percentiles
    """The whole loop: from a frame's acquisition until the output had carried out the command."""


class CameraSummary(BaseModel):
    """Summary of one camera."""

    frames_captured: int
    frames_recorded: int
    frames_dropped: int
    frames_with_pose: int
    """Recorded frames in which an animal was found: at least one keypoint has a confidence of 0.5 or more."""
    best_confidence: float | None
    """The highest confidence of any keypoint; None without one."""
    poses: int
    """Recorded frames that the network has seen, whether it found an animal or not."""
    poses_without_frame: int
    """Poses of frames that are not in the videos; not counted in `poses`."""
    poses_dropped: int
    """Frames that the pose node skipped because a newer one had arrived."""
    poses_lost: int
    """Frames that got lost on the way to the pose node, as between two computers; the recording may have them."""
    fps: float | None
    seconds: float
    parts: int
    stamps_moved: int
    """Frames that the video shows later than their stamp, because an earlier frame had the same or a later stamp."""
    latency_ms: Latencies
    tracking_error: TrackingError | None


class Summary(BaseModel):
    """Summary of all cameras together; `fps` is the mean over the cameras."""

    frames_captured: int
    frames_recorded: int
    frames_dropped: int
    frames_with_pose: int
    poses: int
    poses_dropped: int
    poses_lost: int
    fps: float | None
    seconds: float
    latency_ms: Latencies
    clock_uncertainty_ms: float | None
    """The greatest error of latencies between hosts, after their correction; None: a rig of one computer."""
    events: int
    """Rows of events.csv that are neither commands nor acknowledgements, including faults."""
    commands: int
    acknowledgements: int
    faults: int
    events_by_kind: dict[str, int]
    cameras: dict[str, CameraSummary]

    @property
    def without_frames(self) -> list[str]:
        """Cameras that gave not a single frame: such a session is not complete."""
        return [name for name, camera in self.cameras.items() if not camera.frames_captured]


def read_session(folder: Path) -> dict[str, Any]:
    """The contents of session.json.

    Raises:
        RecordingError: there is no such file, or it can't be read.
    """
    path = folder / SESSION_FILE
    if path.exists() and not path.is_file():  # a pipe would keep its reader waiting
        raise RecordingError(f"{path} is no file; expected the session.json of a dlstream session")
    try:
        contents = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordingError(f"{folder} is not a session: can't read {path} ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{path} is not JSON: {error}") from error
    if not isinstance(contents, dict) or not isinstance(contents.get("cameras"), dict):
        raise RecordingError(f"{path}: found no cameras; expected the session.json of a dlstream session")
    return contents


def summarise(folder: Path) -> Summary:
    """Computes the summary of a session from its files.

    Raises:
        RecordingError: not a session, or a table can't be read.
    """
    contents = read_session(folder)
    events = read_events(folder)
    hops = {name: camera_hops(folder, name, events) for name in contents["cameras"]}
    cameras = {name: _camera(folder, name, about, hops[name]) for name, about in contents["cameras"].items()}
    rates = [camera.fps for camera in cameras.values() if camera.fps]
    kinds = {str(kind): int(count) for kind, count in events["kind"].value_counts(sort=False).items()}
    commands, acknowledgements = kinds.get(COMMAND, 0), kinds.get(ACKNOWLEDGEMENT, 0)
    return Summary(
        frames_captured=sum(camera.frames_captured for camera in cameras.values()),
        frames_recorded=sum(camera.frames_recorded for camera in cameras.values()),
        frames_dropped=sum(camera.frames_dropped for camera in cameras.values()),
        frames_with_pose=sum(camera.frames_with_pose for camera in cameras.values()),
        poses=sum(camera.poses for camera in cameras.values()),
        poses_dropped=sum(camera.poses_dropped for camera in cameras.values()),
        poses_lost=sum(camera.poses_lost for camera in cameras.values()),
        fps=round(float(np.mean(rates)), 3) if rates else None,
        seconds=max((camera.seconds for camera in cameras.values()), default=0.0),
        latency_ms=_latencies(all_hops(folder, list(contents["cameras"]), events)),
        clock_uncertainty_ms=HostClocks(events).uncertainty,
        events=len(events) - commands - acknowledgements,
        commands=commands,
        acknowledgements=acknowledgements,
        faults=kinds.get(FAULT, 0),
        events_by_kind=kinds,
        cameras=cameras,
    )


def camera_hops(folder: Path, camera: str | None, events: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The durations of each hop of a camera's frames; `camera` None: those of all commands, without poses.

    Each is a table with the columns `at` (when it ended, nanoseconds since the epoch) and `ms` (how long it took).
    In a rig with several hosts times are corrected to the main host's clock, as far as the session has its offsets.
    """
    tables = [read_latency(stem) for stem in segment_stems(folder, camera)] if camera else []
    clocks = HostClocks(events)
    by_pose = dict.fromkeys(("received_ns", "inference_start_ns", "inference_end_ns"), POSE)
    poses = [clocks.corrected(table, stamp_ns=f"/{camera}/camera", **by_pose) for table in tables if table is not None]
    mine = events if camera is None else events[events["camera"] == camera]
    mine = clocks.corrected_events(mine)
    commands = mine[mine["kind"] == COMMAND]
    applied = mine[(mine["kind"] == ACKNOWLEDGEMENT) & (mine["success"] != "false")]
    return {
        "capture_to_received": _join([_hop(table, "stamp_ns", "received_ns") for table in poses]),
        "received_to_inference": _join([_hop(table, "received_ns", "inference_start_ns") for table in poses]),
        "inference": _join([_hop(table, "inference_start_ns", "inference_end_ns") for table in poses]),
        "capture_to_pose": _join([_hop(table, "stamp_ns", "inference_end_ns") for table in poses]),
        "pose_to_decision": _hop(commands, "inference_end_ns", "decided_ns"),
        "decision_to_sent": _hop(commands[commands["frame_stamp_ns"] > 0], "decided_ns", "sent_ns"),
        "capture_to_command": _hop(commands, "frame_stamp_ns", "sent_ns"),
        "sent_to_received": _hop(applied, "sent_ns", "received_ns"),
        "received_to_applied": _hop(applied, "received_ns", "applied_ns"),
        "command_to_acknowledgement": _hop(applied, "sent_ns", "applied_ns"),
        "capture_to_applied": _hop(applied, "frame_stamp_ns", "applied_ns"),
    }


def all_hops(folder: Path, cameras: Sequence[str], events: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """As `camera_hops`, for the poses of all cameras and for all commands, including those that no frame caused."""
    hops = camera_hops(folder, None, events)
    of_cameras = [camera_hops(folder, camera, events) for camera in cameras]
    for hop in ("capture_to_received", "received_to_inference", "inference", "capture_to_pose"):
        hops[hop] = _join([of_camera[hop] for of_camera in of_cameras])
    return hops


def percentiles(milliseconds: NDArray[np.float64]) -> Percentiles:
    """Percentiles, maximum and count of durations in milliseconds."""
    if not len(milliseconds):
        return Percentiles(p50=None, p95=None, p99=None, max=None, n=0)
    p50, p95, p99 = (round(float(value), 3) for value in np.percentile(milliseconds, [50, 95, 99]))
    return Percentiles(p50=p50, p95=p95, p99=p99, max=round(float(np.max(milliseconds)), 3), n=len(milliseconds))


def _latencies(hops: Mapping[str, pd.DataFrame]) -> Latencies:
    return Latencies.model_validate({name: percentiles(hop["ms"].to_numpy(float)) for name, hop in hops.items()})


def _hop(table: pd.DataFrame, start: str, end: str) -> pd.DataFrame:
    known = table[(table[start] > 0) & (table[end] > 0)]
    return pd.DataFrame({"at": known[end], "ms": (known[end] - known[start]) / 1e6})


def _join(hops: list[pd.DataFrame]) -> pd.DataFrame:
    hops = [hop for hop in hops if len(hop)]
    return pd.concat(hops, ignore_index=True) if hops else pd.DataFrame({"at": [], "ms": []})


def _camera(folder: Path, name: str, about: Mapping[str, Any], hops: Mapping[str, pd.DataFrame]) -> CameraSummary:
    stems = segment_stems(folder, name)
    frames = [read_frames(stem) for stem in stems]
    latency = [table for table in (read_latency(stem) for stem in stems) if table is not None]
    found = found_by_camera(stems)
    recorded = sum(int((table["lost"] == 0).sum()) for table in frames)
    seconds = sum(_span(table) for table in frames)
    intervals = sum(max(0, len(table) - 1) for table in frames)
    rows = [table for table in frames if len(table)]
    dropped = (int(rows[-1]["dropped"].iloc[-1]) if rows else 0) + int(about.get("lost_at_end", 0))
    return CameraSummary(
        frames_captured=recorded + dropped,
        frames_recorded=recorded,
        frames_dropped=dropped,
        frames_with_pose=found.frames,
        best_confidence=None if found.best_confidence is None else round(found.best_confidence, 4),
        poses=sum(len(table) for table in latency),
        poses_without_frame=int(about.get("poses_without_frame", 0)),
        poses_dropped=_counted([int(value) for table in latency for value in table["dropped"]]),
        poses_lost=sum(_missing(table) for table in latency),
        fps=round(intervals / seconds, 3) if seconds > 0 else None,
        seconds=round(seconds, 3),
        parts=len(stems),
        stamps_moved=sum(
            int((table["pts_ns"] != table["stamp_ns"] - table["stamp_ns"].iloc[0]).sum()) for table in rows
        ),
        latency_ms=_latencies(hops),
        tracking_error=tracking_error(stems),
    )


def _span(frames: pd.DataFrame) -> float:
    if len(frames) < 2:
        return 0.0
    return float(frames["stamp_ns"].iloc[-1] - frames["stamp_ns"].iloc[0]) / 1e9


def _missing(latency: pd.DataFrame) -> int:
    """How many recorded frames have no pose between two that have, less those that the pose node has left out.

    Of a frame that the recorder did not get, as it hung, nobody knows whether the pose node did.
    """
    between = latency[["frame", "sequence", "dropped"]].astype("int64").diff().iloc[1:]
    going_on = between[(between["sequence"] > 0) & (between["dropped"] >= 0)]
    recorded = going_on[["frame", "sequence"]].min(axis=1) - 1
    return int((recorded - going_on["dropped"]).clip(lower=0).sum())


def _counted(counts: list[int]) -> int:
    """How far a count went up in total; a count that starts again, because its node did, is added."""
    return sum(after - before if after >= before else after for before, after in pairwise(counts))
