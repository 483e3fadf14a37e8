"""A window or a full screen by SDL (pygame), which must be called only from the thread that opened it."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dlstream_common import Image, now
from dlstream_outputs.outputs._base import OutputError
from dlstream_outputs.outputs._pictures import compose

if TYPE_CHECKING:
    from pygame import Surface

T = TypeVar("T")

_PUMP = 0.02  # seconds between two readings of the window's events; unread, the desktop reports that it hangs
_FULL_HD = (1920, 1080)
_IN_MEMORY = ("dummy", "offscreen")  # SDL's drivers without a display


class Display:
    """Shows one of several prepared images, or the background. Its own thread does all the drawing."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._window: Surface | None = None
        self._pictures: dict[str | None, Surface] = {}
        self.description = ""

    def open(
        self,
        images: Mapping[str, Path],
        size: tuple[int, int] | None,
        position: tuple[int, int] | None,
        index: int,
        offscreen: bool,
        background: str,
        fit: str,
    ) -> None:
        """Opens the window, loads the images and shows the background.

        Args:
            size: of the window in pixels; None: full screen.
            position: of the window on the desktop; None: centred.
            index: number of the display.

        Raises:
            OutputError: no such display, or an image that can't be read.
        """

        def prepare() -> None:
            self._window = self._open_window(size, position, index, self._draws_in_memory(offscreen))
            pictures = compose(self._window.get_size(), images, background, fit)
            self._pictures = {name: _as_surface(picture) for name, picture in pictures.items()}

        self._thread = threading.Thread(target=self._work, name="display", daemon=True)
        self._thread.start()
        self._call(prepare)
        self.show(None)
        self._log(f"screen: {self.description}, images: {', '.join(images) or 'none'}")

    def show(self, name: str | None) -> int:
        """Shows an image, or the background for None; returns when the screen had accepted it."""
        return self._call(lambda: self._show(name))

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
        pygame = _pygame()
        while True:
            try:
                job = self._jobs.get(timeout=_PUMP)
            except queue.Empty:
                if self._window is not None:
                    pygame.event.clear()
                continue
            if job is None:
                break
            function, future = job
            try:
                future.set_result(function())
            except Exception as error:
                future.set_exception(error)
        self._window, self._pictures = None, {}
        pygame.display.quit()

    def _draws_in_memory(self, wanted: bool) -> bool:
        """Selects SDL's driver, by the environment that it reads when it starts; returns whether it draws in memory."""
        driver = os.environ.get("SDL_VIDEODRIVER", "")
        if not wanted and not driver and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            self._log("no display (DISPLAY and WAYLAND_DISPLAY are not set): the screen is drawn in memory only")
            wanted = True
        if wanted:
            os.environ["SDL_VIDEODRIVER"] = driver = "dummy"
        elif not driver:
            os.environ.pop("SDL_VIDEODRIVER", None)  # SDL would take an empty value for a name
        return driver in _IN_MEMORY

    def _open_window(
        self, size: tuple[int, int] | None, position: tuple[int, int] | None, index: int, in_memory: bool
    ) -> Surface:
        pygame = _pygame()
        _place(None if size is None else position)
        try:
            pygame.display.init()
            if not in_memory and pygame.display.get_driver() in _IN_MEMORY:  # SDL falls back silently
                raise OutputError(
                    "the display that DISPLAY or WAYLAND_DISPLAY names can't be opened; offscreen: true needs none"
                )
            open_it = self._open_in_memory if in_memory else self._open_on_display
            window = open_it(size, index)
        except pygame.error as error:
            raise OutputError(f"the screen can't be opened ({error}); offscreen: true needs no display") from error
        width, height = window.get_size()
        self.description = f"{pygame.display.get_driver()} {width}x{height}"
        return window

    def _open_in_memory(self, size: tuple[int, int] | None, index: int) -> Surface:
        return _pygame().display.set_mode(size or _FULL_HD)

    def _open_on_display(self, size: tuple[int, int] | None, index: int) -> Surface:
        pygame = _pygame()
        desktops = pygame.display.get_desktop_sizes()
        if index >= len(desktops):
            raise OutputError(
                f"display: found {index}; expected 0 to {len(desktops) - 1}, the displays of this computer"
            )
        pygame.display.set_caption("dlstream")
        if size is not None:
            return pygame.display.set_mode(size, display=index)
        pygame.mouse.set_visible(False)
        full = pygame.FULLSCREEN | pygame.SCALED  # only SCALED waits for the refresh
        try:
            return pygame.display.set_mode(desktops[index], full, display=index, vsync=1)
        except pygame.error:
            self._log(
                "can't synchronise with the display's refresh: images may tear, and are acknowledged one refresh early"
            )
            return pygame.display.set_mode(desktops[index], full, display=index)

    def _show(self, name: str | None) -> int:
        if self._window is None:
            raise OutputError("the screen is closed")
        self._window.blit(self._pictures[name], (0, 0))
        _pygame().display.flip()
        return now()

    def _pixels(self) -> Image:
        if self._window is None:
            raise OutputError("the screen is closed")
        return np.ascontiguousarray(_pygame().surfarray.array3d(self._window).swapaxes(0, 1))


def _pygame() -> Any:
    """pygame, imported only when needed. SDL leaves signals to the node, and a full screen stays up without focus."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    os.environ["SDL_NO_SIGNAL_HANDLERS"] = "1"
    os.environ["SDL_VIDEO_MINIMIZE_ON_FOCUS_LOSS"] = "0"
    import pygame

    return pygame


def _place(position: tuple[int, int] | None) -> None:
    """Sets where SDL opens the next window, by the environment; None: centred."""
    for name in ("SDL_VIDEO_WINDOW_POS", "SDL_VIDEO_CENTERED"):
        os.environ.pop(name, None)
    if position is None:
        os.environ["SDL_VIDEO_CENTERED"] = "1"
    else:
        os.environ["SDL_VIDEO_WINDOW_POS"] = f"{position[0]},{position[1]}"


def _as_surface(picture: NDArray[np.uint8]) -> Surface:
    height, width = picture.shape[:2]
    return (
        _pygame().image.frombytes(np.ascontiguousarray(picture[..., ::-1]).tobytes(), (width, height), "RGB").convert()
    )
