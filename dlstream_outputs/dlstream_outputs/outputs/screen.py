"""A screen that shows pictures, videos, gratings and flashes to the animal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import cv2
from pydantic import AfterValidator, Field, ValidationInfo

from dlstream_common import Image, Problem, suggest
from dlstream_outputs.actions import Action, Level, On, Play, Pulse, Show, Strength, Train
from dlstream_outputs.outputs._base import Fate, Output, OutputError, OutputSettings, Report
from dlstream_outputs.outputs._clips import Clip, Video, open_video
from dlstream_outputs.outputs._display import Display, as_surfaces
from dlstream_outputs.outputs._named_files import AsPairs, by_name, existing_files
from dlstream_outputs.outputs._pictures import colour_of, compose, fitted, read_image
from dlstream_outputs.outputs._stimuli import Flashes, Grating, Still, Stimulus, flash_problem, refreshes
from dlstream_outputs.outputs._window import Place, Window

if TYPE_CHECKING:
    from pygame import Rect, Surface

_IN_MEMORY_RATE = 60.0


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


def _existing_videos(pairs: list[str], info: ValidationInfo) -> list[str]:
    found, wrong = existing_files("video", pairs, info)
    if wrong:
        raise ValueError("; ".join(wrong))
    return [f"{name}={path}" for name, path in found.items()]


_Colour = Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]


@lru_cache(maxsize=64)
def _length(name: str, path: Path, changed: int) -> float:
    """The length of a video in seconds. Args changed: when the file was."""
    return open_video(name, path).seconds


class ScreenSettings(OutputSettings):
    """Shows images and gratings (show), videos (play) and flashes (on, pulse, train, level); off: the background."""

    type: Literal["screen"] = "screen"
    """Type of the output."""
    images: Annotated[list[str], AsPairs, AfterValidator(_existing_images)] = []
    """The images to show, each as name=path; in a rig file as a mapping, name: path."""
    videos: Annotated[list[str], AsPairs, AfterValidator(_existing_videos)] = []
    """The videos to play, each as name=path; in a rig file as a mapping, name: path."""
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
    refresh_rate: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """Refreshes a second that the display must have: flashes are checked against it before the run. 0: any."""
    background: _Colour = "#808080"
    """Colour around the image, and of the whole screen when off, as #rrggbb."""
    foreground: _Colour = "#ffffff"
    """Colour of the whole screen when it flashes, as #rrggbb; a level below 1 is darker."""
    fit: Literal["contain", "stretch", "none"] = "contain"
    """contain: as large as fits, proportions kept; stretch: fill the screen; none: at its original size, centred."""
    gamma: Annotated[float, Field(ge=0.5, le=4)] = 1.0
    """Exponent of the display, by which gratings and levels are corrected, such as 2.2; 1: not corrected."""
    pixels_per_degree: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    """Pixels in a degree of visual angle, for `spatial_frequency`; 0: not known."""
    patch: Literal["none", "top_left", "top_right", "bottom_left", "bottom_right"] = "none"
    """Corner with a patch for a photodiode: white while a stimulus is seen, black otherwise."""
    patch_size: Annotated[int, Field(ge=4, le=2000)] = 60
    """Width and height of the patch in pixels."""

    actions = (Show, Play, On, Pulse, Train, Level)

    @property
    def paths(self) -> dict[str, Path]:
        """The image files, by image name."""
        return by_name(self.images)

    @property
    def video_paths(self) -> dict[str, Path]:
        """The video files, by name."""
        return by_name(self.videos)

    def check(self) -> None:
        for name, path in self.paths.items():
            read_image(name, path)
        for name, path in self.video_paths.items():
            open_video(name, path)

    def read(self, action: str, values: Mapping[str, str]) -> Action | Problem:
        found = super().read(action, values)
        if isinstance(found, Play) and found.video is not None and found.duration is None and not found.loop:
            return super().read(action, {**values, "duration": f"{self._seconds(found.video):.6f} s"})
        return found

    def _seconds(self, video: str) -> float:
        path = self.video_paths[video]
        return _length(video, path, path.stat().st_mtime_ns)

    def check_action(self, action: Action) -> Problem | None:
        if isinstance(action, Show):
            return self._show_problem(action)
        if isinstance(action, Play):
            return self._play_problem(action)
        if isinstance(action, Strength) and action.voltage is not None:
            return Problem(("values", "voltage"), f"{action.voltage:g} V", "no voltage: a screen has a level, 0 to 1")
        rate = self.refresh_rate or (_IN_MEMORY_RATE if self.offscreen else 0.0)
        return flash_problem(action, rate) if rate else None

    def _show_problem(self, action: Show) -> Problem | None:
        if action.image is not None and action.image not in self.paths:
            hint = suggest(action.image, list(self.paths)) or "It has no images."
            return Problem(("values", "image"), f"'{action.image}'", "an image of this screen", hint)
        if action.spatial_frequency is not None and not self.pixels_per_degree:
            hint = "Or give the width of a cycle in pixels: cycle."
            expected = "a screen with pixels_per_degree in the rig file"
            return Problem(("values", "spatial_frequency"), f"{action.spatial_frequency:g}", expected, hint)
        if action.grating is not None and self.cycle_of(action) < 2:
            found = f"a cycle of {self.cycle_of(action):.3g} pixels"
            return Problem(("values", "spatial_frequency"), found, "2 pixels at least")
        if self.refresh_rate and action.temporal_frequency > self.refresh_rate / 2:
            most = f"at most {self.refresh_rate / 2:g} Hz, half the refresh rate: it would seem to drift backwards"
            return Problem(("values", "temporal_frequency"), f"{action.temporal_frequency:g} Hz", most)
        return None

    def _play_problem(self, action: Play) -> Problem | None:
        if action.video is None:
            key = next(name for name in ("tone", "noise", "sound") if getattr(action, name))
            return Problem(("values", key), "a sound", "a video: a screen is silent")
        if action.video not in self.video_paths:
            hint = suggest(action.video, list(self.video_paths)) or "It has no videos."
            return Problem(("values", "video"), f"'{action.video}'", "a video of this screen", hint)
        return None

    def cycle_of(self, action: Show) -> float:
        """The width of a cycle of a grating in pixels."""
        if action.cycle is not None:
            return action.cycle
        return self.pixels_per_degree / (action.spatial_frequency or 1.0)

    def without_computer(self) -> Fate:
        return Fate("dark when the computer is off, but a frozen computer may leave its image on the screen", ends=True)


class Screen(Output[ScreenSettings]):
    """See ScreenSettings."""

    requires: ClassVar[Mapping[str, str]] = {"pygame": "pygame-ce"}
    arming = "start"
    ends_actions = True
    acknowledges = "picture handed over"

    def __init__(self, settings: ScreenSettings, log: Callable[[str], None]) -> None:
        super().__init__(settings, log)
        self._display = Display(log, self._patch)
        self._pictures: dict[str | None, Surface] = {}
        self._videos: dict[str, Video] = {}

    def open(self) -> None:
        s = self.settings
        place = Place(
            size=None if s.fullscreen else (s.width, s.height),
            position=(s.x, s.y) if min(s.x, s.y) >= 0 else None,
            index=s.display,
            offscreen=s.offscreen,
            refresh_rate=s.refresh_rate,
        )
        self._display.open(place, self._prepare)
        listed = ", ".join([*s.paths, *s.video_paths]) or "none"
        for name in s.video_paths:
            s.read("play", {"video": name})  # it notes its length, now rather than in the run
        self.log(f"screen: {self._display.description}; images and videos: {listed}")

    def _prepare(self, window: Window) -> Surface:
        s, size = self.settings, window.surface.get_size()
        self._pictures = as_surfaces(compose(size, s.paths, s.background, s.fit))
        self._videos = {
            name: Video(name, path, lambda frame: fitted(frame, size, s.fit)) for name, path in s.video_paths.items()
        }
        return self._pictures[None]

    def apply(self, action: Action) -> int:
        return self._display.show(lambda window: self._stimulus(action, window), action.text)

    def _stimulus(self, action: Action, window: Window) -> Stimulus:
        s, size = self.settings, window.surface.get_size()
        if isinstance(action, Show) and action.image is not None:
            return Still(self._pictures[action.image], refreshes(action.duration, window.rate))
        if isinstance(action, Show):
            return Grating(action, s.cycle_of(action), window.rate, size, colour_of(s.background), s.gamma)
        if isinstance(action, Play) and action.video is not None:
            video = self._videos[action.video]
            window.surface.blit(self._pictures[None], (0, 0))
            seconds = action.duration if action.loop else min(action.duration or video.seconds, video.seconds)
            return Clip(video, size, window.rate, refreshes(seconds, window.rate), action.loop)
        problem = flash_problem(action, window.rate)
        if problem is not None:
            raise OutputError(str(problem))
        return Flashes(action, window.rate, self._colour(action), self._pictures[None])

    def _colour(self, action: Action) -> tuple[int, int, int]:
        level = action.level if isinstance(action, Strength) else None
        factor = 1.0 if level is None else level ** (1 / self.settings.gamma)
        red, green, blue = (round(factor * value) for value in colour_of(self.settings.foreground))
        return red, green, blue

    def _patch(self, size: tuple[int, int]) -> Rect | None:
        corner, side = self.settings.patch, self.settings.patch_size
        if corner == "none":
            return None
        from pygame import Rect

        left = 0 if corner.endswith("left") else size[0] - side
        top = 0 if corner.startswith("top") else size[1] - side
        return Rect(left, top, side, side)

    def off(self) -> int:
        return self._display.clear()

    def close(self) -> None:
        self._display.close()

    def fault(self) -> str:
        return self._display.fault()

    def report(self) -> Report | None:
        shown = self._display.shown()
        if shown is None:
            return None
        values = {
            "action": shown.text,
            "begin": f"{shown.begin}",
            "refreshes": f"{shown.refreshes}",
            "dropped": f"{shown.dropped}",
            "screen": self._display.description,
        }
        if not shown.dropped:
            return Report(shown.end, values)
        remark = (
            f"'{shown.text}': {shown.dropped} of {shown.refreshes} refreshes were dropped: this computer was too busy"
        )
        return Report(shown.end, values, remark)

    def picture(self) -> Image:
        """The pixels that the screen holds now: (height, width, 3) uint8, red, green, blue."""
        return self._display.pixels()

    @property
    def hardware_id(self) -> str:
        return self._display.description
