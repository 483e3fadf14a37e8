"""An animal inside or outside a region."""

from __future__ import annotations

from collections.abc import Iterator
from math import nextafter
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from dlstream_common import Problem
from dlstream_experiment.model.names import Label, Location
from dlstream_experiment.model.quantities import (
    INFINITY,
    Condition,
    EdgeDistance,
    Fixed,
    Inside,
    Keypoint,
    SquaredDistance,
    SumOfDistances,
    Test,
)
from dlstream_experiment.model.regions import Circle, Ellipse, Polygon, Rectangle, Region
from dlstream_experiment.model.triggers._base import Context, PoseSettings
from dlstream_experiment.model.triggers._bounded import Match, check_different, check_match, how_many, listed
from dlstream_experiment.model.triggers._bounds import Threshold


class RegionTriggerSettings(PoseSettings):
    """True when keypoints of an individual lie inside (or outside) a region; a region's border is inside.

    A keypoint is seen where x and y are not NaN and confidence >= min_confidence. Of k keypoints n must meet it:
    match any is n = 1, all is n = k. An individual

    - meets the condition when at least n of the seen keypoints do;
    - does not when more than k - n of the seen keypoints do not;
    - otherwise is unknown.

    The trigger is true when any individual meets the condition, false when no individual does of those of
    which a keypoint is seen, and otherwise (no animal, or one that is unknown) `missing` decides. It measures
    how many keypoints fulfil it.
    DeepLabStream's RegionTrigger is `match: any`, its OutsideTrigger `inside: false` with `match: all`, both with
    `missing: hold`.
    """

    type: Literal["region"]
    region: Label
    """Name of a region of this file."""
    keypoints: Annotated[tuple[Label, ...], Field(min_length=1, max_length=100)]
    """One or more of the network's keypoints."""
    inside: bool = True
    """true: inside or on the border; false: outside."""
    match: Match = "any"
    """How many of the keypoints must meet the condition: any, all, or a number."""
    release: Label | None = None
    """Hysteresis: while the condition is true, this region is used instead."""

    @model_validator(mode="after")
    def _enough(self) -> RegionTriggerSettings:
        check_different(self.keypoints)
        check_match(self.match, len(self.keypoints))
        return self

    def build(self, context: Context) -> Condition:
        def tests(region: str) -> tuple[Test, ...]:
            return tuple(region_test(context.regions[region], name, self.inside) for name in self.keypoints)

        return Condition(
            tests=tests(self.region),
            release=None if self.release is None else tests(self.release),
            needed=how_many(self.match, len(self.keypoints)),
            individual=self.only,
            min_confidence=self.min_confidence,
            shown=None,
        )

    def shown_bounds(self) -> Threshold:
        unit = f"of {len(self.keypoints)} keypoint{'s' if len(self.keypoints) > 1 else ''}"
        return Threshold(at_least=how_many(self.match, len(self.keypoints)), unit=unit)

    def problems(self, context: Context) -> Iterator[Problem]:
        yield from super().problems(context)
        if self.release is None or self.release not in context.regions or self.region not in context.regions:
            return
        region, release = context.regions[self.region], context.regions[self.release]
        inner, outer = (region, release) if self.inside else (release, region)
        if (region.camera or context.camera) == (release.camera or context.camera) and not _holds(outer, inner):
            expected = f"a region that has all of '{self.region}' in it: it is used while the trigger is true"
            if not self.inside:
                expected = f"a region that lies within '{self.region}': outside of it the trigger stays true"
            yield Problem(("release",), f"'{self.release}'", expected)

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return self.places("keypoints")

    def regions_used(self) -> list[tuple[Location, str]]:
        release = [] if self.release is None else [(("release",), self.release)]
        return [(("region",), self.region), *release]

    def in_words(self) -> str:
        verb = "is" if len(self.keypoints) == 1 or self.match in ("any", 1) else "are"
        side = "inside" if self.inside else "outside"
        then = "" if self.release is None else f" (once true, {side} '{self.release}')"
        where = f"{verb} {side} '{self.region}'{then}"
        return f"{listed(self.keypoints, self.match)} of {self.individual_name} {where}{self.shape_in_words()}"


def _holds(outer: Region, inner: Region) -> bool:
    """Whether all of a region lies in another one, up to a thousandth of its size."""
    corners = inner.outline().astype(np.float64)
    left, top, right, bottom = inner.bounds
    middle = np.array(((left + right) / 2, (top + bottom) / 2))
    share = np.linspace(0, 1, 16, endpoint=False)[:, np.newaxis, np.newaxis]
    border = corners + share * (np.roll(corners, -1, axis=0) - corners)
    border = middle + 0.999 * (border.reshape(-1, 2) - middle)
    return bool(outer.contains(border[:, 0], border[:, 1]).all())


def region_test(region: Region, keypoint: str, inside: bool) -> Test:
    """Whether a keypoint is inside (or outside), by the very arithmetic of the region's own `contains`."""
    part = Keypoint(keypoint)
    if isinstance(region, Circle):
        square = region.radius * region.radius
        quantity = SquaredDistance((Fixed(*region.center), part))
        return Test(quantity, -INFINITY, square) if inside else Test(quantity, nextafter(square, INFINITY), INFINITY)
    if isinstance(region, Ellipse):
        first, second = (Fixed(*focus) for focus in region.foci)
        sum_, reach = SumOfDistances((first, part), (second, part)), region.reach
        return Test(sum_, -INFINITY, reach) if inside else Test(sum_, nextafter(reach, INFINITY), INFINITY)
    if isinstance(region, Rectangle):
        depth = EdgeDistance(part, region.left, region.top, region.right, region.bottom)
        return Test(depth, 0.0, INFINITY) if inside else Test(depth, -INFINITY, nextafter(0.0, -1.0))
    assert isinstance(region, Polygon)
    polygon = Inside(part, region.points)
    return Test(polygon, 0.5, 1.5) if inside else Test(polygon, -0.5, 0.5)
