"""`dlstream experiment new`: an experiment file from questions, or from a template and given values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from dlstream.authoring.draft import Draft
from dlstream.authoring.explain import Known, check_file
from dlstream.authoring.prompter import Prompter
from dlstream.authoring.questions import Questions
from dlstream.authoring.templates import find_template, templates
from dlstream_common import DlstreamError
from dlstream_experiment.model.names import title_of


def show_templates(console: Console) -> None:
    """Lists the included experiments."""
    table = Table.grid(padding=(0, 2))
    for item in templates():
        table.add_row(Text(item.name, "cyan", no_wrap=True), Text(item.about))
    console.print(table)
    console.print("\n[dim]dlstream experiment new FILE --template NAME[/]")


def write_new(
    file: Path | None, template: str, values: Sequence[str], rig: Path | None, force: bool, console: Console
) -> None:
    """Writes a valid experiment file.

    Asks nothing if a template or values are given.

    Raises:
        DlstreamError: there is no such template, a value does not fit, or the file exists.
    """
    known = Known.of(rig, None, None)
    if template or values:
        if file is None:
            raise DlstreamError(
                "the file to write: found nothing; expected its name, as in `experiment new mine.yaml --template NAME`"
            )
        _refuse_existing(file, force)
        if not template:
            console.print("Using the template 'example'; choose another one with --template.")
        draft = Draft(find_template(template or "example"), file, known)
        if "experiment" not in [value.partition("=")[0] for value in values]:
            draft.set(("experiment",), title_of(file.stem))
        for value in values:
            _set(draft, value)
    else:
        if file is not None:
            _refuse_existing(file, force)
        draft = Questions(Prompter(console), known).ask(file, force)
    draft.file.parent.mkdir(parents=True, exist_ok=True)
    draft.write()
    if draft.unfinished:
        raise DlstreamError(
            f"{draft.file} is written; mend what does not fit (above); `dlstream experiment check` checks it"
        )
    console.print()
    check_file(file or draft.file, known, None, console)
    console.print(f"Written: [bold]{escape(str(draft.file))}[/]", soft_wrap=True)


def _refuse_existing(file: Path, force: bool) -> None:
    if file.exists() and not force:
        raise DlstreamError(f"{file}: exists already; expected a new name, or --force to overwrite it")


def _set(draft: Draft, text: str) -> None:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise DlstreamError(f"--set {text}: expected KEY=VALUE, such as camera=top or regions.left.radius=80")
    place = draft.place(key)
    draft.set(place, draft.read(value, draft.get(place)))
