"""`dlstream camera list`: every connected camera, and what is missing to see more."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dlstream_camera import SOURCES
from dlstream_camera.sources import Device, FrameSource
from dlstream_common import DlstreamError
from dlstream_common.plugins import PartError, missing


def connected() -> Iterator[tuple[str, list[Device], str]]:
    """Each source that can list its devices, with these, or a sentence that says why it can't."""
    for name in SOURCES:
        try:
            kind = SOURCES.load(name)
        except PartError as error:
            yield name, [], str(error)
            continue
        if kind.devices.__func__ is FrameSource.devices.__func__:  # type: ignore[attr-defined]
            continue  # a video, a simulation: nothing to list
        lacking = missing(kind)
        if lacking:
            yield name, [], "; ".join(f"needs {what}: {how}" for what, how in lacking.items())
            continue
        try:
            yield name, list(kind.devices()), ""
        except (DlstreamError, OSError) as error:
            yield name, [], str(error)


def show_cameras(console: Console) -> None:
    """Prints the table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("source", "serial", "model", "interface"):
        table.add_column(title, no_wrap=True)
    remarks = []
    for name, devices, problem in connected():
        for device in devices:
            table.add_row(*map(escape, (device.source, device.serial, device.model, device.interface)))
        if problem:
            remarks.append(f"[yellow]{escape(name)}: {escape(problem)}[/]")
        elif not devices:
            remarks.append(f"[dim]{escape(name)}: none connected[/]")
    if table.row_count:
        console.print(table)
    for remark in remarks:
        console.print(remark)
    if table.row_count:
        console.print("Try one: dlstream camera test SERIAL")
