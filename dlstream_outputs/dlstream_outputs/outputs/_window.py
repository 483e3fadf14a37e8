"""Opens a window or a full screen by SDL (pygame), which must be called only from the thread that opens it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlstream_outputs.outputs._base import OutputError

if TYPE_CHECKING:
    from pygame import Surface

_FULL_HD = (1920, 1080)
_IN_MEMORY = ("dummy", "offscreen")  # SDL's drivers without a display
_USUAL_RATE = 60.0
_TRIALS = 40  # refreshes by which the rate is measured
_AGREE = 0.02  # share by which a display's rate may differ from the one that the rig file names


@dataclass(frozen=True)
class Place:
    """Where a screen is.

    Attributes:
        size: of the window in pixels; None: full screen.
        position: of the window on the desktop; None: centred.
        index: number of the display.
        offscreen: draws in memory only.
        refresh_rate: that the display must have, in Hz; 0: any.
    """

    size: tuple[int, int] | None
    position: tuple[int, int] | None = None
    index: int = 0
    offscreen: bool = False
    refresh_rate: float = 0.0


@dataclass(frozen=True)
class Window:
    """An open window.

    Attributes:
        surface: what is drawn on.
        rate: refreshes a second; measured where it is `synchronised`.
        synchronised: whether a flip waits for the display's refresh.
        description: in words.
    """

    surface: Surface
    rate: float
    synchronised: bool
    description: str


def pygame_module() -> Any:
    """pygame, imported only when needed. SDL leaves signals to the node, and a full screen stays up without focus."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    os.environ["SDL_NO_SIGNAL_HANDLERS"] = "1"
    os.environ["SDL_VIDEO_MINIMIZE_ON_FOCUS_LOSS"] = "0"
    import pygame

    return pygame


def open_window(place: Place, log: Callable[[str], None]) -> Window:
    """Opens the window; measures the display's refresh where flips wait for it.

    Raises:
        OutputError: no such display, or one with another refresh rate.
    """
    pygame = pygame_module()
    in_memory = _draws_in_memory(place.offscreen, log)
    _set_position(None if place.size is None else place.position)
    try:
        pygame.display.init()
        if not in_memory and pygame.display.get_driver() in _IN_MEMORY:  # SDL falls back silently
            raise OutputError(
                "the display that DISPLAY or WAYLAND_DISPLAY names can't be opened; offscreen: true needs none"
            )
        if in_memory:
            surface, waits = pygame.display.set_mode(place.size or _FULL_HD), False
        else:
            surface, waits = _on_display(place, log)
        rate, waits = _refresh(place.refresh_rate, waits, in_memory, log)
    except pygame.error as error:
        raise OutputError(f"the screen can't be opened ({error}); offscreen: true needs no display") from error
    wanted = place.refresh_rate
    if wanted and abs(rate / wanted - 1) > _AGREE:
        raise OutputError(
            f"refresh_rate: found a display that refreshes {rate:.2f} times a second; expected {wanted:g}. "
            "Set the display's rate in the desktop's settings (or by xrandr --rate), or correct refresh_rate"
        )
    width, height = surface.get_size()
    how = f"{rate:.2f} Hz, {'synchronised' if waits else 'not synchronised'}"
    return Window(surface, rate, waits, f"{pygame.display.get_driver()} {width}x{height}, {how}")


def _on_display(place: Place, log: Callable[[str], None]) -> tuple[Surface, bool]:
    """The window, and whether its flips should wait for the refresh."""
    pygame = pygame_module()
    desktops = pygame.display.get_desktop_sizes()
    if place.index >= len(desktops):
        found, last = place.index, len(desktops) - 1
        raise OutputError(f"display: found {found}; expected 0 to {last}, the displays of this computer")
    pygame.display.set_caption("dlstream")
    if place.size is not None:
        return pygame.display.set_mode(place.size, display=place.index), False
    pygame.mouse.set_visible(False)
    full = pygame.FULLSCREEN | pygame.SCALED  # only SCALED waits for the refresh
    try:
        return pygame.display.set_mode(desktops[place.index], full, display=place.index, vsync=1), True
    except pygame.error:
        log("can't synchronise with the display's refresh: images may tear, and are acknowledged one refresh early")
        return pygame.display.set_mode(desktops[place.index], full, display=place.index), False


def _refresh(wanted: float, waits: bool, in_memory: bool, log: Callable[[str], None]) -> tuple[float, bool]:
    """Refreshes a second, and whether flips really wait for them."""
    pygame = pygame_module()
    announced = 0.0 if in_memory else float(pygame.display.get_current_refresh_rate())
    rate = announced or wanted or _USUAL_RATE
    if not (in_memory or announced or wanted):
        log(f"the display does not say how often it refreshes: {rate:g} Hz is assumed; give refresh_rate")
    if not waits:
        return rate, False
    moments = []
    for _ in range(_TRIALS):
        pygame.display.flip()
        moments.append(time.monotonic())
    measured = 1 / float(np.median(np.diff(moments[_TRIALS // 4 :])))
    if measured > 1.5 * rate:
        log(f"the driver does not wait for the display's refresh: a picture is put up every {1000 / rate:.2f} ms")
        return rate, False
    if abs(measured / rate - 1) <= _AGREE:
        return measured, True
    log(f"{measured:.1f} pictures a second were put up on a display of {rate:g} Hz: this computer drops refreshes")
    return rate, True


def _draws_in_memory(wanted: bool, log: Callable[[str], None]) -> bool:
    """Selects SDL's driver, by the environment that it reads when it starts; returns whether it draws in memory."""
    driver = os.environ.get("SDL_VIDEODRIVER", "")
    if not wanted and not driver and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        log("no display (DISPLAY and WAYLAND_DISPLAY are not set): the screen is drawn in memory only")
        wanted = True
    if wanted:
        os.environ["SDL_VIDEODRIVER"] = driver = "dummy"
    elif not driver:
        os.environ.pop("SDL_VIDEODRIVER", None)  # SDL would take an empty value for a name
    return driver in _IN_MEMORY


def _set_position(position: tuple[int, int] | None) -> None:
    """Sets where SDL opens the next window, by the environment; None: centred."""
    for name in ("SDL_VIDEO_WINDOW_POS", "SDL_VIDEO_CENTERED"):
        os.environ.pop(name, None)
    if position is None:
        os.environ["SDL_VIDEO_CENTERED"] = "1"
    else:
        os.environ["SDL_VIDEO_WINDOW_POS"] = f"{position[0]},{position[1]}"
