"""`dlstream replay SESSION`: the recorded inputs through the engine again, and whether it decides the same."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from itertools import dropwhile
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from dlstream.offline.experiments import other_experiment, recorded_experiment
from dlstream.offline.recorded import Recorded
from dlstream.offline.session_lines import Decision, event_log_of, journal_of, was_cut_off
from dlstream.offline.used_files import copy_warnings
from dlstream_common import DlstreamError
from dlstream_experiment import Experiment
from dlstream_experiment.journal.journal import Beginning, Entry, from_first_start
from dlstream_experiment.journal.replay import Difference, first_difference, replay
from dlstream_experiment.runtime.inputs import Poses, Start
from dlstream_recorder import DECISIONS, JOURNAL

_AROUND = 2
_SECOND = 1e9


def read_entries(session: Path, console: Console) -> list[Entry]:
    """The journal of a session from its first start on.

    Raises:
        DlstreamError: there is none, it has a gap, or no run in it has a start.
    """
    entries = journal_of(session)
    whole = list(from_first_start(entries))
    if not whole:
        raise DlstreamError(f"{session / JOURNAL}: found no start of a run in it; there is nothing to replay")
    if len(whole) < len(entries):
        skipped = len(entries) - len(whole)
        console.print(f"[yellow]The first {skipped} entries are skipped: the start of their run was not recorded.[/]")
    warnings = [copy_warnings(entry.beginning, session) for entry in whole if entry.beginning]
    for sentence in dict.fromkeys(sentence for sentences in warnings for sentence in sentences):
        console.print(f"[yellow]{escape(sentence)}[/]")
    return whole


def replay_session(
    session: Path, experiment: Path | None, out: Path | None, console: Console, allow_python: bool = False
) -> int:
    """Replays a session and reports whether its event log is the same byte for byte; 0 if it is, else 1.

    Args:
        experiment: another file, in place of the one that ran.
        out: where to write the event log of the replay; None: nowhere.
        allow_python: imports the Python files that the experiment names.

    Raises:
        DlstreamError: the session or the experiment can't be read.
        InputError: the other experiment can't have run in this session.
    """
    entries = read_entries(session, console)
    first_run = next(entry.beginning for entry in entries if entry.beginning)
    other = other_experiment(experiment, first_run, session, allow_python) if experiment else None
    rig = Recorded.of(session, entries)

    def experiments(beginning: Beginning) -> Experiment:
        if other is None:
            return recorded_experiment(beginning, session, allow_python)
        return rig.check(other, beginning, str(other.path), allow_python)

    if other is None:
        _show_other_copy(session, entries, console)
    texts = {entry.beginning.text for entry in entries if entry.beginning}
    replayed = list(replay(entries, experiments, clock=other is not None and texts != {other.text}))
    first = entries[0].number
    log = event_log_of(session)
    if log.half:
        console.print(f"[yellow]The last line of {DECISIONS} is incomplete: the recorder was killed. It is skipped.[/]")
    recorded = list(dropwhile(lambda decision: decision.number < first, log.decisions))
    lines = [line for item in replayed for line in item.lines]
    if out is not None:
        out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    difference = first_difference([decision.text for decision in recorded], replayed)
    runs = sum(isinstance(entry.input, Start) for entry in entries)
    what = f"{len(recorded)} events and commands of {runs} run{'' if runs == 1 else 's'}, from {len(entries)} inputs"
    if difference is None:
        console.print(f"[bold green]identical[/]: {what}")
        return 0
    short = _shorter(difference, entries, recorded)
    if short and was_cut_off(session):
        console.print(f"[bold green]identical[/] as far as it was recorded: {what}; the recording was cut off there")
        return 0
    console.print(f"[bold red]different[/]: {what}; the replay has {len(lines)}")
    if short and other is None:
        whole = {DECISIONS: "journal", JOURNAL: "event log"}[short]
        console.print(f"{short} ends too early for this {whole}: it was cut short, or belongs to another run")
    _explain(difference, entries, console)
    if other is not None:
        _show_changes(first_run, other, console)
    return 1


def _shorter(difference: Difference, entries: Sequence[Entry], recorded: Sequence[Decision]) -> str:
    """Which file ends before the other one, if that is the difference; empty otherwise."""
    if not difference.recorded:
        return DECISIONS
    if not difference.replayed and recorded[difference.line - 1].number > entries[-1].number:
        return JOURNAL
    return ""


def _show_other_copy(session: Path, entries: Sequence[Entry], console: Console) -> None:
    """The copy in the session is for people; only the journal's text decides."""
    copy = session / "experiment.yaml"
    texts = {entry.beginning.text for entry in entries if entry.beginning}
    if copy.is_file() and copy.read_bytes().decode("utf-8", "replace").splitlines() not in [
        text.splitlines() for text in texts
    ]:
        console.print(f"[yellow]{copy.name} in the session is not what ran: the text in the journal is replayed.[/]")


def _explain(difference: Difference, entries: Sequence[Entry], console: Console) -> None:
    start = entries[0].input.stamp if isinstance(entries[0].input, Start) else 0
    console.print(f"First difference: line {difference.line} of {DECISIONS}")
    recorded, replayed = (_in_words(text, start) for text in (difference.recorded, difference.replayed))
    if recorded == replayed:
        recorded, replayed = difference.recorded, difference.replayed
    console.print(f"  recorded  {escape(recorded)}", soft_wrap=True)
    console.print(f"  replayed  {escape(replayed)}", soft_wrap=True)
    numbers = [json.loads(text)["n"] for text in (difference.recorded, difference.replayed) if text]
    cause = min(numbers, default=difference.number)
    place = next((index for index, entry in enumerate(entries) if entry.number == cause), len(entries) - 1)
    console.print(f"The inputs around it, from {JOURNAL}:")
    for entry in entries[max(0, place - _AROUND) : place + _AROUND + 1]:
        mark = ">" if entry.number == cause else " "
        console.print(f" {mark} {entry.number:>6}  {escape(_input(entry, start))}")


def _in_words(line: str, start: int) -> str:
    if not line:
        return "nothing"
    about = json.loads(line)
    what = f"event {about['event']} {about['name']}" if "event" in about else ""
    what = what or f"command {about.get('output')} {about.get('command')}"
    words = [f"{(about['stamp'] - start) / _SECOND:9.3f} s", what]
    words += [f"{key}={value}" for key, value in about.get("values", {}).items()]
    words += [f"{key} {about[key]}" for key in ("trigger", "value") if key in about]
    if "camera" in about:
        words.append(f"(frame {about.get('sequence')} of {about['camera']})")
    return " ".join(words)


def _input(entry: Entry, start: int) -> str:
    item = entry.input
    if not isinstance(item, Poses):
        more = "" if isinstance(item, Start) else " ".join(str(value) for value in _rest(item))
        return f"{(item.stamp - start) / _SECOND:9.3f} s {type(item).__name__.lower()} {more}".rstrip()
    poses = item.poses
    animals = []
    for one in poses.individuals:
        points = zip(poses.keypoints, one.x.tolist(), one.y.tolist(), one.confidence.tolist(), strict=False)
        animals.append(f"{one.id or 'animal'}: " + ", ".join(f"{k} {x:.1f} {y:.1f} ({c:.2f})" for k, x, y, c in points))
    stamp = (poses.stamp - start) / _SECOND
    return f"{stamp:9.3f} s poses of {poses.camera}, frame {poses.sequence}; {'; '.join(animals) or 'nobody'}"


def _rest(item: object) -> list[object]:
    return [getattr(item, name) for name in ("name", "source", "value", "reason") if hasattr(item, name)]


def _show_changes(beginning: Beginning, other: Experiment, console: Console) -> None:
    old, new = beginning.text.splitlines(), other.text.splitlines()
    changes = list(difflib.unified_diff(old, new, "the experiment that ran", str(other.path), n=1, lineterm=""))
    console.print("The experiments differ:" if changes else "The experiments are the same, line by line.")
    for line in changes:
        colour = {"+": "green", "-": "red"}.get(line[:1], "")
        console.print(f"  [{colour}]{escape(line)}[/]" if colour else f"  {escape(line)}")
