"""A trigger and a protocol of one's own, as python.yaml names them. They have the interface of the built-in ones.

A trigger's fields are its options in the file. `build` makes the object that decides on scenes; it has no
clock: time is the scene's stamp (nanoseconds). The same poses must always give the same decisions, or a replay can't
repeat them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from dlstream_experiment.model.names import SECOND, Label, Location
from dlstream_experiment.model.pose_array import PoseArray
from dlstream_experiment.model.protocols import (
    Arrow,
    Box,
    Diagram,
    End,
    Note,
    Off,
    On,
    Protocol,
    ProtocolSettings,
    Step,
    Stimulus,
)
from dlstream_experiment.model.triggers import Context, Trigger, TriggerSettings


class NearWall(TriggerSettings):
    """True when a keypoint of any animal is within `distance` pixels of the image's border (<=)."""

    keypoint: Label
    """The keypoint to look at."""
    width: Annotated[int, Field(gt=0)]
    """Width of the image in pixels."""
    height: Annotated[int, Field(gt=0)]
    """Height of the image in pixels."""
    distance: Annotated[float, Field(ge=0)] = 30.0
    """Pixels from the border."""
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """A keypoint with less counts as not seen: the network gives it a place all the same."""

    def build(self, context: Context) -> Trigger:
        return NearWallTrigger(self)

    def camera_in(self, context: Context) -> str:
        return context.camera

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return [(("keypoint",), self.keypoint)]

    def in_words(self) -> str:
        return f"the {self.keypoint} is within {self.distance:g} px of the image's border"


class NearWallTrigger(Trigger):
    """See NearWall."""

    def __init__(self, settings: NearWall) -> None:
        self._settings = settings
        self._column = 0

    def bind(self, keypoints: Sequence[str]) -> None:
        if self._settings.keypoint not in keypoints:
            raise KeyError(self._settings.keypoint)
        self._column = list(keypoints).index(self._settings.keypoint)

    def decide(self, poses: PoseArray) -> bool | None:
        x, y = poses.x[:, self._column], poses.y[:, self._column]
        to_border = np.minimum(
            np.minimum(x, self._settings.width - 1 - x), np.minimum(y, self._settings.height - 1 - y)
        )
        to_border[poses.confidence[:, self._column] < self._settings.min_confidence] = np.nan
        if np.isnan(to_border).all():
            return None  # no animal seen: the last decision stays
        return bool(np.nanmin(to_border) <= self._settings.distance)


class EveryOther(ProtocolSettings):
    """A stimulus for every other time that a trigger becomes true, until so many have been given."""

    trigger: Label
    """The trigger that counts."""
    stimulus: Stimulus
    """Given while the trigger is true, every other time."""
    stimuli: Annotated[int, Field(ge=1)] = 10
    """How many stimuli end the experiment."""
    max_time: Annotated[float, Field(gt=0)] = 600.0
    """Seconds after which the experiment ends."""

    def create(self, seed: int = 0) -> Protocol:
        return EveryOtherProtocol(self)

    def triggers_used(self) -> list[tuple[Location, str]]:
        return [(("trigger",), self.trigger)]

    def stimuli_used(self) -> list[tuple[Location, Stimulus]]:
        return [(("stimulus",), self.stimulus)]

    def in_words(self) -> list[str]:
        given = f"{self.stimulus.output} {self.stimulus.action}"
        return [
            f"Every other time that {self.trigger} becomes true: {given}, as long as it is true.",
            f"The experiment ends after {self.stimuli} stimuli or {self.max_time:g} s.",
        ]

    def diagram(self) -> Diagram:
        boxes = (
            Box("waiting", (), "start"),
            Box("stimulus", (f"{self.stimulus.output} {self.stimulus.action}",)),
            Box("end", (f"{self.stimuli} stimuli", f"longer than {self.max_time:g} s"), "end"),
        )
        there = Arrow("waiting", "stimulus", f"every other time that {self.trigger} is true")
        return Diagram(boxes, (there, Arrow("stimulus", "waiting", f"{self.trigger} is false")))


class EveryOtherProtocol(Protocol):
    """See EveryOther."""

    def __init__(self, settings: EveryOther) -> None:
        self._settings = settings
        self._started = self._seen = self._given = 0
        self._inside = False

    def start(self, stamp: int) -> list[Step]:
        self._started = stamp
        return []

    def evaluate(self, stamp: int, decided: Mapping[str, bool], held: Mapping[str, bool]) -> list[Step]:
        inside = decided.get(self._settings.trigger, self._inside)
        before, self._inside = self._inside, inside
        if inside and not before:
            self._seen += 1
            if self._seen % 2:
                self._given += 1
                return [Note("stimulus", str(self._given)), On(self._settings.stimulus)]
        elif before and not inside:
            over = self._given >= self._settings.stimuli
            return [Off(self._settings.stimulus.output), *([End("all stimuli were given")] if over else [])]
        return self.tick(stamp)

    def tick(self, stamp: int) -> list[Step]:
        over = stamp - self._started > self._settings.max_time * SECOND
        return [End(f"{self._settings.max_time:g} s are over")] if over else []

    def stop(self, stamp: int, reason: str) -> list[Step]:
        return []

    @property
    def state(self) -> str:
        return "near the wall" if self._inside else "waiting"

    @property
    def counts(self) -> Mapping[str, int]:
        return {"seen": self._seen, "stimuli": self._given}
