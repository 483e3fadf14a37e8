"""`dlstream experiment new`: an experiment file from questions, or from a template and given values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from dlstream.authoring.draft import Draft
from dlstream.authoring.explain import Known, check_file
from dlstream.authoring.templates import Template, find_template, templates
from dlstream_common import DlstreamError, Place, did_you_mean, key_of, suggest
from dlstream_experiment.model.names import title_of
from dlstream_experiment.model.regions import REGIONS
from dlstream_experiment.model.triggers import TRIGGERS

_TYPES: Mapping[str, Callable[[], Mapping[str, Any]]] = {"regions": lambda: REGIONS, "triggers": TRIGGERS.importable}


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
        draft = _Questions(console, known).ask(file, force)
    draft.write()
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


def _bare(shown: str, value: Any) -> str:
    """A list without its brackets, as the prompt puts defaults in brackets of its own."""
    flat = isinstance(value, list) and value and not any(isinstance(item, (list, dict)) for item in value)
    return shown[1:-1] if flat and shown.startswith("[") and shown.endswith("]") else shown


class _Questions:
    """Asks one question after the other, and again after an answer that does not fit."""

    def __init__(self, console: Console, known: Known) -> None:
        self._console, self._known = console, known

    def ask(self, file: Path | None, force: bool) -> Draft:
        """All questions, from the template to the limits."""
        say = self._console.print
        say("[bold]A new experiment.[/] Enter accepts the value in brackets; Ctrl-C quits without writing.\n")
        template = self._template()
        file = file or self._file(template.name, force)
        _refuse_existing(file, force)
        draft = Draft(template, file, self._known)
        draft.set(("experiment",), title_of(file.stem))
        self._value(draft, ("experiment",))
        self._value(draft, ("camera",))
        self._section(draft, "regions", "Parts of the image, in pixels: x to the right, y downwards.")
        self._section(draft, "triggers", "Conditions on the poses.")
        self._protocol(draft)
        self._limits(draft)
        return draft

    def _template(self) -> Template:
        items = templates()
        names = [item.name for item in items]
        self._console.print(Text(", ".join(f"{number} {name}" for number, name in enumerate(names, start=1)), "cyan"))
        self._console.print("[dim]`dlstream experiment templates` describes each.[/]")
        default = "example" if "example" in names else names[0]
        while True:
            answer = str(typer.prompt("Begin with (number or name)", default=default)).strip()
            if answer.isdigit() and 1 <= int(answer) <= len(items):
                return items[int(answer) - 1]
            if answer in names:
                return items[names.index(answer)]
            self._refuse(f"'{answer}' is not in the list. {did_you_mean(answer, names)}".rstrip())

    def _file(self, name: str, force: bool) -> Path:
        while True:
            file = Path(str(typer.prompt("File to write", default=f"my_{name}.yaml")).strip()).expanduser()
            if file.suffix not in (".yaml", ".yml"):
                self._refuse("Expected a name that ends in .yaml")
            elif not file.parent.is_dir():
                self._refuse(f"There is no folder {file.parent}")
            elif file.exists() and not force and not typer.confirm(f"{file} exists already. Overwrite it?"):
                continue
            else:
                return file

    def _value(self, draft: Draft, place: Place) -> None:
        """One value of the draft, asked for until it fits."""
        choices = draft.choices(place)
        if choices:
            self._console.print(Text(f"  known: {', '.join(choices)}", "dim"))
        while True:
            before = draft.get(place)
            answer = str(typer.prompt(f"{key_of(place)}", default=_bare(draft.show(before), before)))
            if self._accept(draft, place, answer, before):
                return

    def _accept(self, draft: Draft, place: Place, answer: str, before: Any) -> bool:
        try:
            same = answer in (draft.show(before), _bare(draft.show(before), before))
            draft.set(place, before if same else draft.read(answer, before))
        except DlstreamError as error:
            self._refuse(str(error))
            return False
        return True

    def _section(self, draft: Draft, section: str, about: str) -> None:
        self._console.print(f"\n[bold]{section.capitalize()}[/]  [dim]{about}[/]")
        for name in list(draft.get((section,)) or {}):
            for key in list(draft.get((section, name))):
                if key != "type":
                    self._value(draft, (section, name, key))
        types = _TYPES[section]()
        while True:
            name = str(typer.prompt(f"Add another {section[:-1]}? Its name", default="none")).strip()
            if name in ("", "none"):
                return
            if name in (draft.get((section,)) or {}):
                self._refuse(f"'{name}' exists already")
                continue
            self._add(draft, section, name, types)

    def _add(self, draft: Draft, section: str, name: str, types: Mapping[str, Any]) -> None:
        for kind, model in types.items():
            about = (model.__doc__ or "").strip().splitlines()[0]
            self._console.print(
                Text.assemble((f"  {kind:<16}", "cyan"), (about, "dim"), no_wrap=True, overflow="ellipsis")
            )
        while True:
            kind = str(typer.prompt("Its type", default=next(iter(types)))).strip()
            if kind in types:
                break
            self._refuse(f"'{kind}' is not a {section[:-1]} type. {suggest(kind, list(types))}")
        answers: dict[str, Any] = {"type": kind}
        while True:
            for key, model_field in types[kind].model_fields.items():
                label = model_field.alias or key
                if key != "type" and model_field.is_required():
                    self._required(draft, (section, name, label), answers, model_field.description or "")
            more = str(typer.prompt("Other keys (key=value, ...)", default="none"))
            answers |= draft.read("{" + more.replace("=", ": ") + "}", {}) if more != "none" else {}
            try:
                draft.set((section, name), answers)
                return
            except DlstreamError as error:
                self._refuse(str(error))

    def _required(self, draft: Draft, place: Place, answers: dict[str, Any], about: str) -> None:
        label = str(place[-1])
        choices = draft.choices(place)
        if about or choices:
            known = f" Known: {', '.join(choices)}." if choices else ""
            self._console.print(Text(f"  {' '.join(about.split())}{known}", "dim"))
        before = answers.get(label)
        while True:
            answer = typer.prompt(key_of(place), default=None if before is None else _bare(draft.show(before), before))
            try:
                answers[label] = draft.read(str(answer), [] if label in ("keypoints", "points", "center") else before)
                return
            except DlstreamError as error:
                self._refuse(str(error))

    def _protocol(self, draft: Draft) -> None:
        self._console.print(f"\n[bold]Protocol[/]  [dim]{draft.get(('protocol', 'type'))}[/]")
        leaves = draft.leaves(("protocol",))
        urgent = [place for place in leaves if draft.problems_at(place)]
        for place in leaves:
            if place not in urgent:
                self._console.print(Text(f"  {key_of(place[1:])} = {draft.show(draft.get(place))}", "dim"))
        for place in urgent:
            self._refuse("; ".join(draft.problems_at(place)))
            self._value(draft, place)
        if typer.confirm("Change any of these?", default=False):
            for place in leaves:
                if place not in urgent:
                    self._value(draft, place)

    def _limits(self, draft: Draft) -> None:
        self._console.print("\n[bold]Limits[/]  [dim]They stop stimulation, whatever the animal does.[/]")
        for key, seconds in (("max_age", 0.5), ("pose_timeout", 1.0)):
            if draft.get((key,)) is None:
                draft.set((key,), seconds)
            self._value(draft, (key,))
        if draft.get(("protocol", "type")) != "states":
            return
        for output in draft.outputs():
            for key, words in (("stimulus", "at a time"), ("session", "in the whole run")):
                place: Place = ("protocol", "limits", output, key)
                before = draft.get(place)
                while True:
                    default = "none" if before is None else f"{before:g}"
                    answer = str(typer.prompt(f"Seconds that '{output}' may be on {words}", default=default))
                    if answer == "none" or self._accept(draft, place, answer, before):
                        break

    def _refuse(self, text: str) -> None:
        self._console.print(Text(f"  {text}", "red"))
