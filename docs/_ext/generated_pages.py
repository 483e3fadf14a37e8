"""Pages that are written from the code before Sphinx reads them: keys, commands, messages and the lists of the API.

They go into `docs/reference/generated/`, which git ignores; `docs/reference/keys.md` is kept in git as well, because
messages and shipped files name it.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import document_keys
import typer.main
from sphinx.application import Sphinx
from sphinx.util import logging
from typer.cli import get_docs_for_click
from typer.models import Context

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "reference" / "generated"
MESSAGES = ROOT / "dlstream_msgs"
log = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(app: Sphinx) -> None:
    """Writes each page whose text has changed, so that Sphinx reads only those again."""
    TARGET.mkdir(exist_ok=True)
    keys = document_keys.text()
    if write(document_keys.TARGET, keys):
        log.info("%s was out of date and has been written again: commit it", document_keys.TARGET.relative_to(ROOT))
    pages = {"commands": commands(), "messages": messages()}
    pages["api"] = api_index()
    pages |= {f"api_{package}": api_page(package) for package in packages()}
    for name, text in pages.items():
        write(TARGET / f"{name}.md", text)
    for old in set(TARGET.glob("*.md")) - {TARGET / f"{name}.md" for name in pages}:
        old.unlink()


def write(path: Path, text: str) -> bool:
    """Writes a page, unless it says the same already; whether it wrote."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8")
    return True


# Commands.


def commands() -> str:
    """What `dlstream --help` and the help of each command say, as one page."""
    from dlstream.cli.main import app

    command = typer.main.get_command(app)
    context = Context(command, info_name="dlstream")
    text = get_docs_for_click(obj=command, ctx=context, name="dlstream", title="Commands")
    for unwanted in (
        r"^\* `--help`.*\n",
        r"^\*\*Commands\*\*:\n\n(\* .*\n)+\n",  # their first words: the sections themselves follow
        r"^\*\*Options\*\*:\n\n(?!\*)",  # of which only --help was left
    ):
        text = re.sub(unwanted, "", text, flags=re.MULTILINE)
    return text.replace("```console", "```text")


# Messages.


def messages() -> str:
    """Every message, service and action of `dlstream_msgs`, as its definition says it."""
    parts = ["# Messages, services, actions\n", "The definitions of the package `dlstream_msgs`.\n"]
    for kind, title in (("msg", "Messages"), ("srv", "Services"), ("action", "Actions")):
        parts.append(f"## {title}\n")
        for path in sorted((MESSAGES / kind).glob(f"*.{kind}")):
            parts += [f"### {path.stem}\n", f"`dlstream_msgs/{kind}/{path.stem}`\n", *definition(path)]
    return "\n".join(parts)


SECTIONS = {"srv": ("Request", "Response"), "action": ("Goal", "Result", "Feedback")}


def definition(path: Path) -> Iterator[str]:
    """A definition's own comments as text, its fields and constants as tables."""
    sections = path.read_text(encoding="utf-8").split("\n---\n" if path.suffix != ".srv" else "---\n")
    titles = SECTIONS.get(path.suffix[1:], ("",))
    for title, section in zip(titles, sections, strict=True):
        notes, rows = [], []
        for line in section.splitlines():
            content, _, comment = line.partition("#")
            if content.strip():
                kind, name = content.strip().split(maxsplit=1)
                rows.append(f"| `{name}` | `{kind}` | {comment.strip()} |")
            elif comment and rows:
                rows.append(f"| | | *{comment.strip()}* |")
            elif comment:
                notes.append(comment.strip())
        if notes:
            yield "\n".join(notes) + "\n"
        if title:
            yield f"**{title}**" + ("" if rows else ": empty") + "\n"
        if rows:
            yield "\n".join(["| field | type | meaning |", "| --- | --- | --- |", *rows]) + "\n"


# API.


@cache
def packages() -> list[str]:
    """The packages of this repository that say with `__all__` what is public, those of nodes included."""
    found = sorted(
        path.parent.name for path in ROOT.glob("dlstream*/package.xml") if path.parent.name != "dlstream_msgs"
    )
    return [name for name in found if public(name)]


def public(package: str) -> list[ModuleType]:
    """The package itself and the packages in it, where they have an `__all__`; each is listed once."""
    top = importlib.import_module(package)
    modules = [top] + [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(top.__path__, f"{package}.")
        if module.ispkg
    ]
    return [module for module in modules if getattr(module, "__all__", None)]


def home(thing: object, package: str) -> str:
    """The package in which something is written; what does not say it (a constant) counts as `package`'s own."""
    top = str(getattr(thing, "__module__", package)).partition(".")[0]
    return top if top in packages() else package


def api_index() -> str:
    """The packages, each with the first sentence of what it says of itself."""
    rows = [
        f"| [{name}](api_{name}.md) | {(importlib.import_module(name).__doc__ or '').splitlines()[0]} |"
        for name in packages()
    ]
    head = (
        "What each package offers to Python: the names in its `__all__`. What begins with `_` may change at any time."
    )
    table = "\n".join(["| package | |", "| --- | --- |", *rows])
    links = "\n".join(f"api_{name}" for name in packages())
    return f"# Python API\n\n{head}\n\n{table}\n\n```{{toctree}}\n:hidden:\n\n{links}\n```\n"


def api_page(package: str) -> str:
    """The API page of a package, in Markdown."""
    seen: set[int] = set()
    parts = [f"# {package}\n"]
    for module in public(package):
        new = [name for name in module.__all__ if id(getattr(module, name)) not in seen]
        seen |= {id(getattr(module, name)) for name in new}
        names = [name for name in new if home(getattr(module, name), package) == package]
        others = [f"`{name}`" for name in new if name not in names]
        if not new:
            continue
        if module.__name__ != package:
            parts.append(f"## {module.__name__}\n")
        parts += ["```{eval-rst}", f".. automodule:: {module.__name__}", "   :members: " + ", ".join(names)]
        parts += ["   :exclude-members: type", "```\n"]  # a key of many settings, which every `type[...]` would link to
        if others:
            parts.append(f"Of another package, and importable from here as well: {', '.join(others)}.\n")
    return "\n".join(parts)


if __name__ == "__main__":  # to look at a page without a build: python generated_pages.py commands
    sys.stdout.write({"commands": commands, "messages": messages}[sys.argv[1]]())
