"""`dlstream experiment check`, `new`, `templates`, `schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from dlstream.console import DiscreetConsole

experiment = typer.Typer(help="Experiment files: check and explain one, write a new one.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="The experiment file (YAML).", show_default=False)]
AllowPython = Annotated[
    bool, typer.Option("--allow-python", help="Import the Python files that the experiment file names.")
]


@experiment.command()
def check(
    file: File,
    rig: Annotated[Path | None, typer.Option(help="The rig file it will run on: cameras, outputs, network.")] = None,
    network: Annotated[Path | None, typer.Option(help="The network (.onnx) that finds its keypoints.")] = None,
    frame: Annotated[
        Path | None, typer.Option(help="A picture or video from the camera; regions are drawn on it.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the pictures: states and regions.")] = None,
    allow_python: AllowPython = False,
) -> None:
    """Check an experiment file, explain it in words, and draw its states and regions."""
    from dlstream.authoring.explain import Known, check_file, show_problems
    from dlstream.rig.kinds import no_experiment
    from dlstream_common import DlstreamError, InputError

    console = text_console()
    try:
        known = Known.of(rig, network, frame)
        check_file(file, known, out if out is not None or frame is None else Path(), console, allow_python)
    except InputError as error:
        if other := no_experiment(file):
            raise DlstreamError(other) from error
        show_problems(error, console)
        raise typer.Exit(1) from error


@experiment.command()
def new(
    file: Annotated[Path | None, typer.Argument(help="The file to write; asked for if omitted.")] = None,
    template: Annotated[str, typer.Option(help="Start from one of `dlstream experiment templates`.")] = "",
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a value without being asked, e.g. camera=top."),
    ] = None,
    rig: Annotated[
        Path | None, typer.Option(help="The rig file it will run on; its cameras and outputs are offered.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write an experiment file: answer questions, or use --template and --set."""
    from dlstream.authoring.wizard import write_new

    write_new(file, template, values or [], rig, force, text_console())


@experiment.command()
def templates() -> None:
    """List the included experiments."""
    from dlstream.authoring.wizard import show_templates

    show_templates(text_console())


@experiment.command()
def schema(
    kind: Annotated[str, typer.Argument(help="experiment or rig.")] = "experiment",
    out: Annotated[Path | None, typer.Option(help="The file to write; default: print it.")] = None,
) -> None:
    """Print the JSON schema with which editors complete and check the files."""
    from dlstream.rig.schema import SCHEMAS, schema_text
    from dlstream_common import DlstreamError, suggest

    if kind not in SCHEMAS:
        raise DlstreamError(f"schema '{kind}': expected one of {', '.join(SCHEMAS)}. {suggest(kind, list(SCHEMAS))}")
    if out is None:
        print(schema_text(kind), end="")
    else:
        out.write_text(schema_text(kind), encoding="utf-8")


def text_console() -> Console:
    """A console that wraps text at words: at the terminal's width, but at 100 columns at most."""
    console = DiscreetConsole(highlight=False)
    return DiscreetConsole(highlight=False, width=min(console.width, 100)) if console.is_terminal else console
