"""A session's figures for people."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dlstream_recorder import (
    ACKNOWLEDGEMENT,
    COMMAND,
    FAULT,
    HOPS,
    CameraSummary,
    Percentiles,
    Summary,
    metadata_in,
    read_session,
)
from dlstream_recorder.report.found import Found, nowhere
from dlstream_recorder.report.report import is_depth, write_report
from dlstream_recorder.report.tables import read_events

_MANY_LEFT_OUT = 0.2
_FAULTS = 8


def show_session(folder: Path, console: Console, pictures: bool = True) -> Summary:
    """Prints a session's frames, latencies, tracking error and events, and draws its pictures.

    Args:
        pictures: whether it draws them; without, those of an earlier report stay.

    Raises:
        RecordingError: the folder is no session, or can't be read.
    """
    report = write_report(folder, pictures)
    summary = report.summary
    cameras = read_session(folder)["cameras"]
    tables = [_frames(summary, {name for name, about in cameras.items() if is_depth(about)})]
    if report.timed:
        tables.append(_latencies(summary))
    if any(camera.tracking_error for camera in summary.cameras.values()):
        tables.append(tracking_errors(summary.cameras))
    for table in tables:
        console.print()
        console.print(table)
    if report.per_trigger is not None:
        console.print()
        console.print(_stimuli(report.per_trigger))
    console.print()
    kinds = sorted(summary.events_by_kind.items())
    events = ", ".join(f"{kind} {count}" for kind, count in kinds if kind not in (ACKNOWLEDGEMENT, COMMAND, FAULT))
    console.print(
        f"[bold]Events[/]    {events or 'none'}; {summary.commands} commands, "
        f"{summary.acknowledgements} acknowledged, [{'red' if summary.faults else 'default'}]"
        f"{summary.faults} fault{'' if summary.faults == 1 else 's'}[/]"
    )
    if summary.clock_uncertainty_ms is not None:
        within = _number(summary.clock_uncertainty_ms)
        console.print(f"          latencies between hosts are by the main host's clock, to within {within} ms")
    lines = fault_lines(read_events(folder), int(read_session(folder)["created_ns"]))
    for line in lines[:_FAULTS]:
        console.print(f"[red]{escape(line)}[/]")
    if len(lines) > _FAULTS:
        console.print(f"[red]           and {len(lines) - _FAULTS} more in events.csv[/]")
    for name, camera in summary.cameras.items():
        offline = bool(read_session(folder).get("offline"))
        for problem in (
            lost(name, camera, offline),
            "" if offline else lost_before_pose(name, camera),  # offline no frame travels
            too_slow(name, camera),
            no_animal(name, camera),
        ):
            if problem:
                console.print(f"[yellow]{escape(problem)}[/]")
    if problem := unfinished(folder):
        console.print(f"[bold red]{escape(problem)}[/]")
    if known := metadata_in(read_session(folder)).in_words():
        console.print(f"[bold]Subject[/]   {escape(known)}")
    console.print(f"[bold]Session[/]   {escape(str(folder))}")
    ours = [folder / "annotated.mp4", folder / "overlay.png"] if read_session(folder).get("offline") else []
    analysed = [path for path in ours if path.exists()]  # an analysis has no video from which a report could draw
    for picture in (report.latency, *report.overlays, *analysed, *report.paths, report.stimuli):
        if picture is not None:
            console.print(f"          {escape(str(picture))}")
    for reason in report.unread:
        console.print(f"[yellow]{escape(reason)}[/]")
    if report.unwritten:
        console.print(f"[yellow]{escape(f'no pictures: {report.unwritten}')}[/]")
    console.print()
    return summary


def show_ended_run(folder: Path, console: Console, pictures: bool = True) -> bool:
    """As `show_session`, with the lost frames and faults last; whether the session is complete.

    Raises:
        RecordingError: as there.
    """
    if found := troubles(show_session(folder, console, pictures)):
        console.print(f"[yellow]{found}[/]")
    return not unfinished(folder)


def troubles(summary: Summary) -> str:
    """Lost frames and faults of a run that ended all the same; empty if there are none."""
    found = []
    if summary.frames_dropped:
        found.append(f"{summary.frames_dropped} of {summary.frames_captured} frames lost")
    if summary.faults:
        found.append(f"{summary.faults} fault{'s' if summary.faults > 1 else ''} recorded")
    return f"But: {', '.join(found)} (see above)." if found else ""


def too_slow(name: str, camera: CameraSummary) -> str:
    """A sentence on frames without a pose because the network was busy; empty if they were few."""
    if camera.poses_dropped <= _MANY_LEFT_OUT * camera.frames_captured:
        return ""
    inference = camera.latency_ms.inference.p50
    took = f"inference takes {inference:.0f} ms (median)" if inference is not None else "no pose was measured"
    every = f", and a frame arrives every {1000 / camera.fps:.0f} ms" if camera.fps else ""
    return (
        f"{name}: the pose node left out {camera.poses_dropped} of {camera.frames_captured} frames, busy with earlier "
        f"ones: {took}{every}. See docs/how-to/troubleshooting.md."
    )


def lost_before_pose(name: str, camera: CameraSummary) -> str:
    """A sentence on frames that never reached the pose node; empty if all did."""
    if not camera.poses_lost:
        return ""
    return (
        f"{name}: {camera.poses_lost} of {camera.frames_captured} frames got lost on the way to the pose node, and it "
        f"left out {camera.poses_dropped} that came. See docs/how-to/several-hosts.md."
    )


def no_animal(name: str, camera: CameraSummary) -> str:
    """A sentence on a camera that never saw an animal; empty if it did, or if no network looked for one."""
    text = nowhere(Found(camera.frames_with_pose, camera.best_confidence), camera.poses)
    return f"{name}: {text} See docs/how-to/troubleshooting.md." if text else ""


def lost(name: str, camera: CameraSummary, offline: bool = False) -> str:
    """A sentence on frames that are not in the recording; empty if all are."""
    if not camera.frames_dropped:
        return ""
    if offline:
        return (
            f"{name}: {camera.frames_dropped} of {camera.frames_captured} frames are lost and have no pose. The faults "
            "in events.csv say which and why. See docs/how-to/troubleshooting.md."
        )
    return (
        f"{name}: {camera.frames_dropped} of {camera.frames_captured} frames are not in the recording; the column "
        f"'dropped' of {name}.frames.csv shows where.{_posed(camera.poses_without_frame)} "
        "See docs/how-to/troubleshooting.md."
    )


def _posed(poses: int) -> str:
    return f" {poses} of them had poses, which are in the bag." if poses else ""


def fault_lines(events: pd.DataFrame, start: int) -> list[str]:
    """The session's faults with their times; equal ones are listed once."""
    faults = events[events["kind"] == FAULT]
    lines: dict[str, list[float]] = {}
    for stamp, name, values in zip(faults["stamp_ns"], faults["name"], faults["values"], strict=True):
        about = json.loads(values or "{}")
        text = about.get("text") or about.get("reason") or ""
        lines.setdefault(f"{name}: {text}" if text else str(name), []).append((int(stamp) - start) / 1e9)
    return [
        f"{seconds[0]:8.1f} s  {text}" + (f" ({len(seconds)} times)" if len(seconds) > 1 else "")
        for text, seconds in lines.items()
    ]


def unfinished(folder: Path) -> str:
    """A sentence on why a session is incomplete; empty if it is complete."""
    about = read_session(folder)
    if silent := about.get("without_frames"):
        cameras = f"camera {silent[0]}" if len(silent) == 1 else f"cameras {', '.join(silent)}"
        return (
            f"Not a single frame came from {cameras}: this session is not complete. See the messages above; "
            "`dlstream check RIG --devices` opens each camera once."
        )
    if about.get("error"):
        return f"The recording stopped early: {about['error']}"
    if not about.get("complete"):
        return f"The recorder was killed before it finished: 'dlstream recover {folder}' completes the session."
    return ""


def _frames(summary: Summary, depth: Collection[str] = ()) -> Table:
    """`depth`: cameras in whose images nobody looks for poses."""
    table = _table("Frames", "camera", "captured", "recorded", "lost", "with pose", "without", "fps")
    for name, camera in summary.cameras.items():
        lost = str(camera.frames_dropped)
        without = camera.frames_recorded - camera.frames_with_pose
        table.add_row(
            name,
            str(camera.frames_captured),
            str(camera.frames_recorded),
            f"[red]{lost}[/]" if camera.frames_dropped else lost,
            *(("-", "-") if name in depth else (str(camera.frames_with_pose), str(without))),
            _number(camera.fps),
        )
    return table


def _latencies(summary: Summary) -> Table:
    table = _table("Latency, ms", "way", "p50", "p95", "p99", "max", "n")
    for name, label in HOPS.items():
        hop: Percentiles = getattr(summary.latency_ms, name)
        if hop.n:
            figures = (_number(value) for value in (hop.p50, hop.p95, hop.p99, hop.max))
            table.add_row(label, *figures, str(hop.n))
    return table


def tracking_errors(cameras: Mapping[str, CameraSummary]) -> Table:
    """The tracking error of each keypoint; of several cameras each row names its own."""
    table = _table("Tracking error, px, against the ground truth", "keypoint", "mean", "median", "p95", "n")
    for camera, about in cameras.items():
        found = about.tracking_error
        if found is None:
            continue
        of = f"{camera} " if len(cameras) > 1 else ""
        for name, errors in [*found.per_keypoint.items(), ("all", found)]:
            table.add_row(
                escape(f"{of}{name}"), _number(errors.mean), _number(errors.median), _number(errors.p95), str(errors.n)
            )
    return table


def _stimuli(found: pd.DataFrame) -> Table:
    table = _table("Stimuli", "trigger", "output", "real", "s", "sham", "s")
    for row in found.to_dict("records"):
        table.add_row(
            escape(str(row["trigger"]) or "none"),
            escape(str(row["output"])),
            str(row["real"]),
            f"{row['real_seconds']:.1f}",
            str(row["sham"]),
            f"{row['sham_seconds']:.1f}",
        )
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, min_width=72)
    table.add_column(first, min_width=28)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
