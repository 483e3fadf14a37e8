"""How the command line prints: one line at a time, with the name of the node that printed it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.text import Text

from dlstream_common import masked
from dlstream_common.plain_text import one_line, without_controls

_STYLES = {"WARN": "yellow", "ERROR": "bold red", "FATAL": "bold red", "DEBUG": "dim"}
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
"""As ROS and other libraries write it where they are asked to."""
_SEVERITY = re.compile(r"^\[\s*(INFO|WARN|ERROR|FATAL|DEBUG)\s*\] ?")


class DiscreetConsole(Console):
    """A console that masks passwords in everything it prints, and sends the terminal no control character of a text.

    Names and texts come from files and messages of others: an escape sequence in one could write into the clipboard.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(without_controls(masked(text)), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=without_controls(segment.text))


class ShareConsole(DiscreetConsole):
    """The console of one host's share, which goes on where nobody reads it any more, as after a cut of ssh."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        print_nowhere()


def print_nowhere() -> None:
    """Drops what this process prints from now on, and what is still to be flushed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def make_console(share: bool = False) -> Console:
    """A console that does not wrap lines, so that logs can be searched.

    Args:
        share: of one host's share of a rig; any other command ends with its reader, as `dlstream run | head` does.
    """
    return (ShareConsole if share else DiscreetConsole)(highlight=False, soft_wrap=True)


def show_line(console: Console, name: str, text: str) -> None:
    """Shows one line of a node's output: its name, and a colour for warnings and errors."""
    text = one_line(_COLOUR.sub("", text.expandtabs()))
    found = _SEVERITY.match(text)
    severity = found.group(1) if found else ""
    body = escape(text[found.end() :] if found else text)
    style = _STYLES.get(severity)
    label = f"{severity} " if severity in ("WARN", "ERROR", "FATAL") else ""
    colour = "bold" if name == "rig" else "cyan"
    line = f"[{colour}]{escape(name.strip('/')):<18}[/] {label}{body}"
    console.print(f"[{style}]{line}[/]" if style else line)
