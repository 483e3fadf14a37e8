"""`dlstream latency`."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from dlstream.console import make_console
from dlstream_common import DlstreamError


def latency(
    rig: Annotated[Path, typer.Argument(help="The rig file (YAML).", show_default=False)],
    output: Annotated[
        str, typer.Option(help="The output that is or switches the light; the only one if left out.")
    ] = "",
    camera: Annotated[str, typer.Option(help="The camera that sees it; the only one if left out.")] = "",
    light: Annotated[
        str,
        typer.Option("--input", help="The input of a board that sees the light, a photodiode; else a camera."),
    ] = "",
    action: Annotated[
        str, typer.Option(help="The action that switches it on; 'show' with the first image of a screen, else 'on'.")
    ] = "",
    value: Annotated[
        list[str] | None, typer.Option(help="A value of the action: --value image=white.", show_default=False)
    ] = None,
    region: Annotated[
        str, typer.Option(help="Where the light is, in pixels: X,Y,WIDTH,HEIGHT; else it is looked for.")
    ] = "",
    times: Annotated[int, typer.Option(min=1, max=100_000, help="Number of flashes.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the times between flashes.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for the table and the plot.", show_default=False)] = None,
    local: Annotated[bool, typer.Option(help="Use a ROS domain of its own, on this machine only.")] = False,
) -> None:
    """Measure the time from a decision to the light, and of the whole loop from light to light."""
    from dlstream.cli.warning_printer import WarningPrinter
    from dlstream.latency.command import Wanted, measure_latency
    from dlstream.rig.check import checked_rig
    from dlstream.run.environment import private_domain

    console = make_console()
    checked, file = checked_rig(rig, warn=WarningPrinter(console))
    wanted = Wanted(camera, output, light, action, _values(value or []), _region(region), times, seed)
    folder = out or Path("latency") / f"{time.strftime('%Y-%m-%dT%H-%M-%S')}_{checked.rig}"
    with ExitStack() as stack:
        if local:
            os.environ.update(stack.enter_context(private_domain()))
        raise typer.Exit(measure_latency(checked, file, wanted, folder, console))


def _values(pairs: list[str]) -> dict[str, str]:
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise DlstreamError(f"--value: found '{wrong[0]}'; expected NAME=VALUE, such as --value image=white")
    return dict(pair.split("=", 1) for pair in pairs)


def _region(text: str) -> list[int]:
    if not text:
        return []
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or min(numbers) < 0 or not (numbers[2] and numbers[3]):
        raise DlstreamError(
            f"--region: found '{text}'; expected X,Y,WIDTH,HEIGHT in pixels, such as --region 20,20,60,60"
        )
    return numbers
