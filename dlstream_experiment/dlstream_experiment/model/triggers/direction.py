"""Which way an animal faces: lines between its keypoints against points, edges and its own body."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dlstream_common import misfit
from dlstream_experiment.model.names import Label, Location
from dlstream_experiment.model.quantities import (
    Angle,
    Condition,
    Fixed,
    Keypoint,
    Quantity,
    Test,
    Vector,
    angle_value,
    degrees_of,
)
from dlstream_experiment.model.regions import Point
from dlstream_experiment.model.triggers._base import Context
from dlstream_experiment.model.triggers._bounded import Angled, check_different
from dlstream_experiment.model.triggers._bounds import Threshold, tests
from dlstream_experiment.model.triggers.region import region_test

EDGES: dict[str, tuple[int, int]] = {"north": (0, -1), "south": (0, 1), "west": (-1, 0), "east": (1, 0)}
_Pixels = Annotated[int, Field(ge=1, le=100_000)]


def place_in_words(point: Point) -> str:
    """A place in the image."""
    x, y = point
    return f"({x:.9g}, {y:.9g})"


def _turned(settings: Angled, quantity: Quantity) -> tuple[tuple[Test, ...], tuple[Test, ...] | None]:
    bounds = (settings.at_least, settings.at_most, settings.release)
    return tests([quantity], *(None if bound is None else angle_value(bound) for bound in bounds))


class _OneAngle(Angled):
    def quantity(self) -> Quantity:
        """The angle."""
        raise NotImplementedError

    def build(self, context: Context) -> Condition:
        plain, release = _turned(self, self.quantity())
        return Condition(
            plain, release=release, individual=self.only, min_confidence=self.min_confidence, shown=degrees_of
        )


class DirectionSettings(_OneAngle):
    """The angle at `start` between the line start -> end and the line from start to the target, 0 to 180 degrees.

    True when the angle is <= at_most (looks at it) or >= at_least (looks away). The target is a `point`, or an
    `edge` of the image: north (top), east (right), south (bottom), west (left). With `frame`, the image's width and
    height, it is the middle of that edge, as in DeepLabStream's ScreenTrigger; without, it is infinitely far away in
    that direction, so that the animal's place does not matter. Not measurable where start and end, or start and
    target, coincide. DeepLabStream's DirectionTrigger and ScreenTrigger, with `at_most` for their angle.
    """

    type: Literal["direction"]
    start: Label
    """The keypoint at which the line begins, such as neck."""
    end: Label
    """The keypoint through which it goes, such as snout."""
    point: Point | None = None
    """A place in the image: x and y, pixels."""
    edge: Literal["north", "south", "east", "west"] | None = None
    """An edge of the image."""
    frame: tuple[_Pixels, _Pixels] | None = None
    """The image's width and height in pixels, to aim at the middle of the edge."""

    @model_validator(mode="after")
    def _one_target(self) -> DirectionSettings:
        if (self.point is None) == (self.edge is None):
            raise ValueError("either a point or an edge")
        if self.frame is not None and self.edge is None:
            raise misfit("frame", "a frame only with an edge")
        check_different((self.start, self.end))
        return self

    def quantity(self) -> Quantity:
        return Angle((Keypoint(self.start), Keypoint(self.end)), self._target())

    def _target(self) -> Vector:
        if self.point is not None:
            return (Keypoint(self.start), Fixed(*self.point))
        assert self.edge is not None
        middle = self.middle_of_edge
        return (Fixed(0, 0), Fixed(*EDGES[self.edge])) if middle is None else (Keypoint(self.start), Fixed(*middle))

    @property
    def middle_of_edge(self) -> Point | None:
        """The middle of the edge of `frame`; None without one."""
        if self.edge is None or self.frame is None:
            return None
        (x, y), (width, height) = EDGES[self.edge], self.frame
        return width / 2 * (1 + x), height / 2 * (1 + y)

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return [(("start",), self.start), (("end",), self.end)]

    def in_words(self) -> str:
        target = f"the {self.edge} edge (only the direction counts, wherever the animal is)"
        if self.point is not None:
            target = place_in_words(self.point)
        elif self.frame is not None:
            target = "the middle of the {} edge of an image of {}x{}".format(self.edge, *self.frame)
        line = f"the line from {self.start} to {self.end} of {self.individual_name}"
        return f"{line} points {self.bounds} away from {target}{self.shape_in_words()}"


class HeadDirectionSettings(_OneAngle):
    """The angle between the line neck -> nose and the line from the nose to a point, 0 to 180 degrees.

    0: the head points at it. True when the angle is <= at_most (or >= at_least). Not measurable where the nose is at
    the point or at the neck. DeepLabStream's HeadDirectionTrigger, with `at_most` for its angle.
    """

    type: Literal["head_direction"]
    neck: Label = "neck"
    """The keypoint of the neck."""
    nose: Label = "nose"
    """The keypoint of the nose."""
    point: Point
    """A place in the image: x and y, pixels."""

    @model_validator(mode="after")
    def _two(self) -> HeadDirectionSettings:
        check_different((self.neck, self.nose))
        return self

    def quantity(self) -> Quantity:
        return Angle((Keypoint(self.neck), Keypoint(self.nose)), (Keypoint(self.nose), Fixed(*self.point)))

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return [(("neck",), self.neck), (("nose",), self.nose)]

    def in_words(self) -> str:
        head = f"the head ({self.neck} to {self.nose}) of {self.individual_name} points {self.bounds} away"
        return f"{head} from {place_in_words(self.point)} as seen from its {self.nose}{self.shape_in_words()}"


class EgoHeadDirectionSettings(_OneAngle):
    """How far the head is turned from the body: the angle between tailroot -> neck and neck -> nose, 0 to 180 degrees.

    0: straight ahead. True when the angle is >= at_least (or <= at_most) and turned to the animal's own left or right
    as seen from above; both: to either side. Straight ahead and straight back belong to both sides.
    DeepLabStream's EgoHeadDirectionTrigger with angle a is `at_least: 180 - a`.
    """

    type: Literal["ego_head_direction"]
    tailroot: Label = "tailroot"
    """The keypoint at which the body axis begins."""
    neck: Label = "neck"
    """The keypoint at which the body axis ends and the head begins."""
    nose: Label = "nose"
    """The keypoint at which the head ends."""
    side: Literal["left", "right", "both"] = "both"
    """The animal's own side, seen from above in an image that is not mirrored."""

    @model_validator(mode="after")
    def _three(self) -> EgoHeadDirectionSettings:
        check_different((self.tailroot, self.neck, self.nose))
        return self

    def quantity(self) -> Quantity:
        body, head = (Keypoint(self.tailroot), Keypoint(self.neck)), (Keypoint(self.neck), Keypoint(self.nose))
        if self.side == "both":
            return Angle(body, head)
        return Angle(body, head, sided=True) if self.side == "right" else Angle(head, body, sided=True)

    def build(self, context: Context) -> Condition:
        both = super().build(context)
        if self.side == "both":
            return both
        # Not below 0, which is the other side.
        plain = tuple(Test(item.quantity, max(item.low, 0.0), item.high) for item in both.tests)
        release = both.release and tuple(Test(item.quantity, max(item.low, 0.0), item.high) for item in both.release)
        return Condition(
            plain, release=release, individual=self.only, min_confidence=self.min_confidence, shown=degrees_of
        )

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return [(("tailroot",), self.tailroot), (("neck",), self.neck), (("nose",), self.nose)]

    def in_words(self) -> str:
        side = "to either side" if self.side == "both" else f"to the {self.side}"
        head = f"the head ({self.neck} to {self.nose}) of {self.individual_name}"
        body = f"from its body ({self.tailroot} to {self.neck})"
        return f"{head} is turned {side} by {self.bounds} {body}{self.shape_in_words()}"


class HeadDirectionRegionSettings(Angled):
    """The angle of head_direction, and the nose inside (or outside) a region, of the same individual.

    True when the angle is <= at_most (or >= at_least) and the nose is inside (the border included), or outside with
    `inside: false`; false when one of the two is not met; else not measurable. It measures the number of the two
    that are met. DeepLabStream's two HeadDirectionROITriggers: one is `inside: false` with the region's centre as
    the point, the other `inside: true`.
    """

    type: Literal["head_direction_region"]
    neck: Label = "neck"
    """The keypoint of the neck."""
    nose: Label = "nose"
    """The keypoint of the nose."""
    point: Point
    """A place in the image: x and y, pixels."""
    region: Label
    """Name of a region of this file."""
    inside: bool = True
    """true: the nose is inside or on the border; false: outside."""
    keypoint: Label | None = None
    """The keypoint that must be inside or outside; if omitted: the nose."""

    @model_validator(mode="after")
    def _two(self) -> HeadDirectionRegionSettings:
        check_different((self.neck, self.nose))
        return self

    def build(self, context: Context) -> Condition:
        angle = Angle((Keypoint(self.neck), Keypoint(self.nose)), (Keypoint(self.nose), Fixed(*self.point)))
        plain, release = _turned(self, angle)
        within = region_test(context.regions[self.region], self.keypoint or self.nose, self.inside)
        return Condition(
            (*plain, within),
            needed=2,
            release=None if release is None else (*release, within),
            individual=self.only,
            min_confidence=self.min_confidence,
            shown=None,
        )

    def shown_bounds(self) -> Threshold:
        return Threshold(at_least=2, unit="of 2 conditions")

    def keypoints_used(self) -> list[tuple[Location, str]]:
        used: list[tuple[Location, str]] = [(("neck",), self.neck), (("nose",), self.nose)]
        return used if self.keypoint is None else [*used, (("keypoint",), self.keypoint)]

    def regions_used(self) -> list[tuple[Location, str]]:
        return [(("region",), self.region)]

    def in_words(self) -> str:
        where = f"its {self.keypoint or self.nose} is {'inside' if self.inside else 'outside'} '{self.region}'"
        head = f"the head ({self.neck} to {self.nose}) of {self.individual_name} points {self.bounds} away"
        head += f" from {place_in_words(self.point)} as seen from its {self.nose}"
        return f"{head} and {where}{self.shape_in_words()}"
