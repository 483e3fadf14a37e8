"""What a screen shows, refresh by refresh: pictures, flashes, gratings. Refresh 0 is the first one that shows it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import Problem
from dlstream_outputs.actions import Action, On, Pulse, Show, Train
from dlstream_outputs.outputs._timed_line import pulses_of
from dlstream_outputs.outputs._window import pygame_module

if TYPE_CHECKING:
    from pygame import Surface

Colour = tuple[int, int, int]
_ROUNDED = 0.95
"""Share of a refresh that counts as a whole one: 16 ms are one refresh of 60 Hz."""
_OUTSIDE = 255
"""Index of the background's colour in a grating's palette."""


class Stimulus(ABC):
    """Draws one refresh after the other.

    Attributes:
        length: number of refreshes that it lasts; infinite: until the screen's next command.
        late: refreshes by which what it reads came too late.
    """

    length: float = math.inf
    late: int = 0

    @abstractmethod
    def draw(self, window: Surface, refresh: int) -> None:
        """Draws what is seen in a refresh; called for rising ones, which may leave some out."""

    def next_change(self, refresh: int) -> float:
        """The next refresh after this one that looks different; infinite: none does."""
        return self.length if refresh < self.length else math.inf

    def lit(self, refresh: int) -> bool:
        """Whether the stimulus is seen, and not the pause between two flashes."""
        return True

    def close(self) -> None:
        """Ends what it reads from."""
        return


def refreshes(seconds: float | None, rate: float) -> float:
    """How many refreshes a time lasts, one at least; None: infinitely many."""
    return math.inf if seconds is None else max(1, round(seconds * rate))


class Still(Stimulus):
    """A picture of the whole screen."""

    def __init__(self, picture: Surface, length: float = math.inf) -> None:
        self._picture, self.length = picture, length

    def draw(self, window: Surface, refresh: int) -> None:
        window.blit(self._picture, (0, 0))


def flash_problem(action: Action, rate: float) -> Problem | None:
    """What a display with this rate can't show of flashes: a flash, or a pause, of less than a refresh."""
    one = 1 / rate
    if isinstance(action, (Pulse, Train)) and action.width is not None and action.width / 1000 < _ROUNDED * one:
        expected = f"{1000 * one:.4g} ms at least, one refresh at {rate:g} Hz"
        return Problem(("values", "width"), f"{action.width:g} ms", expected)
    if isinstance(action, Train):
        pause = 1 / action.frequency - action.width / 1000
        if pause < _ROUNDED * one:
            found = f"{1000 * pause:.4g} ms between two flashes"
            return Problem(("values", "frequency"), found, f"{1000 * one:.4g} ms at least, one refresh at {rate:g} Hz")
    return None


class Flashes(Stimulus):
    """`on`, `pulse`, `train` and `level` with one colour; each edge is rounded to a refresh by itself."""

    def __init__(self, action: Action, rate: float, colour: Colour, background: Surface) -> None:
        self._colour, self._background, self._rate = colour, background, rate
        if isinstance(action, (On, Pulse, Train)):
            self._pulses = pulses_of(action)
        else:
            self._pulses = iter([(0.0, None)])
        self._begin, self._end = self._next_flash()
        self._following = self._next_flash()
        self._leave_a_pause()
        if isinstance(action, (Pulse, Train)):
            width = (action.width or 0.0) / 1000
            if action.seconds is not None:
                self.length = self._edges(action.seconds - width, width)[1]
        else:
            self.length = refreshes(action.seconds, rate)

    def draw(self, window: Surface, refresh: int) -> None:
        if self.lit(refresh):
            window.fill(self._colour)
        else:
            window.blit(self._background, (0, 0))

    def next_change(self, refresh: int) -> float:
        self._go_to(refresh)
        return next(edge for edge in (self._begin, self._end, self._following[0]) if edge > refresh or edge == math.inf)

    def lit(self, refresh: int) -> bool:
        self._go_to(refresh)
        return self._begin <= refresh < self._end

    def _go_to(self, refresh: int) -> None:
        while refresh >= self._following[0]:
            self._begin, self._end = self._following
            self._following = self._next_flash()
            self._leave_a_pause()

    def _leave_a_pause(self) -> None:
        """A pause of just under a refresh is still one."""
        self._end = min(self._end, max(self._begin + 1, self._following[0] - 1))

    def _next_flash(self) -> tuple[float, float]:
        start, width = next(self._pulses, (math.inf, 0.0))
        if math.isinf(start):
            return math.inf, math.inf
        return self._edges(start, width)

    def _edges(self, start: float, width: float | None) -> tuple[int, float]:
        """The refreshes with which a flash begins and ends, each the nearest one."""
        begin = math.floor(start * self._rate + 0.5)
        if width is None:
            return begin, math.inf
        return begin, max(begin + 1, math.floor((start + width) * self._rate + 0.5))


class Grating(Stimulus):
    """A grating, still or drifting. Only the colours of its palette change from refresh to refresh."""

    def __init__(
        self, action: Show, cycle: float, rate: float, size: tuple[int, int], background: Colour, gamma: float
    ) -> None:
        self._action, self._background, self._gamma = action, background, gamma
        self._per_refresh = action.temporal_frequency / rate
        self.length = refreshes(action.duration, rate)
        index = _phases(size, cycle, math.radians(action.direction), action.diameter)
        self._surface: Surface = pygame_module().image.frombuffer(index.tobytes(), size, "P")

    def draw(self, window: Surface, refresh: int) -> None:
        phase = (np.arange(_OUTSIDE) + 0.5) / 256 - math.fmod(self._per_refresh * refresh, 1.0)
        wave = np.sin(2 * np.pi * phase)
        if self._action.grating == "square":
            wave = np.sign(wave)
        grey = np.rint(255 * (0.5 + 0.5 * self._action.contrast * wave) ** (1 / self._gamma)).astype(int).tolist()
        self._surface.set_palette([*((level, level, level) for level in grey), self._background])
        window.blit(self._surface, (0, 0))

    def next_change(self, refresh: int) -> float:
        return refresh + 1 if self._per_refresh and refresh < self.length else super().next_change(refresh)


def _phases(size: tuple[int, int], cycle: float, direction: float, diameter: int) -> NDArray[np.uint8]:
    """Where in its cycle each pixel lies, in 255 steps, counted from the middle: (height, width) uint8."""
    width, height = size
    across, down = np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2
    # The sum of two numbers of 16 bits runs over just as a phase does.
    columns = _in_16_bits(across * math.cos(direction) / cycle)
    rows = _in_16_bits(-down * math.sin(direction) / cycle)
    index = np.minimum((columns[np.newaxis, :] + rows[:, np.newaxis]) >> 8, _OUTSIDE - 1).astype(np.uint8)
    if diameter:
        outside = across[np.newaxis, :] ** 2 + down[:, np.newaxis] ** 2 > (diameter / 2) ** 2
        index[outside] = _OUTSIDE
    return index


def _in_16_bits(turns: NDArray[np.floating[Any]]) -> NDArray[np.uint16]:
    return np.floor((turns % 1.0) * 65536).astype(np.int64).astype(np.uint16)
