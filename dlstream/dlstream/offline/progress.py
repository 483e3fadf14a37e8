"""The progress of a long analysis: a bar on a terminal, otherwise a line at intervals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_FIRST, _EVERY = 10.0, 30.0
"""Seconds until the first line, and between two of them."""


@contextmanager
def show_progress(console: Console, name: str, expected: int) -> Iterator[Callable[[], None]]:
    """Shows frames per second and the time left; call what it yields after each frame.

    Args:
        expected: about how many frames there are; 0 where that is not known.
    """
    if not console.is_terminal:
        yield ProgressLines(lambda line: console.print(escape(line)), name, expected).advance
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        SpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(escape(name), total=expected or None)
        yield lambda: progress.advance(task)


class ProgressLines:
    """Reports the progress at intervals.

    Args:
        clock: gives seconds.
    """

    def __init__(
        self, report: Callable[[str], None], name: str, expected: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self._report, self._expected, self._clock = report, expected, clock
        self._begin = clock()
        self._due = self._begin + _FIRST
        self._done = 0

    def advance(self) -> None:
        """One more frame is done."""
        self.update(self._done + 1, self._expected)

    def update(self, done: int, expected: int) -> None:
        """So many frames are done, of about so many; 0: not known."""
        self._done, self._expected = done, expected
        now = self._clock()
        if now < self._due:
            return
        self._due = now + _EVERY
        speed = self._done / (now - self._begin)
        line = f"{self.name}: {self._done} frames, {speed:.1f} frames/s"
        if self._expected > self._done:
            line = f"{self.name}: {self._done} of about {self._expected} frames, {speed:.1f} frames/s, "
            line += f"{_duration((self._expected - self._done) / speed)} left"
        self._report(line)


class SpeedColumn(ProgressColumn):
    """Frames per second."""

    def render(self, task: Task) -> Text:
        """As a column of a progress bar."""
        return Text(f"{task.speed:.1f} frames/s" if task.speed else "", style="progress.data.speed")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
