"""The command line: `dlstream run`, `check`, `analyze`, `track`, `sessions` and all others."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from dlstream import __version__
from dlstream.cli import bench, offline, remote
from dlstream.cli.camera import camera
from dlstream.cli.experiment import experiment
from dlstream.cli.firmware import firmware
from dlstream.cli.latency import latency
from dlstream.cli.network import network
from dlstream.cli.output import by_hand
from dlstream.cli.panel import panel
from dlstream.cli.secure import secure
from dlstream.cli.sessions import export, sessions
from dlstream.cli.track import track
from dlstream.console import make_console, print_nowhere, show_line
from dlstream_common import DlstreamError, InputError, masked
from dlstream_common.plain_text import without_controls

app = typer.Typer(
    name="dlstream",
    help="Closes the loop between a camera, the posture of an animal and the equipment of an experiment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(camera, name="camera")
app.add_typer(firmware, name="firmware")
app.add_typer(network, name="network")
app.add_typer(by_hand, name="output")
app.add_typer(experiment, name="experiment")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Options before the command."""


HostName = Annotated[
    str,
    typer.Option(
        "--host", metavar="NAME", help="Which of the rig's hosts this is; its first by default.", show_default=False
    ),
]
RigFile = Annotated[Path, typer.Argument(help="The rig file (YAML).", show_default=False)]
AllowPython = Annotated[
    bool, typer.Option("--allow-python", help="Import the Python files that the experiment file names.")
]
Namespace = Annotated[
    str | None,
    typer.Option(help="Namespace of the rig's nodes and topics, in place of the file's.", show_default=False),
]
Subject = Annotated[
    str, typer.Option(help="The animal's name: session.subject of the rig file, or which of its session.subjects.")
]
Note = Annotated[list[str] | None, typer.Option(help="A note for the session; may be repeated.", show_default=False)]
Change = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Another value for a key of the rig file, such as cameras.top.fps=60; paths start from the rig file. May "
        "be repeated.",
        show_default=False,
    ),
]
WithPanel = Annotated[bool, typer.Option("--panel", help="Serve the panel, a page with everything in a browser.")]
Session = Annotated[Path, typer.Argument(help="A session folder.", show_default=False)]


@app.command()
def run(
    rig: RigFile,
    seconds: Annotated[float, typer.Option(min=0, help="Stop after this many seconds; 0: as the rig file says.")] = 0.0,
    status: Annotated[float, typer.Option(min=0, help="Seconds between status lines; 0: none.")] = 5.0,
    local: Annotated[bool, typer.Option(help="Use a ROS domain of its own, on this machine only.")] = False,
    host: HostName = "",
    namespace: Namespace = None,
    subject: Subject = "",
    session: Annotated[str, typer.Option(help="Name of the session's folder.", show_default=False)] = "",
    note: Note = None,
    change: Change = None,
    panel: WithPanel = False,
    allow_python: AllowPython = False,
) -> None:
    """Run a rig until Ctrl-C, its end, or the failure of a required node.

    Exits with 0 if it ended as it was told to and its session is complete, also with lost frames or faults, which the
    last line counts; with 1 if a required node failed, the experiment ended with a fault or should have begun by itself
    and did not before the time or the video was over, or the session is incomplete.
    """
    from contextlib import ExitStack

    from dlstream.cli.summary import show_ended_run
    from dlstream.cli.warning_printer import WarningPrinter
    from dlstream.rig.check import checked_rig
    from dlstream.rig.file import with_panel
    from dlstream.rig.overrides import options_of, overrides_of
    from dlstream.run.command import run_rig
    from dlstream.run.environment import private_domain

    console = make_console(share=bool(host))
    overrides = overrides_of(subject, session, note or (), change or (), namespace)
    checked, file = checked_rig(rig, allow_python, WarningPrinter(console), overrides, host)
    if local and checked.hosts:
        raise DlstreamError(
            f"--local: this rig has parts on {', '.join(list(checked.hosts)[1:])}, which nothing would reach; "
            "expected a rig without hosts"
        )
    if panel:
        checked = with_panel(checked)
    checked.session.require_subject()
    if checked.recorder is not None and (known := checked.session.metadata().in_words()):
        show_line(console, "rig", f"recorded of this session: {known}")
    with ExitStack() as stack:
        if local:
            os.environ.update(stack.enter_context(private_domain()))
        options = [*options_of(overrides), *(["--allow-python"] if allow_python else [])]
        outcome = run_rig(checked, file, console, seconds, status, host=host, options=options)
    whole = outcome.session is None or show_ended_run(outcome.session, console, checked.pictures)
    if outcome.never_ran:
        console.print(f"[bold yellow]{escape(outcome.never_ran)}[/]")
    raise typer.Exit(outcome.exit_code or (0 if whole else 1))


@app.command()
def check(
    rig: Annotated[
        Path | None, typer.Argument(help="The rig file (YAML); may be left out with --machine.", show_default=False)
    ] = None,
    devices: Annotated[
        bool,
        typer.Option("--devices", help="Also open each camera and output once, all off, and read frames."),
    ] = False,
    hosts: Annotated[
        bool,
        typer.Option("--hosts", help="Also check the rig's other hosts by ssh: starts commands that the file names."),
    ] = False,
    machine: Annotated[
        bool, typer.Option("--machine", help="Also look at what of this computer may make a loop late; takes 2 s.")
    ] = False,
    host: HostName = "",
    namespace: Namespace = None,
    change: Change = None,
    allow_python: AllowPython = False,
) -> None:
    """Check a rig file and every file it names, without starting anything.

    With --devices also what is plugged in, with --hosts also the other hosts, with --machine also the computer.
    """
    from dlstream.cli.warning_printer import WarningPrinter
    from dlstream.rig.check import checked_rig
    from dlstream.rig.nodes import rig_nodes
    from dlstream.rig.overrides import options_of, overrides_of

    console = make_console()
    if machine:
        from dlstream.cli.machine import show_machine

        show_machine(console)
    if rig is None:
        if machine:
            return
        raise DlstreamError("check: found no rig file; expected one, such as dlstream check rig.yaml, or --machine")
    warnings = WarningPrinter(console)
    overrides = overrides_of(changes=change or (), namespace=namespace)
    checked, path = checked_rig(rig, allow_python, warnings, overrides, host)
    console.print(
        f"[green]{escape(str(path))} is valid.[/][yellow]{warnings.in_words}[/] Its nodes start in this order:"
    )
    for spec in rig_nodes(checked, path):
        for node in spec.nodes:
            where = "  in the shared process" if spec.members else ""
            where += f"  on {spec.host}" if spec.host else ""
            console.print(f"  {node.full_name:<24} {node.package} {node.executable}{where}")
    if checked.outputs:
        console.print("What happens to an output that is on when its node's computer dies:")
    for name, output in checked.outputs.items():
        fate = output.without_computer()
        warning = "" if fate.ends else "[yellow]warning:[/] "
        console.print(f"  {name:<24} {warning}{escape(fate.text)}")
    bad = 0
    if checked.hosts:
        from dlstream.cli.hosts import show_hosts

        options = [*options_of(overrides), *(["--allow-python"] if allow_python else [])]
        bad = show_hosts(checked, path, host, [*options, *(["--devices"] if devices else [])], console, hosts)
    if devices:
        from dlstream.cli.devices import show_devices

        bad += show_devices(checked, path, console, host)
    raise typer.Exit(min(bad, 1))


@app.command()
def demo(
    seconds: Annotated[
        float | None, typer.Option(min=5, help="Seconds to run: 20, with --panel until Ctrl-C.", show_default=False)
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Open a window with the overlay, and one for the stimulus.")
    ] = False,
    panel: WithPanel = False,
) -> None:
    """Run the demo: a synthetic animal, a real network, the example experiment, a session."""
    from dlstream.cli.demo import run_demo

    raise typer.Exit(run_demo((0.0 if panel else 20.0) if seconds is None else seconds, show, make_console(), panel))


@app.command()
def report(
    session: Session,
    video: Annotated[
        bool, typer.Option("--video", help="Also write a video with poses, regions, state, triggers and outputs.")
    ] = False,
) -> None:
    """Summarise a session again: figures, latency plot, overlay picture; with --video an annotated video."""
    from dlstream.cli.summary import show_session
    from dlstream.offline.kinds import refuse_sessions

    console = make_console()
    refuse_sessions(session, "report")
    show_session(session, console)
    if video:
        from dlstream.offline.session_video import write_session_videos

        for path in write_session_videos(session, console):
            console.print(escape(str(path)))


@app.command()
def recover(session: Session) -> None:
    """Finish a session whose recorder was killed: tables, bag index, summary."""
    from dlstream.cli.summary import show_session
    from dlstream_recorder import recover as recover_session

    recover_session(session)
    show_session(session, make_console())


for _command in (remote.start, remote.stop, remote.mark, remote.note, remote.status):
    app.command()(_command)
app.command()(bench.bench)
app.add_typer(bench.recording, name="recording")
app.command()(latency)
app.command()(panel)
app.command()(offline.analyze)
app.command()(offline.replay)
app.command()(track)
app.command()(sessions)
app.command()(export)
app.command()(secure)


@app.command(name="import")
def import_settings(
    settings: Annotated[Path, typer.Argument(help="DeepLabStream's settings.ini.", show_default=False)],
    experiment: Annotated[
        Path | None, typer.Argument(help="The experiment's .ini, from experiments/configs.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the rig file and the experiment file.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Import a DeepLabStream setup and list what could not be imported; exits with 1 if its experiment could not."""
    from dlstream.importing.convert import import_setup

    done = import_setup(settings, experiment, out, force, make_console())
    raise typer.Exit(1 if done.lacking else 0)


@app.command()
def parts(
    kind: Annotated[str | None, typer.Argument(help="A kind, such as sources or outputs.", show_default=False)] = None,
    name: Annotated[str | None, typer.Argument(help="A part; its keys are listed.", show_default=False)] = None,
) -> None:
    """List cameras, outputs, triggers and other parts, with their packages and missing libraries."""
    from dlstream.cli.parts import show_parts

    show_parts(kind, name, make_console())


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def main() -> int:
    """Runs the command line; an error that the user can fix is shown as its message, with exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # names of files may be no UTF-8
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    except KeyboardInterrupt:
        return 130
    except InputError as error:
        console = make_console()
        if not console.is_terminal:
            console.print(escape(str(error)))  # each line begins with FILE:LINE, as editors jump to
            return 1
        from dlstream.authoring.explain import show_problems

        show_problems(error, console)
        return 1
    except DlstreamError as error:
        _show_error(str(error))
        return 1
    except OSError as error:
        if not error.strerror:
            raise
        _show_error(error.strerror if error.filename is None else f"{error.filename}: {error.strerror}")
        return 1
    except ModuleNotFoundError as error:
        name = error.name or ""
        if _is_of_ros(name):
            lacking = f"this command needs ROS 2, but Python found no module '{name}'."
            way = "Run .venv/bin/dlstream after `make setup`, or source ROS 2 and the workspace's install/setup.bash."
        elif not name or name.startswith("dlstream"):
            raise
        else:
            lacking = f"this command needs the library {name.partition('.')[0]}, which this Python does not have."
            way = "`make setup` installs it; on an installed ROS 2: docs/how-to/ros2.md."
        _show_error(f"{lacking} {way}")
        return 1
    return 0


def _show_error(text: str) -> None:
    """Shows why a command has ended; on the standard error where the output is what can't be written."""
    try:
        make_console().print(f"[bold red]dlstream:[/] {escape(text)}")
    except OSError:
        with suppress(OSError):
            print_nowhere()
            print(f"dlstream: {without_controls(masked(text))}", file=sys.stderr)


def _is_of_ros(module: str) -> bool:
    top = module.partition(".")[0]
    return top.endswith(("_msgs", "_interfaces")) or top in ("rclpy", "ament_index_python", "domain_coordinator")
