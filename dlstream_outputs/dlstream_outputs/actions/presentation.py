"""What can be shown to an animal, and what can be played to it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dlstream_common import Name
from dlstream_common.settings import misfit
from dlstream_outputs.actions.action import Action
from dlstream_outputs.actions.quantities import Degrees, Drift, Hertz, Plain, Seconds

_OF_GRATINGS = ("direction", "cycle", "spatial_frequency", "temporal_frequency", "contrast", "diameter")


class Show(Action):
    """Shows a picture or a grating: `show` with `image: left`, or with `grating: sine` and `cycle: 80`."""

    name = "show"
    image: str | None = None
    """Name of an image of the output."""
    grating: Literal["sine", "square"] | None = None
    """Profile of a grating, which drifts if it has a `temporal_frequency`."""
    direction: Degrees = 0.0
    """Where the grating drifts, in degrees: 0 to the right, 90 upwards. Its stripes are at a right angle to it."""
    cycle: Annotated[float, Plain, Field(ge=2, le=100_000)] | None = None
    """Width of a cycle (a bright and a dark stripe) in pixels."""
    spatial_frequency: Annotated[float, Plain, Field(gt=0, le=100)] | None = None
    """Cycles per degree of visual angle, in place of `cycle`; needs `pixels_per_degree` of the output."""
    temporal_frequency: Drift = 0.0
    """Cycles that pass a point in a second, in Hz; 0: it stands still."""
    contrast: Annotated[float, Plain, Field(gt=0, le=1)] = 1.0
    """Contrast by Michelson, 0 to 1."""
    diameter: Annotated[int, Plain, Field(ge=0, le=100_000)] = 0
    """Diameter in pixels of the disc in which the grating is seen; 0: on the whole screen."""
    duration: Seconds | None = None
    """Seconds until the screen is empty again; left out: until the next command."""

    @model_validator(mode="after")
    def _one_thing(self) -> Show:
        if self.image is None and self.grating is None:
            raise misfit("image", "what to show: image or grating")
        if self.image is not None and self.grating is not None:
            raise misfit("grating", "only one of image and grating")
        if self.image is not None:
            extra = [name for name in _OF_GRATINGS if name in self.model_fields_set]
            if extra:
                raise misfit(extra[0], "only with a grating, and no image")
        elif (self.cycle is None) == (self.spatial_frequency is None):
            key = "cycle" if self.cycle is None else "spatial_frequency"
            raise misfit(key, "the width of the stripes as one of cycle (pixels) and spatial_frequency (cycles/degree)")
        return self

    @property
    def seconds(self) -> float | None:
        return self.duration


class Play(Action):
    """Plays a sound or a video: `play` with `tone: 5 kHz` and `duration: 0.2 s`, or with `video: looming`."""

    name = "play"
    tone: Hertz | None = None
    """Frequency of a tone in Hz."""
    noise: bool = False
    """White noise."""
    sound: Name | None = None
    """Name of a sound file of the output."""
    video: str | None = None
    """Name of a video of the output."""
    duration: Seconds | None = None
    """Length in seconds; left out: a file to its end, tones and noise until the output gets `off`."""
    volume: Annotated[float, Plain, Field(ge=0, le=1)] = 1.0
    """Loudness from 0 to 1, of the output's own volume."""
    loop: bool = False
    """The video begins again at its end, until the `duration` is over or the next command comes."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Play:
        given = [name for name in ("tone", "noise", "sound", "video") if getattr(self, name)]
        if not given:
            raise misfit("tone", "what to play: tone, noise, sound or video")
        if len(given) > 1:
            raise misfit(given[1], f"only one of {' and '.join(given)}")
        if self.video is None and self.loop:
            raise misfit("loop", "a video, which alone can loop")
        if self.video is not None and "volume" in self.model_fields_set:
            raise misfit("volume", "no volume: videos are shown without their sound")
        return self

    @property
    def seconds(self) -> float | None:
        return self.duration
