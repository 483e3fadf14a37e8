"""The commands for a rig that is running: `dlstream start | stop | mark | note | status`.

Exit codes: 0 it is done (status: all is well), 1 it could not be done (status: something is wrong), 3 no rig is
running, or several are and none was named.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from dlstream.console import make_console
from dlstream.remote.errors import NoAnswerError
from dlstream_common import DlstreamError, event_kinds, now
from dlstream_common.lateness import uptime

if TYPE_CHECKING:
    from dlstream.remote.link import Link
    from dlstream.run.registry import RunningRig

_NO_RIG = 3
_FIRST_WORD = 4.0
"""Seconds for which a node, which says something once a second, is waited for."""

WhichRig = Annotated[
    str,
    typer.Option("--rig", help="Which rig, if several run: its name, namespace, file or process.", show_default=False),
]
Text = Annotated[str, typer.Argument(help="What happened.", show_default=False)]


def start(
    rig: WhichRig = "",
    subject: Annotated[
        str, typer.Option(help="With `start: service` of the recorder: the animal of this session.", show_default=False)
    ] = "",
    session: Annotated[str, typer.Option(help="With `start: service`: the folder's name.", show_default=False)] = "",
    note: Annotated[str, typer.Option(help="With `start: service`: a note for the session.", show_default=False)] = "",
) -> None:
    """Start the experiment of the running rig; with `start: service` of the recorder, first a session.

    Exits with 1 if it did not start, 3 if no rig is running.
    """
    found = find_running(rig)
    told = {"subject": subject, "notes": note}
    metadata = {key: value for key, value in told.items() if value}
    by_service = found.records == "service"
    if (metadata or session) and not by_service:
        raise DlstreamError(
            "--subject, --session, --note: this rig records without being asked; expected `start: service` of its "
            "recorder. Give them to `dlstream run`, and use `dlstream note`"
        )
    if not found.has_experiment and not by_service:
        raise DlstreamError(f"rig '{found.name}' has no experiment to start, and records by itself")
    with link_to(found) as link:
        if by_service and not _recording(link):
            _say(f"recording to {link.start_recording(session, metadata)}")
        elif metadata or session:
            raise DlstreamError(f"a session is being recorded already: {_recording(link)}. Stop it first")
        if found.has_experiment:
            link.trigger("/experiment/start")
            _say(f"the experiment of rig '{found.name}' has started")


def stop(
    rig: WhichRig = "",
    everything: Annotated[
        bool, typer.Option("--all", help="End the whole rig, as Ctrl-C does, and wait for it.")
    ] = False,
) -> None:
    """Stop the experiment of the running rig: its outputs go off. With `start: service` also the session.

    Exits with 1 if nothing was running in it, 3 if no rig is running.
    """
    found = find_running(rig)
    if everything:
        _end(found)
        return
    errors = []
    stopped = unknown = False
    with link_to(found) as link:
        if found.has_experiment:
            try:
                link.trigger("/experiment/stop")
                stopped = True
                _say(f"the experiment of rig '{found.name}' was stopped; its outputs are being switched off")
            except DlstreamError as error:
                errors.append(str(error))
                unknown = isinstance(error, NoAnswerError)
        if found.records == "service" and (folder := _recording(link)):
            link.trigger(
                "/recorder/stop", lambda: _say("the recorder still writes what was waiting (Ctrl-C: don't wait)")
            )
            stopped = True
            _say(f"session {folder} is finished")
    if unknown or not stopped:
        raise DlstreamError("; ".join(errors) or f"rig '{found.name}' has no experiment; --all ends the whole rig")


def mark(text: Text, rig: WhichRig = "") -> None:
    """Mark this moment in the session of the running rig: an event `mark` with this name in events.csv.

    Exits with 1 if nothing is being recorded, 3 if no rig is running.
    """
    _tell(event_kinds.MARK, text.strip(), text, rig)


def note(text: Text, rig: WhichRig = "") -> None:
    """Write a note into the session of the running rig: an event `note` of `operator` in events.csv.

    Exits with 1 if nothing is being recorded, 3 if no rig is running.
    """
    _tell(event_kinds.NOTE, "operator", text, rig)


def status(rig: WhichRig = "") -> None:
    """Say how the running rig is: frame rates, poses, experiment, outputs, recorder, disk.

    Exits with 0 if all is well or the rig is ending, 1 if something is wrong, 3 if no rig is running.
    """
    from dlstream.remote.words import ENDED, SILENT, NodeState, status_lines
    from dlstream.run.registry import running_rigs

    found = find_running(rig)
    with link_to(found) as link:
        names = [found.own_name(name) for name in found.nodes]
        link.wait(lambda: {*names} <= {*link.diagnoses}, _FIRST_WORD)
        link.wait(lambda: link.status is not None or not found.has_experiment, 0.5)
        still = next(
            (one for one in running_rigs() if (one.pid, one.namespace) == (found.pid, found.namespace)), None
        )  # which may have begun to end
        ending = still is None or still.ending
        unheard = ENDED if ending else SILENT
        nodes = {
            name: NodeState(_level(item.level), item.message, link.values(name)) if item is not None else unheard
            for name, item in ((name, link.diagnoses.get(name)) for name in names)
        }
        counts = {pair.key: pair.value for pair in link.status.counts} if link.status is not None else {}
    console = make_console()
    about = f", {found.subject}" if found.subject else ""
    console.print(
        f"[bold]rig {escape(found.name)}[/]{escape(about)}: for {_duration(now() - found.since)}; {escape(found.file)}"
    )
    if ending:
        console.print("  the rig is ending")
    bad, wrong = False, ("error",) if ending else ("error", "stale", "silent")
    for line in status_lines(nodes, found.cameras, found.outputs, counts):
        bad = bad or line.level in wrong
        style = {"": "default", "warn": "yellow"}.get(line.level, "bold red")
        console.print(f"  {line.about:<18} [{style}]{escape(line.text)}[/]")
    raise typer.Exit(int(bad))


def find_running(name: str) -> RunningRig:
    """The running rig that is meant; ends the command with 3 where there is none."""
    from dlstream.run.registry import NoRigError, find_rig

    try:
        return find_rig(name)
    except NoRigError as error:
        make_console().print(f"[bold red]dlstream:[/] {escape(str(error))}")
        raise typer.Exit(_NO_RIG) from error


def link_to(rig: RunningRig) -> Link:
    """A connection to it."""
    from dlstream.remote.link import Link

    return Link(rig)


def _recording(link: Link) -> str:
    """The session that is being recorded; empty if none is."""
    link.wait(lambda: "/recorder" in link.diagnoses)
    return link.values("/recorder").get("session", "")


def _tell(kind: str, name: str, text: str, rig: str) -> None:
    stamp = _typed()
    if not text.strip():
        raise DlstreamError(f"{kind}: found an empty text; expected what happened")
    found = find_running(rig)
    if not found.records:
        raise DlstreamError(f"rig '{found.name}' has no recorder: nothing would be written")
    with link_to(found) as link:
        session = _recording(link)
        if not session:
            raise DlstreamError(f"the recorder of rig '{found.name}' is not recording: nothing was written")
        link.tell(kind, name, text, stamp)
    _say(f"{kind} in {session}: {text}")


def _typed() -> int:
    """When this command was entered, in nanoseconds since the epoch: when its process began, to 10 ms.

    Until it comes here, Python has loaded for up to a second or two. A shell that has waited may have become this
    process, as `bash -c "sleep 60; dlstream mark x"` does: it is older than its loading can have taken. Then, and where
    a system does not say, the processor time that the loading took is taken off.
    """
    loading = time.process_time_ns()
    try:
        began = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])  # field 22, of proc(5)
    except (OSError, ValueError, IndexError):
        return now() - loading
    age = max(0, uptime() - began * 1_000_000_000 // os.sysconf("SC_CLK_TCK"))
    return now() - (age if age < 2 * loading + 500_000_000 else loading)


def _end(rig: RunningRig) -> None:
    from dlstream.run.registry import running_rigs

    others = [other for other in running_rigs() if other.pid == rig.pid and other.namespace != rig.namespace]
    os.kill(rig.pid, signal.SIGINT)
    while any(other.pid == rig.pid for other in running_rigs()):
        time.sleep(0.1)
    _say(f"rig '{rig.name}' has ended")
    for other in others:
        _say(f"rig '{other.name}' (namespace {other.namespace}) has ended, too: both are of one `ros2 launch`")


def _level(level: bytes) -> str:
    return {0: "ok", 1: "warn", 2: "error", 3: "stale"}[level[0]]


def _duration(nanoseconds: int) -> str:
    seconds = max(0, nanoseconds // 1_000_000_000)
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _say(text: str) -> None:
    make_console().print(escape(text))
