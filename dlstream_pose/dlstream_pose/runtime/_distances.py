"""What proofs of a network file have in common: the distance to another network, and both errors by labels."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field


class ByLabels(BaseModel):
    """Mean distance to labels made by hand, in pixels of the labelled images: of this network, and of the other one.

    A subclass has a field for each, and names them.
    """

    model_config = ConfigDict(frozen=True)

    own_field: ClassVar[str]
    other_field: ClassVar[str]
    other_in_words: ClassVar[str]

    points: int = Field(ge=1)
    """Labelled points of which both have a pose; the errors are theirs."""
    missing: int = Field(0, ge=0)
    """Labelled points of which this one has no pose."""
    other_missing: int = Field(0, ge=0)
    """Labelled points of which the other one has none."""

    @property
    def percent(self) -> float:
        """How much worse than the other one, in percent; negative: better."""
        own, other = self._both()
        return 100 * (own / other - 1) if other else (0.0 if own == 0 else float("inf"))

    def in_words(self, digits: int) -> str:
        """Both, and the difference."""
        own, other = self._both()
        text = f"by {self.points} labels {own:.3f} px, {self.other_in_words} {other:.3f} ({self.percent:+.{digits}f} %)"
        if not (self.missing or self.other_missing):
            return text
        without = f"it has none of {self.missing} labels, {self.other_in_words} none of {self.other_missing}"
        return f"{text}, where both have a pose: {without}"

    def _both(self) -> tuple[float, float]:
        return float(getattr(self, self.own_field)), float(getattr(self, self.other_field))


class Distances(BaseModel):
    """Distances of keypoints in pixels; which keypoints, and pixels of what, a subclass says."""

    model_config = ConfigDict(frozen=True)

    frames: int = Field(ge=1)
    on: str
    """What the frames were."""
    median: float
    p95: float
    p99: float
    worst: float
    worst_at: str = ""
    """The keypoint and the frame of the worst distance."""

    def in_words(self, digits: int, digits_of_worst: int | None = None) -> str:
        """Them, without the unit."""
        last = digits if digits_of_worst is None else digits_of_worst
        return (
            f"median {self.median:.{digits}f}, p95 {self.p95:.{digits}f}, p99 {self.p99:.{digits}f}, "
            f"worst {self.worst:.{last}f}"
        )
