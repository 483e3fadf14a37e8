"""One progress for all videos, wherever they are tracked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dlstream.offline.progress import ProgressLines, SpeedColumn

Show = Callable[[int, int, int], None]
"""Called with the number of videos done, of frames done, and of all frames (0: not known)."""


class TrackProgress:
    """Counts the frames of all videos. May be called on any thread.

    Args:
        expected: about how many frames each video has; 0 where that is not known.
    """

    def __init__(self, expected: Mapping[str, int], show: Show) -> None:
        self._expected, self._show = dict(expected), show
        self._done = dict.fromkeys(expected, 0)
        self._finished: set[str] = set()
        self._lock = Lock()

    def frames(self, name: str, done: int) -> None:
        """So many frames of a video are done; fewer than before if its worker died and another one began again."""
        with self._lock:
            if name not in self._finished:
                self._done[name] = done
                self._update()

    def finish(self, name: str, frames: int) -> None:
        """A video is done, or failed."""
        with self._lock:
            self._finished.add(name)
            self._done[name] = self._expected[name] = frames
            self._update()

    def _update(self) -> None:
        known = all(self._expected[name] for name in self._expected if name not in self._finished)
        total = sum(max(self._expected[name], self._done[name]) for name in self._done)
        self._show(len(self._finished), sum(self._done.values()), total if known else 0)


@contextmanager
def show_videos(console: Console, expected: Mapping[str, int]) -> Iterator[TrackProgress]:
    """A bar on a terminal, otherwise a line at intervals: videos, frames, frames per second, the time left."""
    count = len(expected)
    if not console.is_terminal:
        lines = ProgressLines(lambda line: console.print(escape(line)), f"0 of {count} videos", 0)

        def show_line(videos: int, frames: int, total: int) -> None:
            lines.name = f"{videos} of {count} videos"
            lines.update(frames, total)

        yield TrackProgress(expected, show_line)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        SpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"0 of {count} videos", total=sum(expected.values()) or None)

        def show_bar(videos: int, frames: int, total: int) -> None:
            bar.update(task, completed=frames, total=total or None, description=f"{videos} of {count} videos")

        yield TrackProgress(expected, show_bar)
