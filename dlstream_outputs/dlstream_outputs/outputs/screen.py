"""A screen that shows images to the animal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import cv2
from pydantic import AfterValidator, Field, ValidationInfo

from dlstream_common import Image, Problem, suggest
from dlstream_outputs.actions import Action, Show
from dlstream_outputs.outputs._base import Fate, Output, OutputSettings
from dlstream_outputs.outputs._display import Display
from dlstream_outputs.outputs._named_files import AsPairs, by_name, existing_files
from dlstream_outputs.outputs._pictures import read_image


def _existing_images(pairs: list[str], info: ValidationInfo) -> list[str]:
    found, wrong = existing_files("image", pairs, info)
    if wrong:  # report unreadable images along with it; if nothing is wrong here, `check` reads the images
        there = {name: path for name, path in found.items() if path.is_file()}
        wrong += [
            f"for the image '{name}' an image file, but {path} is not one"
            for name, path in there.items()
            if not cv2.haveImageReader(str(path))
        ]
        raise ValueError("; ".join(wrong))
    return [f"{name}={path}" for name, path in found.items()]


class ScreenSettings(OutputSettings):
    """Shows an image (action show, value image), and only the background when off."""

    type: Literal["screen"] = "screen"
    """Type of the output."""
    images: Annotated[list[str], AsPairs, AfterValidator(_existing_images)] = []
    """The images to show, each as name=path; in a rig file as a mapping, name: path."""
    offscreen: bool = False
    """Draw in memory only. This also happens if there is no display."""
    fullscreen: bool = False
    """Fill the whole display, synchronised with its refresh; false: a window, not synchronised."""
    display: Annotated[int, Field(ge=0, le=63)] = 0
    """Number of the display, counted from 0."""
    width: Annotated[int, Field(ge=16, le=16384)] = 640
    """Width of the window in pixels."""
    height: Annotated[int, Field(ge=16, le=16384)] = 480
    """Height of the window in pixels."""
    x: Annotated[int, Field(ge=-1, le=65535)] = -1
    """Left edge of the window on the desktop; -1: centred."""
    y: Annotated[int, Field(ge=-1, le=65535)] = -1
    """Top edge of the window on the desktop; -1: centred."""
    background: Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")] = "#808080"
    """Colour around the image, and of the whole screen when off, as #rrggbb."""
    fit: Literal["contain", "stretch", "none"] = "contain"
    """contain: as large as fits, proportions kept; stretch: fill the screen; none: at its original size, centred."""

    actions = (Show,)

    @property
    def paths(self) -> dict[str, Path]:
        """The image files, by image name."""
        return by_name(self.images)

    def check(self) -> None:
        for name, path in self.paths.items():
            read_image(name, path)

    def check_action(self, action: Action) -> Problem | None:
        if isinstance(action, Show) and action.image not in self.paths:
            hint = suggest(action.image, list(self.paths)) or "It has no images."
            return Problem(("values", "image"), f"'{action.image}'", "an image of this screen", hint)
        return None

    def without_computer(self) -> Fate:
        return Fate("dark when the computer is off, but a frozen computer may leave its image on the screen", ends=True)


class Screen(Output[ScreenSettings]):
    """See ScreenSettings."""

    requires: ClassVar[Mapping[str, str]] = {"pygame": "pygame-ce"}
    arming = "start"
    acknowledges = "picture handed over"

    def __init__(self, settings: ScreenSettings, log: Callable[[str], None]) -> None:
        super().__init__(settings, log)
        self._display = Display(log)

    def open(self) -> None:
        s = self.settings
        self._display.open(
            images=s.paths,
            size=None if s.fullscreen else (s.width, s.height),
            position=(s.x, s.y) if min(s.x, s.y) >= 0 else None,
            index=s.display,
            offscreen=s.offscreen,
            background=s.background,
            fit=s.fit,
        )

    def apply(self, action: Action) -> int:
        if not isinstance(action, Show):
            raise TypeError(f"found {action!r}; expected Show")
        return self._display.show(action.image)

    def off(self) -> int:
        return self._display.show(None)

    def close(self) -> None:
        self._display.close()

    def picture(self) -> Image:
        """The pixels that the screen holds now: (height, width, 3) uint8, red, green, blue."""
        return self._display.pixels()

    @property
    def hardware_id(self) -> str:
        return self._display.description
