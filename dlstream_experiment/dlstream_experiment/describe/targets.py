"""The places and directions at which triggers aim, to be drawn: points of the image, its edges, the angle allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.regions import Point
from dlstream_experiment.model.triggers.direction import (
    EDGES,
    DirectionSettings,
    HeadDirectionRegionSettings,
    HeadDirectionSettings,
)


@dataclass(frozen=True)
class Target:
    """What a trigger aims at.

    Attributes:
        trigger: its name.
        point: in pixels; None: infinitely far away, in `direction`.
        direction: (x, y) of an edge, y downwards; (0, 0) where there is a point.
        least, most: the angles that are true, in degrees, 0: straight at it.
    """

    trigger: str
    point: Point | None
    direction: tuple[int, int]
    least: float
    most: float

    def __str__(self) -> str:
        if self.least > 0 and self.most < 180:
            return f"{self.trigger}: {self.least:g} to {self.most:g}\N{DEGREE SIGN}"
        bound = f"\u2265 {self.least:g}" if self.least > 0 else f"\u2264 {self.most:g}"
        return f"{self.trigger}: {bound}\N{DEGREE SIGN}"


def targets_of(experiment: Experiment, camera: str) -> Iterator[Target]:
    """The targets of the triggers that look at a camera's poses."""
    for name, trigger in experiment.triggers.items():
        if not isinstance(trigger, (DirectionSettings, HeadDirectionSettings, HeadDirectionRegionSettings)):
            continue
        if trigger.camera_in(experiment.context) != camera:
            continue
        point, direction = trigger.point, (0, 0)
        if isinstance(trigger, DirectionSettings) and trigger.edge is not None:
            direction = EDGES[trigger.edge]
            point = trigger.middle_of_edge
        least = 0.0 if trigger.at_least is None else trigger.at_least
        yield Target(name, point, direction, least, 180.0 if trigger.at_most is None else trigger.at_most)
