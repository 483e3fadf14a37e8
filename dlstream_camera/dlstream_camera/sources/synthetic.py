"""A synthetic arena: an animal that walks, turns and stops, with its true posture."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from dlstream_camera.arena import KEYPOINTS, Arena
from dlstream_camera.lamp import Lamp
from dlstream_camera.rate_limiter import RateLimiter
from dlstream_camera.sources._base import Capture, Format, FrameSource, SourceSettings
from dlstream_common import AnyPath, FramePoses, Individual, SourceError, now


class SyntheticSettings(SourceSettings):
    """A rendered arena in place of a camera. The same seed gives the same frames."""

    source: Literal["synthetic"] = "synthetic"
    """The kind of source."""
    frozen_after: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """As of every camera; but what is rendered may stand still."""
    width: Annotated[int, Field(ge=64, le=4096)] = 640
    """Width in pixels."""
    height: Annotated[int, Field(ge=64, le=4096)] = 480
    """Height in pixels."""
    fps: Annotated[float, Field(gt=0, le=1000)] = 30.0
    """Frames per second."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the animal's path and the image noise."""
    frames: Annotated[int, Field(ge=0)] = 0
    """Number of frames; 0: endless."""
    pace: bool = True
    """True: at the rate of `fps`; false: as fast as frames can be rendered and published."""
    lamp: AnyPath | None = None
    """The file of an output with `type: lamp`, which is then seen in the picture."""
    lamp_at: Annotated[list[int], Field(min_length=3, max_length=3)] = [40, 40, 12]
    """Where the lamp is, and its radius: x, y, radius in pixels."""

    def image_size(self) -> tuple[int, int]:
        return self.width, self.height

    def frame_rate(self) -> float | None:
        return self.fps if self.pace else None


class SyntheticSource(FrameSource[SyntheticSettings]):
    """Renders frames, and gives the true keypoints with each."""

    _arena: Arena | None = None
    _lamp: Lamp | None = None
    _number = 0

    def open(self) -> Format:
        wanted = self.settings
        self._arena = Arena(wanted.width, wanted.height, seed=wanted.seed, fps=wanted.fps)
        self._limiter = RateLimiter(wanted.fps)
        self._number = 0
        self._lamp = None if wanted.lamp is None else Lamp(wanted.lamp, wanted.lamp_at)
        text = f"synthetic arena, seed {wanted.seed}"
        return Format(wanted.width, wanted.height, wanted.fps if wanted.pace else 0.0, text, hardware_id="synthetic")

    def read(self) -> Capture | None:
        if self._arena is None:
            raise SourceError("synthetic arena: not open")
        if self.settings.frames and self._number >= self.settings.frames:
            return None
        image, points = self._arena.render(self._number)
        stamp = self._limiter.wait() if self.settings.pace else now()
        if self._lamp is not None:  # as it is at the moment of the stamp
            self._lamp.draw(image)
        x, y = points.astype(np.float32).T
        truth = FramePoses(
            "", self._number, stamp, tuple(KEYPOINTS), (Individual("", x, y, np.ones(len(KEYPOINTS), np.float32)),)
        )
        self._number += 1
        return Capture(image, stamp, self._number - 1, truth=truth)

    def close(self) -> None:
        self._arena = None
        if self._lamp is not None:
            self._lamp.close()
        self._lamp = None
