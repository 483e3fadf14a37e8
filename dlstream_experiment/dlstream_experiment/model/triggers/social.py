"""How near two individuals are to each other."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dlstream_experiment.model.names import Label, Location
from dlstream_experiment.model.quantities import Condition, Distance, Keypoint
from dlstream_experiment.model.triggers._base import Context
from dlstream_experiment.model.triggers._bounded import Bounded, Match, check_different, check_match, how_many, listed
from dlstream_experiment.model.triggers._bounds import tests

_Parts = Annotated[tuple[Label, ...], Field(min_length=1, max_length=30)]


class SocialSettings(Bounded):
    """The distances between keypoints of one individual and keypoints of another, px or cm: sqrt(dx² + dy²).

    Every keypoint of `active` is paired with every one of `passive`. With match any (or all, or a number) of these
    distances <= at_most it is proximity, >= at_least distance. True when that is so for any pair of different
    individuals, the first of which is `individual` and the second `other`, where named. Not measurable with less
    than two individuals. DeepLabStream's SocialInteractionTrigger: proximity is `at_most` (there <, here <=),
    distance is `at_least`; both with match any.
    """

    type: Literal["social"]
    active: _Parts
    """Keypoints of one individual."""
    passive: _Parts
    """Keypoints of the other individual."""
    other: Label = "any"
    """The id of the other individual, or any."""
    match: Match = "any"
    """How many of the pairs of keypoints must meet the condition: any, all, or a number."""
    unit: Literal["px", "cm"] = "px"
    """The unit of the bounds; cm needs the camera's calibration."""

    @model_validator(mode="after")
    def _two(self) -> SocialSettings:
        check_different(self.active, self.passive)
        check_match(self.match, len(self.active) * len(self.passive))
        if self.individual != "any" and self.individual == self.other:
            raise ValueError("two different individuals")
        return self

    def build(self, context: Context) -> Condition:
        active = [Keypoint(self.seen(name, context), 0) for name in self.active]
        pairs = [(a, Keypoint(self.seen(name, context), 1)) for a in active for name in self.passive]
        scale = self.scale(context)
        bounds = (self.at_least, self.at_most, self.release)
        plain, release = tests(
            [Distance(pair) for pair in pairs], *(None if bound is None else bound * scale for bound in bounds)
        )
        return Condition(
            plain,
            needed=how_many(self.match, len(pairs)),
            release=release,
            individual=self.only,
            pair=True,
            other=None if self.other == "any" else self.other,
            min_confidence=self.min_confidence,
            shown=lambda value: value / scale,
        )

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return [*self.places("active"), *self.places("passive")]

    def in_words(self) -> str:
        other = "any other animal" if self.other == "any" else f"'{self.other}'"
        one = f"{listed(self.active, 'any')} of {self.individual_name}"
        many = "" if self.match == "any" else f" for {self.match} of the pairs"
        return f"{one} is {self.bounds} away from {listed(self.passive, 'any')} of {other}{many}{self.shape_in_words()}"
