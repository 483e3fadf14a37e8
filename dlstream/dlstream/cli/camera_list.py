"""`dlstream camera list`: every connected camera, and what is missing to see more."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dlstream_camera.connected import connected


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
