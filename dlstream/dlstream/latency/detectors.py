"""What sees the light: a place in a camera's pictures, or an input of a board. No ROS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from dlstream.latency.flashes import Flash
from dlstream.latency.light import Light, LightError, find_light
from dlstream_common import Frame, Image

_TRIALS = 5
_SETTLE = 0.25
"""Seconds that a trial flash, or the dark before one, is left to show in the pictures."""


@dataclass(frozen=True)
class Change:
    """A change of the input that sees the light.

    Attributes:
        on: whether the input is on from then on.
        stamp: when, by the board, in nanoseconds since the epoch; 0: it was not a change, but is so.
        uncertainty_us: greatest error of the stamp, in microseconds.
    """

    on: bool
    stamp: int
    uncertainty_us: float = 0.0


class Hands(Protocol):
    """What a detector needs to make trial flashes."""

    def switch(self, on: bool) -> None:
        """Switches the light."""

    def pause(self, seconds: float) -> None:
        """Takes what is seen for so long."""

    def until(self, condition: Callable[[], bool]) -> bool:
        """Takes what is seen until the condition holds; whether it does in time."""


class Detector(Protocol):
    """Finds the light, and says of each flash when it was seen."""

    @property
    def lacks(self) -> str:
        """What has not been seen yet; empty when the measurement can begin."""

    def find(self, hands: Hands) -> str:
        """Finds the light by trial flashes; says where it is.

        Raises:
            LightError: none is seen.
        """

    def see(self, seen: Frame | Change, flash: Flash) -> Flash:
        """The flash with what this adds to it."""


class CameraDetector(Detector):
    """Sees the light in a camera's pictures.

    Args:
        region: where to look for it: x, y, width, height in pixels; empty: everywhere.
    """

    def __init__(self, region: Sequence[int] = ()) -> None:
        self._region = region
        self._light: Light | None = None
        self._last: Frame | None = None

    @property
    def lacks(self) -> str:
        return "" if self._last else "a first picture"

    def find(self, hands: Hands) -> str:
        pairs: list[tuple[Image, Image]] = []
        for _ in range(_TRIALS):
            dark = self._picture_after(hands)
            hands.switch(True)
            lit = self._picture_after(hands)
            hands.switch(False)
            pairs.append((dark, lit))
        self._light = light = find_light(pairs, self._region)
        return (
            f"The light is at x {light.x}, y {light.y}, {light.width}x{light.height} pixels: "
            f"{light.contrast:.0f} grey values brighter than the dark."
        )

    def _picture_after(self, hands: Hands) -> Image:
        hands.pause(_SETTLE)
        assert self._last is not None
        return self._last.image

    def see(self, seen: Frame | Change, flash: Flash) -> Flash:
        if not isinstance(seen, Frame):
            return flash
        before, self._last = self._last, seen
        if self._light is None or before is None or not flash.sent:
            return flash
        is_on = self._light.is_on(seen.image)
        if is_on and not flash.lit:
            return replace(flash, lit=seen.stamp, dark=before.stamp)
        if flash.lit and not is_on and flash.off_sent and not flash.dark_again:
            return replace(flash, dark_again=seen.stamp, still_lit=before.stamp)
        return flash


class InputDetector(Detector):
    """Hears the light from an input of a board, such as a photodiode, which stamps every change itself.

    Args:
        name: of the input in the rig.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._on: bool | None = None
        self.uncertainty_us = 0.0
        """Greatest error of a stamp so far, in microseconds."""

    @property
    def lacks(self) -> str:
        return f"a first level of input '{self._name}'" if self._on is None else ""

    def find(self, hands: Hands) -> str:
        if not hands.until(lambda: not self._on):
            raise LightError(
                f"found input '{self._name}' on before the first flash; expected it off in the dark. Is there another "
                "light, 'above' too low, or 'active_high' the wrong way round?"
            )
        hands.switch(True)
        seen = hands.until(lambda: bool(self._on))
        hands.switch(False)
        if not seen:
            raise LightError(
                f"found no light: input '{self._name}' stays off in a trial flash; expected it on. Does the light "
                "reach the photodiode, and is 'above' low enough?"
            )
        if not hands.until(lambda: not self._on):
            raise LightError(
                f"found no end of the light: input '{self._name}' stays on after a trial flash; expected it to go off. "
                "Is 'below' high enough?"
            )
        return f"Input '{self._name}' sees the light."

    def see(self, seen: Frame | Change, flash: Flash) -> Flash:
        if not isinstance(seen, Change):
            return flash
        self._on = seen.on
        if not seen.stamp or not flash.sent:
            return flash
        self.uncertainty_us = max(self.uncertainty_us, seen.uncertainty_us)
        if seen.on and not flash.lit:
            return replace(flash, lit=seen.stamp)
        if not seen.on and flash.lit and flash.off_sent and not flash.dark_again:
            return replace(flash, dark_again=seen.stamp)
        return flash
