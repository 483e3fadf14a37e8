"""A screen on which stimuli change on its refreshes. Its own thread does all the drawing."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from dlstream_common import Image, now
from dlstream_outputs.outputs._base import OutputError
from dlstream_outputs.outputs._stimuli import Stimulus
from dlstream_outputs.outputs._window import Place, Window, open_window, pygame_module

if TYPE_CHECKING:
    from pygame import Rect, Surface

T = TypeVar("T")

_PUMP = 0.02  # seconds between two readings of the window's events; unread, the desktop reports that it hangs
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


@dataclass(frozen=True)
class Shown:
    """What was on the screen, and how exactly.

    Attributes:
        text: the action, in words.
        begin: when its first refresh was there, in nanoseconds since the epoch.
        end: when the next picture was there.
        refreshes: between the two.
        dropped: refreshes by which a change came too late, summed up.
    """

    text: str
    begin: int
    end: int
    refreshes: int
    dropped: int


@dataclass
class _Current:
    """The stimulus on the screen; `moment` is when the refresh numbered `refresh` was, by the monotonic clock."""

    stimulus: Stimulus
    text: str
    begin: int
    moment: float
    refresh: int = 0
    dropped: int = 0


class Display:
    """Shows one stimulus at a time, or the background.

    Args:
        log: writes a line for the user.
        patch: where the patch for a photodiode is, on a window of a size; None: there is none.
    """

    def __init__(self, log: Callable[[str], None], patch: Callable[[tuple[int, int]], Rect | None]) -> None:
        self._log, self._patch_on = log, patch
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._window: Window | None = None
        self._patch: Rect | None = None
        self._background: Surface | None = None
        self._current: _Current | None = None
        self._shown: queue.SimpleQueue[Shown] = queue.SimpleQueue()
        self._faults: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.description = ""

    def open(self, place: Place, prepare: Callable[[Window], Surface]) -> None:
        """Opens the window and shows the background.

        Args:
            prepare: makes everything that needs the window, and returns the background. Called by the display's thread.

        Raises:
            OutputError: no such display; or what `prepare` raises.
        """

        def start() -> None:
            self._window = window = open_window(place, self._log)
            self._patch = self._patch_on(window.surface.get_size())
            self._background = prepare(window)
            self.description = window.description

        self._thread = threading.Thread(target=self._work, name="display", daemon=True)
        self._thread.start()
        self._call(start)
        self.clear()

    def show(self, make: Callable[[Window], Stimulus], text: str) -> int:
        """Shows a stimulus; returns when its first refresh was there, in nanoseconds since the epoch.

        Args:
            make: the stimulus, made by the display's thread.
            text: what it is, for `shown`.

        Raises:
            OutputError: the screen is closed; or what `make` raises.
        """
        return self._call(lambda: self._begin(make, text))

    def clear(self) -> int:
        """Shows the background; returns when it was there."""
        return self._call(self._clear)

    def shown(self) -> Shown | None:
        """What is over since the last call, one at a time; None: nothing more."""
        return None if self._shown.empty() else self._shown.get()

    def fault(self) -> str:
        """Why a stimulus ended before its time; empty: none did."""
        return "" if self._faults.empty() else self._faults.get()

    def pixels(self) -> Image:
        """What is on the screen: (height, width, 3) uint8, red, green, blue."""
        return self._call(self._pixels)

    def close(self) -> None:
        """Closes the window."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None

    def _call(self, job: Callable[[], T]) -> T:
        if self._thread is None:
            raise OutputError("the screen is closed")
        future: Future[T] = Future()
        self._jobs.put((job, future))
        return future.result()

    # The rest runs in the display's own thread.

    def _work(self) -> None:
        pygame = pygame_module()
        while True:
            try:
                job = self._jobs.get(timeout=min(_PUMP, self._until_change()))
            except queue.Empty:
                if self._window is not None:
                    pygame.event.clear()
                    self._change_or_fail()
                continue
            if job is None:
                break
            function, future = job
            try:
                future.set_result(function())
            except Exception as error:
                future.set_exception(error)
        self._drop_current()
        self._window = self._background = None
        pygame.display.quit()

    def _begin(self, make: Callable[[Window], Stimulus], text: str) -> int:
        window = self._open
        stimulus = make(window)
        try:
            stimulus.draw(window.surface, 0)
        except BaseException:
            stimulus.close()
            raise
        moment, stamp = self._flip(stimulus.lit(0))
        self._ended(moment, stamp)
        self._current = _Current(stimulus, text, stamp, moment)
        return stamp

    def _clear(self) -> int:
        window = self._open
        assert self._background is not None
        window.surface.blit(self._background, (0, 0))
        moment, stamp = self._flip(False)
        self._ended(moment, stamp)
        return stamp

    def _until_change(self) -> float:
        """Seconds until the next change has to be drawn, half a refresh before it is due."""
        current, window = self._current, self._window
        if current is None or window is None:
            return math.inf
        target = _next_change(current)
        return max(0.0, current.moment + (target - current.refresh - 0.5) / window.rate - time.monotonic())

    def _change_or_fail(self) -> None:
        try:
            self._change()
        except Exception as error:  # the thread has to live: off must work
            with suppress(Exception):
                self._clear()
            self._drop_current()
            known = isinstance(error, (OutputError, pygame_module().error))
            self._faults.put(str(error) if known else f"{type(error).__name__}: {error}")

    def _change(self) -> None:
        """Puts up the next change of the stimulus if it is time."""
        current, window = self._current, self._open
        if current is None or self._until_change() > 0:
            return
        target = _next_change(current)
        passed = (time.monotonic() - current.moment) * window.rate
        refresh = max(int(target), current.refresh + math.ceil(passed - 0.5))
        ends = refresh >= current.stimulus.length
        if ends:
            assert self._background is not None
            window.surface.blit(self._background, (0, 0))
        else:
            current.stimulus.draw(window.surface, refresh)
        due = current.moment + (refresh - current.refresh) / window.rate
        if not window.synchronised:
            time.sleep(max(0.0, due - time.monotonic()))
        moment, stamp = self._flip(not ends and current.stimulus.lit(refresh))
        landed = max(refresh, current.refresh + round((moment - current.moment) * window.rate))
        current.dropped += landed - int(target)
        if ends:
            self._ended(moment, stamp)
            return
        on_time = landed == refresh and not window.synchronised
        current.refresh, current.moment = landed, due if on_time else moment

    def _flip(self, lit: bool) -> tuple[float, int]:
        """Puts up what is drawn; returns when, by the monotonic clock, and in nanoseconds since the epoch."""
        if self._patch is not None:
            self._open.surface.fill(_WHITE if lit else _BLACK, self._patch)
        pygame_module().display.flip()
        return time.monotonic(), now()

    def _ended(self, moment: float, stamp: int) -> None:
        current = self._current
        if current is not None:
            passed = current.refresh + max(0, round((moment - current.moment) * self._open.rate))
            dropped = current.dropped + current.stimulus.late
            self._shown.put(Shown(current.text, current.begin, stamp, passed, dropped))
        self._drop_current()

    def _drop_current(self) -> None:
        if self._current is not None:
            self._current.stimulus.close()
        self._current = None

    @property
    def _open(self) -> Window:
        if self._window is None:
            raise OutputError("the screen is closed")
        return self._window

    def _pixels(self) -> Image:
        return np.ascontiguousarray(pygame_module().surfarray.array3d(self._open.surface).swapaxes(0, 1))


def _next_change(current: _Current) -> float:
    """The next refresh that looks different; the one after this if a stall has carried it beyond its end."""
    stimulus, refresh = current.stimulus, current.refresh
    return refresh + 1 if refresh >= stimulus.length else stimulus.next_change(refresh)


def as_surfaces(pictures: Mapping[Any, Any]) -> dict[Any, Surface]:
    """Pictures (height, width, 3), blue, green, red, as surfaces like the window's."""
    pygame = pygame_module()
    return {
        name: pygame.image.frombytes(
            np.ascontiguousarray(picture[..., ::-1]).tobytes(), (picture.shape[1], picture.shape[0]), "RGB"
        ).convert()
        for name, picture in pictures.items()
    }
