"""`dlstream bench RIG` and `dlstream recording test RIG`."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from dlstream.console import make_console
from dlstream_common import DlstreamError

if TYPE_CHECKING:
    from dlstream.rig.file import Rig

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
    """Run a rig for 3,000 poses: is this machine fast enough? Its outputs only log, so that nothing is switched on."""
    from dlstream.bench.figures import figures_of
    from dlstream.bench.rigs import to_bench
    from dlstream.bench.words import show_figures

    with ExitStack() as stack:
        session = _run(stack, rig, to_bench, keep, change, allow_python, poses=frames)
        figures = figures_of(session)
        show_figures(figures, make_console())
    raise typer.Exit(0 if len(figures.busy) else 1)


@recording.command(name="test")
def try_recording(
    rig: RigFile,
    seconds: Annotated[float, typer.Option(min=1, help="How long to record.")] = 10.0,
    keep: Keep = None,
    change: Change = None,
) -> None:
    """Record only the rig's cameras, then read the videos: is every frame in them? Exits with 1 if not."""
    from dlstream.bench.recording import check_recording, until_full
    from dlstream.bench.rigs import to_record

    console = make_console()
    with ExitStack() as stack:
        session = _run(stack, rig, to_record, keep, change, False, seconds=seconds)
        found = list(check_recording(session))
        for camera in found:
            console.print(f"[{'default' if camera.fine else 'bold red'}]{escape(camera.text)}[/]")
        if full := until_full(found, session):
            console.print(escape(full))
    raise typer.Exit(0 if found and all(camera.fine for camera in found) else 1)


def _run(
    stack: ExitStack,
    file: Path,
    changed: Callable[[Rig, Path], Rig],
    keep: Path | None,
    change: list[str] | None,
    allow_python: bool,
    seconds: float = 0.0,
    poses: int = 0,
) -> Path:
    """Runs the changed rig in a ROS domain of its own; its session, which is removed at the end unless it is kept.

    Raises:
        DlstreamError: it can't be run, or recorded nothing.
    """
    from dlstream.bench.rigs import bench_folder
    from dlstream.cli.warning_printer import WarningPrinter
    from dlstream.rig.check import check_rig, checked_rig
    from dlstream.rig.overrides import overrides_of
    from dlstream.run.command import run_rig
    from dlstream.run.environment import private_domain
    from dlstream_recorder import disk_of

    console = make_console()
    overrides = overrides_of(changes=change or ())
    rig, path = checked_rig(file, allow_python, WarningPrinter(console), overrides)
    folder = (keep or stack.enter_context(bench_folder(rig))).absolute()
    rig = changed(rig, folder)
    check_rig(rig, path, overrides=overrides)
    place = folder if keep else folder.parent
    console.print(escape(f"this session is written to {place}, on the disk {disk_of(place)}"))
    os.environ.update(stack.enter_context(private_domain()))
    outcome = run_rig(rig, path, console, seconds, poses=poses)
    if outcome.session is None or not (outcome.session / "session.json").exists():
        raise DlstreamError("nothing was recorded; see the messages above")
    return outcome.session
