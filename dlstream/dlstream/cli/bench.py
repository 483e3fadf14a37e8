"""`dlstream bench RIG` and `dlstream recording test RIG`."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dlstream.console import make_console
from dlstream_common import DlstreamError

if TYPE_CHECKING:
    from dlstream.bench.figures import Figures

recording = typer.Typer(help="Recordings: test whether this machine writes every frame.", no_args_is_help=True)

RigFile = Annotated[Path, typer.Argument(help="The rig file (YAML).", show_default=False)]
Keep = Annotated[
    Path | None, typer.Option(help="Keep the session in this folder; default: it is removed.", show_default=False)
]
Change = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="As for `dlstream run`; may be repeated.", show_default=False),
]
AllowPython = Annotated[
    bool, typer.Option("--allow-python", help="Import the Python files that the experiment file names.")
]


def bench(
    rig: RigFile,
    frames: Annotated[int, typer.Option(min=20, help="Poses to measure; Ctrl-C measures what has come.")] = 3000,
    keep: Keep = None,
    change: Change = None,
    allow_python: AllowPython = False,
) -> None:
    """Run a rig for 3,000 poses and say whether this machine is fast enough. Outputs only log: nothing is switched on."""
    from dlstream.bench.rigs import to_bench
    from dlstream.rig.file import Rig

    def measured(checked: Rig, folder: Path) -> Rig:
        return to_bench(checked, folder)

    with ExitStack() as stack:
        figures = _run(stack, rig, measured, keep, change, allow_python, poses=frames)
        _show(figures)
    raise typer.Exit(0 if len(figures.busy) else 1)


@recording.command(name="test")
def test_recording(
    rig: RigFile,
    seconds: Annotated[float, typer.Option(min=1, help="How long to record.")] = 10.0,
    keep: Keep = None,
    change: Change = None,
) -> None:
    """Record the rig's cameras alone, and read the videos again: is every frame in them? Exits with 1 if not."""
    from dlstream.bench.recording import check_recording
    from dlstream.bench.rigs import to_record

    console = make_console()
    with ExitStack() as stack:
        figures = _run(stack, rig, to_record, keep, change, False, seconds=seconds)
        del figures
        folder = stack.session  # type: ignore[attr-defined]
        fine = True
        for camera in check_recording(folder):
            fine = fine and camera.fine
            console.print(f"[{'default' if camera.fine else 'bold red'}]{escape(camera.text)}[/]")
    raise typer.Exit(0 if fine else 1)
