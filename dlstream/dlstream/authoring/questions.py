"""The questions of `dlstream experiment new`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from dlstream.authoring.draft import Draft
from dlstream.authoring.explain import Known
from dlstream.authoring.helps import about_place, completed, substitute
from dlstream.authoring.prompter import INTRODUCTION, NONE, Prompter
from dlstream.authoring.protocol_questions import ProtocolQuestions
from dlstream.authoring.templates import Template, templates
from dlstream_common import DlstreamError, Place, did_you_mean, key_of, suggest
from dlstream_experiment.model.names import title_of
from dlstream_experiment.model.regions import REGIONS
from dlstream_experiment.model.triggers import TRIGGERS

_TYPES: Mapping[str, Callable[[], Mapping[str, Any]]] = {"regions": lambda: REGIONS, "triggers": TRIGGERS.importable}
_LISTS = ("keypoints", "points", "center")


class Questions:
    """Asks one question after the other, and again after an answer that does not fit."""

    def __init__(self, prompter: Prompter, known: Known) -> None:
        self._prompter, self._known = prompter, known

    def ask(self, file: Path | None, force: bool) -> Draft:
        """All questions, from the template to the limits; writes nothing."""
        self._prompter.say("[bold]A new experiment.[/]")
        self._prompter.say(f"{INTRODUCTION}\n")
        if self._known.outputs is not None and not self._known.outputs:
            self._known.outputs = None
            self._prompter.say(
                Text("The rig has no outputs: those of the experiment are not checked. Add them to the rig.", "yellow")
            )
        return self._prompter.run(lambda: self._all(file, force))

    def _all(self, file: Path | None, force: bool) -> Draft:
        template = self._template()
        draft = Draft(template, file or self._file(template.name, force), self._known)
        draft.set(("experiment",), title_of(draft.file.stem))
        self.value(draft, ("experiment",))
        self.value(draft, ("camera",))
        self._section(draft, "regions", "Parts of the image, in pixels: x to the right, y downwards.")
        self._section(draft, "triggers", "Conditions on the poses.")
        ProtocolQuestions(self._prompter, self.value).ask(draft)
        self._limits(draft)
        while True:
            since = self._prompter.place
            self._anything_else(draft)
            if not draft.problems or self._is_left(draft):
                return draft
            self._prompter.refuse("Then change something:", since)

    def _is_left(self, draft: Draft) -> bool:
        """Whether what still does not fit is left to be mended by hand: nobody has to answer what can't be."""
        self._prompter.say("\n[bold]What still does not fit[/]")
        for problem in draft.problems:
            self._prompter.say(Text(f"  {problem}", "yellow"))
        draft.unfinished = self._prompter.confirm(
            "Write it like this, to mend by hand?", True, "n: change more values."
        )
        return draft.unfinished

    def _template(self) -> Template:
        items = templates()
        names = [item.name for item in items]
        self._prompter.say(Text(", ".join(f"{number} {name}" for number, name in enumerate(names, start=1)), "cyan"))
        default = "example" if "example" in names else names[0]
        about = "\n".join(f"{item.name}: {item.about}" for item in items)
        while True:
            answer = self._prompter.ask("Begin with (number or name; ? describes them)", default, about)
            if answer.isdigit() and 1 <= int(answer) <= len(items):
                return items[int(answer) - 1]
            if answer in names:
                return items[names.index(answer)]
            self._prompter.refuse(f"'{answer}' is not in the list. {did_you_mean(answer, names)}".rstrip())

    def _file(self, name: str, force: bool) -> Path:
        about = (
            "Where the experiment is written; a name without an ending gets .yaml. Nothing is written before the end."
        )
        while True:
            since = self._prompter.place
            answer = self._prompter.ask("File to write", f"my_{name}.yaml", about)
            file = Path(answer).expanduser()
            file = file if file.suffix else file.with_suffix(".yaml")
            if file.suffix not in (".yaml", ".yml"):
                self._prompter.refuse("Expected a name that ends in .yaml, or has no ending.")
            elif file.is_dir():
                self._prompter.refuse(f"{file} is a folder.")
            elif (
                not file.parent.is_dir() and not self._prompter.confirm(f"There is no folder {file.parent}. Make it?")
            ) or (file.exists() and not force and not self._prompter.confirm(f"{file} exists already. Overwrite it?")):
                self._prompter.refuse("Then another name:", since)
            else:
                return file

    def value(self, draft: Draft, place: Place) -> None:
        """One value of the draft, asked for until it fits."""
        choices = draft.choices(place)
        if choices:
            self._prompter.say(Text(f"  known: {', '.join(choices)}", "dim"))
        before = draft.get(place)
        proposed: Any = before
        if wrong := draft.problems_at(place):
            self._prompter.say(
                Text(f"  the template's {draft.show(before)} does not fit: {'; '.join(wrong[:2])}", "yellow")
            )
            proposed = substitute(draft, self._known, place)
        shown = None if proposed is None else _bare(draft.show(proposed), proposed)
        while True:
            answer = self._prompter.ask(key_of(place), shown, about_place(draft, place))
            if self._accept(draft, place, proposed if answer == shown else answer, before):
                return

    def _accept(self, draft: Draft, place: Place, answer: Any, before: Any) -> bool:
        try:
            value = draft.read(answer, before) if isinstance(answer, str) and answer != before else answer
            draft.set(place, completed(value, draft.choices(place)))
        except DlstreamError as error:
            self._prompter.refuse(str(error))
            return False
        return True

    def _section(self, draft: Draft, section: str, about: str) -> None:
        self._prompter.say(f"\n[bold]{section.capitalize()}[/]  [dim]{about}[/]")
        for name in list(draft.get((section,)) or {}):
            for key in list(draft.get((section, name))):
                if key != "type":
                    self.value(draft, (section, name, key))
        types = _TYPES[section]()
        while True:
            name = self._prompter.ask(f"Add another {section[:-1]}? Its name", NONE, f"{about} A new name adds one.")
            if name in ("", NONE):
                return
            if name in (draft.get((section,)) or {}):
                self._prompter.refuse(f"'{name}' exists already")
                continue
            self._add(draft, section, name, types)

    def _add(self, draft: Draft, section: str, name: str, types: Mapping[str, Any]) -> None:
        for kind, model in types.items():
            about = (model.__doc__ or "").strip().splitlines()[0]
            self._prompter.say(
                Text.assemble((f"  {kind:<16}", "cyan"), (about, "dim"), no_wrap=True, overflow="ellipsis")
            )
        while True:
            kind = self._prompter.ask("Its type", next(iter(types)), "One of the types in the list above.")
            if kind in types:
                break
            self._prompter.refuse(f"'{kind}' is not a {section[:-1]} type. {suggest(kind, list(types))}")
        fields = types[kind].model_fields
        keys = {field.alias or key: field for key, field in fields.items() if key != "type"}
        others = "; ".join(f"{key}: {field.description}" for key, field in keys.items() if not field.is_required())
        while True:
            since = self._prompter.place
            answers: dict[str, Any] = {"type": kind}
            try:
                for key in (key for key, field in keys.items() if field.is_required()):
                    answers[key] = self._required(draft, (section, name, key), keys[key].description or "")
                more = self._prompter.ask("Other keys (key=value, ...)", NONE, others)
                answers |= draft.read("{" + more.replace("=", ": ") + "}", {}) if more not in ("", NONE) else {}
                draft.set((section, name), answers)
                return
            except DlstreamError as error:
                self._prompter.refuse(f"{error} (once more; < goes back to the type)", since)

    def _required(self, draft: Draft, place: Place, about: str) -> Any:
        choices = draft.choices(place)
        known = f" Known: {', '.join(choices)}." if choices else ""
        if about or choices:
            self._prompter.say(Text(f"  {' '.join(about.split())}{known}", "dim"))
        while True:
            answer = self._prompter.ask(key_of(place), None, f"{about}{known}")
            try:
                return completed(draft.read(answer, [] if place[-1] in _LISTS else None), choices)
            except DlstreamError as error:
                self._prompter.refuse(str(error))

    def _limits(self, draft: Draft) -> None:
        self._prompter.say("\n[bold]Limits[/]  [dim]They stop stimulation, whatever the animal does.[/]")
        for key, seconds in (("max_age", 0.5), ("pose_timeout", 1.0)):
            if draft.get((key,)) is None:
                draft.set((key,), seconds)
            self.value(draft, (key,))
        if draft.get(("protocol", "type")) != "states":
            return
        for output in draft.outputs():
            for key, words in (("stimulus", "at a time"), ("session", "in the whole run")):
                place: Place = ("protocol", "limits", output, key)
                before = draft.get(place)
                default = NONE if before is None else f"{before:g}"
                about = "Then it goes off, whatever the protocol says; none: no such limit."
                while True:
                    answer = self._prompter.ask(f"Seconds that '{output}' may be on {words}", default, about)
                    if answer == NONE and before is not None:
                        for part in (place, place[:-1], place[:-2]):
                            if part == place or not draft.get(part):  # an output without limits is none of them
                                draft.remove(part)
                    if answer == NONE or self._accept(draft, place, answer, before):
                        break

    def _anything_else(self, draft: Draft) -> None:
        about = (
            "Any other key of docs/reference/keys.md, such as triggers.in_left.dwell=0.2, seed=7 or "
            "protocol.stop[0].longer_than=60. A list is written as [a, b], a mapping as {key: value}."
        )
        while True:
            answer = self._prompter.ask("Anything else? KEY=VALUE", NONE, about)
            key, equals, text = answer.partition("=")
            if answer in ("", NONE):
                return
            try:
                if not equals:
                    raise DlstreamError("Expected KEY=VALUE, such as seed=7; ? explains it.")
                place = draft.place(key)
                draft.set(place, draft.read(text, draft.get(place)))
            except DlstreamError as error:
                self._prompter.refuse(str(error))


def _bare(shown: str, value: Any) -> str:
    """A list without its brackets, as the prompt puts defaults in brackets of its own."""
    flat = isinstance(value, list) and value and not any(isinstance(item, (list, dict)) for item in value)
    return shown[1:-1] if flat and shown.startswith("[") and shown.endswith("]") else shown
