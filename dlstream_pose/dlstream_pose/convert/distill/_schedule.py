"""When the student learns how fast, and when it has learned enough. By the clock, since the user gives minutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_WARM = 0.03
_FALL = 0.4
"""From this share of the time on the rate of learning falls: it is in the fall that a student gets exact."""
_WHOLE = 0.5
"""From this share of the fall on whole frames are learned from; before, parts, which are several times as cheap."""
_PLATEAU = 0.2
_BETTER = 0.998
_FLOOR = 0.02
_ALIKE = 1.1
"""Scores of so few frames differ by this factor by chance."""


@dataclass
class Schedule:
    """What is to be done at which time.

    Attributes:
        seconds: how long to learn, altogether.
        scores: seconds and score of each validation; less is better.
    """

    seconds: float
    scores: list[tuple[float, float]] = field(default_factory=list)
    _stuck: float = 0.0

    @property
    def end(self) -> float:
        """When it ends: sooner than given, if it stopped getting better."""
        return min(self.seconds, 2 * self._stuck) if self._stuck else self.seconds

    @property
    def fall(self) -> float:
        """When the rate of learning begins to fall."""
        return self._stuck or _FALL * self.seconds

    def rate(self, elapsed: float) -> float:
        """The rate of learning, relative to its peak."""
        warm = _WARM * self.end
        if elapsed < warm:
            return max(0.05, elapsed / warm)
        if elapsed < self.fall:
            return 1.0
        left = max(0.0, self.end - elapsed) / (self.end - self.fall)
        return _FLOOR + (1 - _FLOOR) * left * left * (3 - 2 * left)

    def whole(self, elapsed: float) -> bool:
        """Whether to learn from whole frames."""
        return elapsed >= self.fall + _WHOLE * (self.end - self.fall)

    def validated(self, elapsed: float, score: float) -> None:
        """Notes a score. If it has not got better for a fifth of the time, the fall begins now.

        At a falling rate it always gets better once more, so the fall is done in any case: as long as all before it.
        """
        self.scores.append((elapsed, score))
        if elapsed >= self.fall:
            return
        before = [value for time, value in self.scores if time < elapsed - _PLATEAU * self.seconds]
        since = [value for time, value in self.scores if time >= elapsed - _PLATEAU * self.seconds]
        if len(before) >= 2 and min(since) > _BETTER * min(before):
            self._stuck = elapsed

    @property
    def kept(self) -> dict[str, Any]:
        """What `resume` needs to go on, in numbers and lists."""
        return {"seconds": self.seconds, "scores": self.scores, "stuck": self._stuck}

    def resume(self, kept: Mapping[str, Any]) -> None:
        """Goes on from what was kept. With more time than before also one that was stuck has a way to go yet."""
        self.scores = [(float(elapsed), float(score)) for elapsed, score in kept["scores"]]
        self._stuck = 0.0 if self.seconds > float(kept["seconds"]) else float(kept["stuck"])

    @property
    def best(self) -> bool:
        """Whether the last score is the best, but for chance: the later, the exacter, since the rate falls."""
        return bool(self.scores) and self.scores[-1][1] <= _ALIKE * min(score for _, score in self.scores)
