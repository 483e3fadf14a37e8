"""`dlstream check --machine`."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from dlstream.bench.machine import findings
from dlstream.bench.wakes import measure_wakes


def show_machine(console: Console) -> None:
    """Prints what of this computer may make a loop late, and what to do about it."""
    console.print("This computer, as far as it may make a loop late (docs/how-to/real-time.md):")
    found = findings(measure_wakes())
    for one in found:
        console.print(f"  {one.name:<20} {escape(one.found)}", soft_wrap=True)
        if one.advice:
            console.print(f"  {'':<20} [yellow]warning:[/] {escape(one.advice)}", soft_wrap=True)
    count = sum(bool(one.advice) for one in found)
    console.print(f"{count} warning{'' if count == 1 else 's'}." if count else "Nothing to change.")
