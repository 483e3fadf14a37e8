"""`dlstream parts`: every part, where it comes from, and what it is missing on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dlstream.rig.sections import TopicCamera, TopicOutput
from dlstream_camera import SOURCES, source_settings
from dlstream_common import DlstreamError, suggest
from dlstream_common.plugins import PartError, Registry
from dlstream_common.settings import keys_of
from dlstream_common.yaml.wording import shown
from dlstream_experiment.model.protocols import PROTOCOLS, protocol_settings
from dlstream_experiment.model.triggers import TRIGGERS, trigger_settings
from dlstream_outputs import OUTPUTS, output_settings
from dlstream_pose import ENGINES, FILTERS, EngineSettings, engine_settings, filter_settings
from dlstream_pose.convert.sources import CONVERTERS
from dlstream_pose.runtime.decoders import DECODERS
from dlstream_pose.runtime.filters import NoFilter


@dataclass(frozen=True)
class Kind:
    """A kind of part.

    Attributes:
        named_by: what names one of them in a file.
        settings: gives the settings of one; None where they have none of their own.
        others: what can be named as well and is no part, each with its settings and a word on it.
    """

    registry: Registry[Any]
    named_by: str
    settings: Callable[[str], type[BaseModel]] | None = None
    others: Mapping[str, tuple[type[BaseModel], str]] = field(default_factory=dict)


_NODE = "a node of somebody else's: docs/how-to/add-a-node.md"
KINDS = {
    "sources": Kind(SOURCES, "cameras.<name>.source", source_settings, {"topic": (TopicCamera, _NODE)}),
    "outputs": Kind(OUTPUTS, "outputs.<name>.type", output_settings, {"topic": (TopicOutput, _NODE)}),
    "triggers": Kind(TRIGGERS, "triggers.<name>.type", trigger_settings),
    "protocols": Kind(PROTOCOLS, "protocol.type", protocol_settings),
    "engines": Kind(
        ENGINES, "pose.engine", engine_settings, {"auto": (EngineSettings, "cuda if it is ready, else onnx")}
    ),
    "filters": Kind(FILTERS, "pose.filter", filter_settings, {"none": (NoFilter, "no filter")}),
    "decoders": Kind(DECODERS, "a network file"),
    "converters": Kind(CONVERTERS, "dlstream network convert"),
}


def show_parts(kind: str | None, name: str | None, console: Console) -> None:
    """Prints the table of all parts or of one kind; or the keys of one part.

    Raises:
        DlstreamError: there is no such kind or part, or the part can't be imported.
    """
    kinds = KINDS if kind is None else {_plural(kind): KINDS[_plural(kind)]}
    if name is not None:
        (only,) = kinds.values()
        show_keys(only, name, console)
        return
    for word, each in kinds.items():
        console.print(f"[bold]{word}[/]  [dim]{escape(each.named_by)}[/]")
        rows = [(*row, "green" if row[1] == "ready" else "yellow") for row in states(each.registry)]
        rows += [(other, about, "", "dim") for other, (_, about) in each.others.items()]
        width = max(len(part) for part, *_ in rows)
        for part, state, package, color in rows:  # one line each, so that a command in it can be copied
            text = f"  {escape(f'{part:<{width}}')}  [{color}]{escape(state)}[/]"
            console.print(f"{text}  [dim]{escape(package)}[/]" if package else text)


def states(registry: Registry[Any]) -> Iterator[tuple[str, str, str]]:
    """Each part's name, its state (ready, what it needs, or why it can't be imported), and its package if not ours."""
    for name, origins in registry.origins().items():
        package = " and ".join(dict.fromkeys(origin.package for origin in origins if not origin.is_ours))
        try:
            lacking = registry.lacking(name)
        except PartError as error:
            yield name, f"found {error.found}. {error.suggestion}".strip(), package
            continue
        yield name, "; ".join(f"needs {what}: {how}" for what, how in lacking.items()) or "ready", package


def show_keys(kind: Kind, name: str, console: Console) -> None:
    """What a part is, and the keys of its settings."""
    settings: type[BaseModel] | None
    if name in kind.others:
        settings, origin = kind.others[name]
        about = settings.__doc__ or ""
    else:
        part, origin = kind.registry.load(name), str(kind.registry.origin(name))
        settings = kind.settings(name) if kind.settings is not None else None
        about = (settings.__doc__ if settings is not None else part.__doc__) or ""
    console.print(f"[bold]{escape(kind.named_by)}: {escape(name)}[/]  {escape(origin)}\n")
    console.print(escape("\n".join(line.strip() for line in about.strip().splitlines())))
    if settings is None:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("key", "default", "meaning"):
        table.add_column(title, overflow="fold")
    for key, about_key in keys_of(settings).items():
        if kind.named_by.endswith(f".{key}") or key == "type":
            continue
        default: Any = about_key.get_default(call_default_factory=True)
        shown_default = (
            "must be given" if default is PydanticUndefined else "" if default in (None, "") else shown(default)
        )
        meaning = " ".join((about_key.description or "").split())
        table.add_row(key, escape(shown_default), escape(meaning))
    console.print()
    console.print(table)


def _plural(kind: str) -> str:
    for word in (kind, f"{kind}s"):
        if word in KINDS:
            return word
    raise DlstreamError(f"found the kind '{kind}'; expected one of {', '.join(KINDS)}. {suggest(kind, list(KINDS))}")
