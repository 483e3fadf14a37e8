"""A session's figures for people."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dlstream_recorder import ACKNOWLEDGEMENT, COMMAND, FAULT, Percentiles, Summary, read_session
from dlstream_recorder.report import write_report

_HOPS = {
    "capture_to_received": "capture -> pose node",
    "inference": "inference",
    "capture_to_pose": "capture -> pose",
    "pose_to_decision": "pose -> decision",
    "decision_to_sent": "decision -> sent",
    "capture_to_command": "capture -> command",
    "sent_to_received": "sent -> received by the output",
    "received_to_applied": "received -> applied",
    "command_to_acknowledgement": "command -> acknowledgement",
    "capture_to_applied": "capture -> applied: the loop",
}


def show_session(folder: Path, console: Console) -> Summary:
    """Prints a session's frames, latencies, tracking error and events, and writes its pictures.

    Raises:
        RecordingError: the folder is no session, or can't be read.
    """
    report = write_report(folder)
    summary = report.summary
    tables = [_frames(summary), _latencies(summary)]
    if any(camera.tracking_error for camera in summary.cameras.values()):
        tables.append(_tracking(summary))
    for table in tables:
        console.print()
        console.print(table)
    console.print()
    kinds = sorted(summary.events_by_kind.items())
    events = ", ".join(f"{kind} {count}" for kind, count in kinds if kind not in (ACKNOWLEDGEMENT, COMMAND, FAULT))
    console.print(
        f"[bold]Events[/]    {events or 'none'}; {summary.commands} commands, "
        f"{summary.acknowledgements} acknowledged, [{'red' if summary.faults else 'default'}]"
        f"{summary.faults} faults[/]"
    )
    if problem := unfinished(folder):
        console.print(f"[bold red]{escape(problem)}[/]")
    console.print(f"[bold]Session[/]   {folder}")
    for picture in (report.latency, *report.overlays):
        console.print(f"          {picture}")
    console.print()
    return summary


def unfinished(folder: Path) -> str:
    """Why a session is not whole, in a sentence; empty where it is."""
    about = read_session(folder)
    if about.get("error"):
        return f"The recording stopped early: {about['error']}"
    if not about.get("complete"):
        return f"The recorder was killed, and this is what it left: 'dlstream recover {folder}' finishes the session."
    return ""


def _frames(summary: Summary) -> Table:
    table = _table("Frames", "camera", "captured", "recorded", "lost", "poses", "left out", "fps")
    for name, camera in summary.cameras.items():
        lost = str(camera.frames_dropped)
        table.add_row(
            name,
            str(camera.frames_captured),
            str(camera.frames_recorded),
            f"[red]{lost}[/]" if camera.frames_dropped else lost,
            str(camera.poses),
            str(camera.poses_dropped),
            _number(camera.fps),
        )
    return table


def _latencies(summary: Summary) -> Table:
    table = _table("Latency, ms", "way", "p50", "p95", "p99", "max", "n")
    for name, label in _HOPS.items():
        hop: Percentiles = getattr(summary.latency_ms, name)
        if hop.n:
            figures = (_number(value) for value in (hop.p50, hop.p95, hop.p99, hop.max))
            table.add_row(label, *figures, str(hop.n))
    return table


def _tracking(summary: Summary) -> Table:
    table = _table("Tracking error, px, against the ground truth", "keypoint", "mean", "median", "p95", "n")
    for camera in summary.cameras.values():
        found = camera.tracking_error
        if found is None:
            continue
        for name, errors in [*found.per_keypoint.items(), ("all", found)]:
            table.add_row(name, _number(errors.mean), _number(errors.median), _number(errors.p95), str(errors.n))
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, min_width=72)
    table.add_column(first, min_width=28)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
