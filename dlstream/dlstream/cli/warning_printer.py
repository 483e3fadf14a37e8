"""Warnings on the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from dlstream_common import Problem


class WarningPrinter:
    """Prints each warning as `FILE:LINE: KEY: found ...; expected .... HINT`, like an error, and counts them."""

    def __init__(self, console: Console) -> None:
        self._console, self._count = console, 0

    def __call__(self, file: Path, problem: Problem) -> None:
        self._count += 1
        where = problem.where(file)
        self._console.print(f"[yellow]warning:[/] {escape(f'{where}: {problem}')}", soft_wrap=True)

    @property
    def in_words(self) -> str:
        """How many there were, to follow a sentence; empty if there were none."""
        return f" {self._count} warning{'s' if self._count > 1 else ''}." if self._count else ""
