"""The command `dlstream track`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlstream.console import make_console


def track(
    videos: Annotated[
        list[Path],
        typer.Argument(
            metavar="VIDEO...", help="Videos, folders of videos or of images, sessions.", show_default=False
        ),
    ],
    network: Annotated[Path, typer.Option(help="The network (.onnx).", show_default=False)],
    out: Annotated[Path, typer.Option(help="The folder for the results.")] = Path("tracked"),
    scale: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=8, help="Size of the network's images relative to the video's; default: as its file says."
        ),
    ] = None,
    fps: Annotated[float, typer.Option(min=0, help="Frames per second, instead of the files' own times.")] = 0.0,
    engine: Annotated[str, typer.Option(help="What runs the network; `dlstream parts engine` lists them.")] = "auto",
    threads: Annotated[
        int,
        typer.Option(min=0, help="Cores for the network, each with a frame of its own; 0: all, with --scheduler 1."),
    ] = 0,
    annotate: Annotated[bool, typer.Option(help="Write a video with the poses drawn in it.")] = True,
    pictures: Annotated[bool, typer.Option(help="Draw trajectory and occupancy.")] = True,
    sleap: Annotated[bool, typer.Option("--sleap", help="Write SLEAP's file (.slp) as well; needs sleap-io.")] = False,
    scheduler: Annotated[
        str, typer.Option(help="Address of a Dask scheduler, such as tcp://host:8786, to use its workers.")
    ] = "",
) -> None:
    """Find the poses in videos; writes DeepLabCut's tables. What is complete is not done again."""
    from dlstream.offline.track.run import make_settings, show_summary
    from dlstream.offline.track.run import track as run

    console = make_console()
    settings = make_settings(network, scale, fps, engine, threads, out, annotate, pictures, sleap, console)
    try:
        outcomes = run(videos, settings, console, scheduler)
    except KeyboardInterrupt:
        console.print("[yellow]stopped: the same command goes on with the video that was interrupted[/]")
        raise
    show_summary(outcomes, out, console)
    raise typer.Exit(1 if any(outcome.state == "failed" for outcome in outcomes) else 0)
