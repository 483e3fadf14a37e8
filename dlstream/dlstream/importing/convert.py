"""`dlstream import`: a DeepLabStream setup as a rig file and an experiment file, and a list of what is left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from ruamel.yaml import YAML

from dlstream.importing._import_experiment import experiment_of, template_of
from dlstream.importing._import_outputs import outputs_of
from dlstream.importing._import_rig import rig_of
from dlstream.importing._import_unread import unread_config, unread_settings
from dlstream.importing._ini import Ini, Note, read_ini
from dlstream_common import DlstreamError


@dataclass(frozen=True)
class Imported:
    """What was written, and what is left to do.

    Attributes:
        experiment: None where there is none.
        lacking: there is one in DeepLabStream's files, and it could not be written.
        template: the values of the experiment file that are our template's, by their paths.
    """

    rig: Path
    experiment: Path | None
    notes: Sequence[Note]
    lacking: bool = False
    template: Sequence[tuple[str, str]] = ()


def import_setup(settings: Path, config: Path | None, out: Path, force: bool, console: Console) -> Imported:
    """Writes `rig.NAME.yaml` and `NAME.yaml` into a folder, and prints what could not be imported.

    Raises:
        InputError: an ini file can't be read.
        DlstreamError: a file exists already, or can't be written.
    """
    done = convert_setup(settings, config, out, force)
    for file in (done.rig, done.experiment):
        if file is not None:
            console.print(Text.assemble("Written: ", (str(file), "bold")), soft_wrap=True)
    if done.lacking:
        console.print("[bold red]No experiment file was written[/]: the list below says why.")
    elif done.experiment is None:
        console.print("No experiment file was written: the settings name none.")
    console.print(f"\n[bold]For you to check:[/] {len(done.notes)}\n")
    for number, note in enumerate(done.notes, start=1):
        table = Table.grid(padding=(0, 1))
        table.add_row(Text(f"{number:>3}.", "dim"), Text.assemble((note.where, "cyan"), f" = {note.found}"))
        table.add_row("", Text(note.todo, "yellow" if note.lost else ""))
        console.print(table)
    if done.template:
        console.print("\n[bold]From our template, not from your files:[/] check each\n")
        for key, value in done.template:
            console.print(Text(f"     {key} = {value}"), soft_wrap=True)
    lost = sum(note.lost for note in done.notes)
    colour = "bold yellow" if lost else "green"
    console.print(f"\n[{colour}]{lost} {'key' if lost == 1 else 'keys'} could not be imported.[/]")
    console.print(f"\nNext: [bold]dlstream check {escape(str(done.rig))}[/]", soft_wrap=True)
    return done


def convert_setup(settings: Path, config: Path | None, out: Path, force: bool = False) -> Imported:
    """As `import_setup`, without printing."""
    advanced = [
        file
        for file in (settings.parent / "advanced_settings.ini", settings.parent / "utils" / "advanced_settings.ini")
        if file.is_file() and file != settings
    ]
    ini = read_ini(*advanced[:1], settings)
    if config is None:
        beside = settings.parent / "experiments" / "configs" / f"{ini.text('Experiment', 'EXP_NAME') or '-'}.ini"
        config = beside if re.fullmatch(r"[\w .-]+", beside.stem) and beside.is_file() else None
    own = read_ini(config) if config is not None else None
    name = re.sub(r"[^a-z0-9_]+", "_", (config or settings).stem.lower()).strip("_")
    name = name if re.match(r"[a-z]", name) else f"rig_{name}".rstrip("_")
    template = template_of(ini, own)
    if config is None and template:
        name = template
    rig_file, file = out / f"rig.{name}.yaml", out / f"{name}.yaml"
    draft = experiment_of(ini, own, template, file) if template else None
    for target in (rig_file, *([file] if draft else [])):
        if target.exists() and not force:
            raise DlstreamError(f"{target}: exists already; expected a new folder (--out), or --force")
    content = rig_of(ini, name, file.name if draft else "", outputs_of(draft, own or ini, template))
    _classification(ini, template)
    _stimulation(own)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DlstreamError(f"{out}: can't be made ({error.strerror})") from error
    if draft is not None:
        draft.write()
    _write_rig(rig_file, content, settings)
    notes = [*ini.notes, *unread_settings(ini), *((*own.notes, *unread_config(own)) if own else ())]
    lacking = draft is None and (own is not None or bool(ini.text("Experiment", "EXP_NAME")))
    return Imported(rig_file, file if draft else None, notes, lacking, draft.of_the_template() if draft else ())


def _classification(ini: Ini, template: str) -> None:
    if template.startswith("behaviour"):
        ini.note(
            "Classification", "PATH_TO_CLASSIFIER", "a pickled classifier is never loaded: export it as ONNX", True
        )


def _stimulation(ini: Ini | None) -> None:
    if ini is None:
        return
    devices = {
        "BaseStimulation": ("TYPE", "PORT", "IP"),
        "RewardDispenser": ("TYPE", "STIM_PORT", "IP", "REMOVAL_PORT", "REMOVAL_TIME"),
        "ScreenStimulation": ("STIM_PATH", "BACKGROUND_PATH"),
    }
    named = ini.peek("BaseProtocolProcess", "STIMULATION")
    for section in [named] if named in devices else devices:  # the others are listed as not used
        for key in devices[section]:
            if ini.peek(section, key).lower() == "none":
                ini.text(section, key)  # DeepLabStream's word for nothing
            elif ini.peek(section, key) and (section.lower(), key.lower()) not in ini.used:
                ini.note(section, key, "put it into the output's section of the rig file", True)


def _write_rig(file: Path, content: dict[str, Any], source: Path) -> None:
    yaml = YAML()
    yaml.width = 118
    try:
        with file.open("w", encoding="utf-8") as stream:
            stream.write(f"# Imported from DeepLabStream's {source.name} by `dlstream import`.\n")
            stream.write("# Paths are taken from this file's own folder; docs/reference/keys.md lists every key.\n")
            yaml.dump(content, stream)
    except OSError as error:
        raise DlstreamError(f"{file}: can't be written ({error.strerror})") from error
