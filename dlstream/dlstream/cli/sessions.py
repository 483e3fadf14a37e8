"""The commands `dlstream sessions` and `dlstream export`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from dlstream.console import make_console
from dlstream_common import DlstreamError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlstream_recorder.session.archive import SessionInfo


def sessions(
    folder: Annotated[Path, typer.Argument(help="A folder with sessions in it, or in its folders.")] = Path("sessions"),
    subject: Annotated[str, typer.Option(help="Only this subject's; * and ? stand for any letters.")] = "",
    date: Annotated[str, typer.Option(help="Only of this day, month or year, or FROM..TO: 2026-11-22.")] = "",
    network: Annotated[str, typer.Option(help="Only with this network: its file, or its SHA-256.")] = "",
    experiment: Annotated[str, typer.Option(help="Only of this experiment; * and ? stand for any letters.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print all that is known, as JSON.")] = False,
) -> None:
    """List sessions and search them by subject, date, network and experiment; with totals."""
    from dlstream_recorder.session.archive import Search, SessionInfo, find_sessions, totals

    try:
        search = Search(subject, date, network, experiment)
    except ValueError as error:
        raise DlstreamError(f"--{error}") from error
    found: list[SessionInfo] = []
    unreadable = []
    for item in find_sessions(folder):
        if not isinstance(item, SessionInfo):
            unreadable.append(str(item))
        elif search.fits(item):
            found.append(item)
    if as_json:
        contents = {"sessions": [item.as_dict() for item in found], "totals": totals(found), "unreadable": unreadable}
        print(json.dumps(contents, indent=2, ensure_ascii=False))
    else:
        _show(found, unreadable, folder, make_console())
    raise typer.Exit(1 if unreadable else 0)


def export(
    session: Annotated[Path, typer.Argument(help="A session folder.", show_default=False)],
    csv: Annotated[bool, typer.Option("--csv", help="Plain tables: poses, events, trials, stimuli.")] = False,
    nwb: Annotated[bool, typer.Option("--nwb", help="Neurodata Without Borders; needs pynwb and ndx-pose.")] = False,
    sleap: Annotated[bool, typer.Option("--sleap", help="SLEAP's file (.slp); needs sleap-io.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="The folder for it; default: SESSION/export.", show_default=False)
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(help="What the session does not say, such as subject.age=P90D; may be repeated."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an earlier export.")] = False,
) -> None:
    """Write a session in the formats of other tools."""
    from dlstream.offline.kinds import refuse_sessions
    from dlstream_recorder.export.export import FORMATS, export_session

    wanted = [name for name, given in zip(FORMATS, (csv, nwb, sleap), strict=True) if given]
    if not wanted:
        raise DlstreamError("no format: give at least one of --csv, --nwb and --sleap")
    refuse_sessions(session, " ".join(("export", *(f"--{name}" for name in wanted))))
    console = make_console()

    def say(text: str) -> None:
        console.print(f"[yellow]{escape(text)}[/]")

    for path in export_session(session, wanted, out or session / "export", force, metadata or [], say):
        console.print(escape(str(path)))


def _show(found: Sequence[SessionInfo], unreadable: Sequence[str], folder: Path, console: Console) -> None:
    from dlstream_recorder.session.archive import totals

    table = Table(box=None, pad_edge=False)
    for name in ("started", "subject", "experiment", "network"):
        table.add_column(name, no_wrap=True)
    for name in ("length", "frames", "lost", "commands", "faults"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("session", no_wrap=True)
    for item in found:
        state = "" if item.state in ("complete", "recovered") else f" [red]({item.state})[/]"
        kind = " (analysis)" if item.offline else ""
        where = item.folder.relative_to(folder) if item.folder.is_relative_to(folder) else item.folder
        table.add_row(
            item.created[:16].replace("T", " ") if item.dated else "-",
            escape(item.subject or "-"),
            escape(item.experiment or "-"),
            escape(", ".join(Path(file).stem for file in item.networks) or "-"),
            _length(item.seconds),
            *(_count(value) for value in (item.frames, item.lost, item.commands, item.faults)),
            escape(str(where)) + kind + state,
        )
    if found:
        wide = Measurement.get(console, console.options.update_width(1000), table).maximum
        console.width = max(wide, console.width)
        console.print(table)
    total = totals(found)
    subjects = f" of {total['subjects']} subject{'' if total['subjects'] == 1 else 's'}" if total["subjects"] else ""
    line = (
        f"{total['sessions']} session{'' if total['sessions'] == 1 else 's'}{subjects}, {_length(total['seconds'])}, "
    )
    line += f"{total['frames']} frames, {total['lost']} lost"
    if total["analyses"]:
        line += f"; {total['analyses']} analys{'i' if total['analyses'] == 1 else 'e'}s"
    console.print(f"[bold]{line}[/]")
    for problem in unreadable:
        console.print(f"[red]{escape(problem)}[/]")


def _length(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)
