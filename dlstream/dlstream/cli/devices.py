"""`dlstream check --devices`: what is plugged in, printed."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from dlstream.rig.devices import try_devices
from dlstream.rig.file import Rig
from dlstream.run.registry import running_rigs
from dlstream_common import DlstreamError


def show_devices(rig: Rig, file: Path, console: Console, host: str = "") -> int:
    """Opens the rig's devices and prints a line for each; 1 if one of them does not work.

    Args:
        host: whose devices are opened; empty: those of the main host, or of the only computer.

    Raises:
        DlstreamError: this rig is running: its devices are in use.
    """
    for other in running_rigs():
        if Path(other.file) == file:
            raise DlstreamError(
                f"rig '{other.name}' is running from this file (process {other.pid}), and has its devices open; "
                "expected none. Look at it with `dlstream status`"
            )
    console.print("Devices, each opened once; nothing is switched on:")
    bad = 0
    for found in try_devices(rig, host=host):
        label = f"{found.what} {found.name}"
        if found.problem:
            bad += 1
            console.print(f"  {label:<24} [bold red]does not work:[/] {escape(found.problem)}")
        else:
            console.print(f"  {label:<24} {escape(found.text)}")
        if found.doubt:
            console.print(f"  {'':<24} [yellow]warning:[/] {escape(found.doubt)}")
    if bad:
        console.print(f"[bold red]{bad} {'device does' if bad == 1 else 'devices do'} not work.[/]")
    return int(bad > 0)
