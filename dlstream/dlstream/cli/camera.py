"""The command line's group `camera`: list, test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlstream.console import make_console

camera = typer.Typer(help="Cameras: list what is connected, try one.", no_args_is_help=True)


@camera.command(name="list")
def list_cameras() -> None:
    """List every connected camera by kind, with its serial number, and the libraries that are missing."""
    from dlstream.cli.camera_list import show_cameras

    show_cameras(make_console())


@camera.command(name="test")
def try_cameras(
    what: Annotated[
        str,
        typer.Argument(
            metavar="NAME|RIG",
            help="A rig file; or a kind of camera, such as basler; or a serial number that `camera list` shows.",
            show_default=False,
        ),
    ],
    keys: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Keys of the camera, such as fps=50; for a rig none."),
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--camera", help="Only this camera of the rig.")] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Seconds to read; with --frames, to wait for each frame.")
    ] = 5.0,
    frames: Annotated[
        int,
        typer.Option(min=0, help="Read this many frames, however long that takes; bad if fewer come. 0: any number."),
    ] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path(),
) -> None:
    """Try a camera without the rest of the rig: a picture, rate, jitter, losses; exit code 1 if it is bad.

    This is DeepLabStream's camera test. All cameras of a rig are tried at once, as they will run.
    """
    from dlstream.cli.camera_trial import show_trials

    good = show_trials(what, keys or [], only or [], seconds, frames, out, make_console())
    raise typer.Exit(0 if good else 1)
