"""Progress of a long command: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[str, int, int], None]
"""What is being done, how many are done, and how many there are; 0: unknown."""


def silent(what: str, done: int = 0, total: int = 0) -> None:
    """Shows nothing."""


@contextmanager
def shown() -> Iterator[Tell]:
    """Shows progress on stderr: a bar in a terminal, removed at the end; elsewhere one line for each step."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    except ImportError:  # an environment only for converting may lack it
        yield _lines()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)

        def tell(what: str, done: int = 0, total: int = 0) -> None:
            progress.update(task, description=what, completed=done, total=total or None)

        yield tell


def _lines() -> Tell:
    last = ""

    def tell(what: str, done: int = 0, total: int = 0) -> None:
        nonlocal last
        if what != last:
            print(f"{what} ...", file=sys.stderr, flush=True)
        last = what

    return tell
