"""An animal inside or outside a region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from dlstream_experiment.names import Label, Location
from dlstream_experiment.regions import Region
from dlstream_experiment.scene import Scene
from dlstream_experiment.triggers._base import Context, Trigger, TriggerSettings


def _word(value: Any) -> Any:
    return "false" if value is False else value  # as YAML reads a plain false


class RegionTriggerSettings(TriggerSettings):
    """True when keypoints of an individual lie inside (or outside) a region; a region's border is inside.

    A keypoint is seen where x and y are not NaN and confidence >= min_confidence.

    - match any: true when a seen keypoint fulfils it; false when all keypoints are seen and none does;
    - match all: true when all keypoints are seen and fulfil it; false when a seen keypoint does not;
    - otherwise the individual tells nothing.

    The trigger is true when it holds for any one of the individuals, false when it holds for none of those of
    which a keypoint is seen, and else (no animal, or an animal that tells nothing) `missing` decides.
    DeepLabStream's RegionTrigger is `match: any`, its OutsideTrigger `inside: false` with `match: all`, both with
    `missing: hold`.
    """

    type: Literal["region"]
    region: Label
    """Name of a region of this file."""
    keypoints: Annotated[tuple[Label, ...], Field(min_length=1)]
    inside: bool = True
    """true: inside or on the border; false: outside."""
    match: Literal["any", "all"] = "any"
    """How many of the keypoints must fulfil it."""
    individual: Label = "any"
    """The id of one individual, or any."""
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """A keypoint with less counts as not seen."""
    missing: Annotated[Literal["hold", "false"], BeforeValidator(_word)] = "hold"
    """What it means that no keypoint tells: the last decision stays, or the trigger is false."""

    def create(self, context: Context) -> Trigger:
        return RegionTrigger(self, context.regions[self.region])

    def camera_in(self, context: Context) -> str:
        return context.regions[self.region].camera or context.camera

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return [(("keypoints", index), name) for index, name in enumerate(self.keypoints)]

    def regions_used(self) -> list[tuple[Location, str]]:
        return [(("region",), self.region)]


class RegionTrigger(Trigger):
    """See RegionTriggerSettings."""

    def __init__(self, settings: RegionTriggerSettings, region: Region) -> None:
        self._settings = settings
        self._region = region
        self._columns: list[int] = []

    def bind(self, keypoints: Sequence[str]) -> None:
        for name in self._settings.keypoints:
            if name not in keypoints:
                raise KeyError(name)
        self._columns = [list(keypoints).index(name) for name in self._settings.keypoints]

    def decide(self, scene: Scene) -> bool | None:
        value = self._decide(scene)
        return False if value is None and self._settings.missing == "false" else value

    def _decide(self, scene: Scene) -> bool | None:
        rows = self._rows(scene)
        if not rows:
            return None
        block = np.ix_(rows, self._columns)
        x, y = scene.x[block], scene.y[block]
        seen = (scene.confidence[block] >= self._settings.min_confidence) & ~(np.isnan(x) | np.isnan(y))
        fulfilled = self._region.contains(x, y) == self._settings.inside
        yes, no = seen & fulfilled, seen & ~fulfilled
        if self._settings.match == "any":
            true, false = yes.any(axis=1), no.all(axis=1)
        else:
            true, false = yes.all(axis=1), no.any(axis=1)
        if true.any():
            return True
        present = seen.any(axis=1)
        return False if present.any() and false[present].all() else None

    def _rows(self, scene: Scene) -> list[int]:
        wanted = self._settings.individual
        return [row for row, name in enumerate(scene.ids) if wanted in ("any", name)]
