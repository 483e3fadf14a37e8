"""When the student learns how fast, and when it has learned enough. By the clock, since the user gives minutes."""

from __future__ import annotations

from dataclasses import dataclass, field

_WARM = 0.03
_ANNEAL = 0.4
"""From this share of the time on the rate of learning falls."""
_WHOLE = 0.7
"""From this share on whole frames are learned from; before, parts, which are several times as cheap."""
_PATIENCE = 0.2
_BETTER = 0.99
_FLOOR = 0.02


@dataclass
class Schedule:
    """What is to be done at which time.

    Attributes:
        seconds: how long to learn, altogether.
        scores: seconds and score of each validation; less is better.
    """

    seconds: float
    scores: list[tuple[float, float]] = field(default_factory=list)
    _shortened: float = 0.0

    @property
    def end(self) -> float:
        """When it ends: sooner than given, if it stopped getting better."""
        return self._shortened or self.seconds

    def share(self, elapsed: float) -> float:
        """How much of the time is over, from 0 to 1."""
        return min(1.0, elapsed / self.end)

    def rate(self, elapsed: float) -> float:
        """The rate of learning, relative to its peak."""
        share = self.share(elapsed)
        if share < _WARM:
            return max(0.05, share / _WARM)
        if share < _ANNEAL:
            return 1.0
        left = (1 - share) / (1 - _ANNEAL)
        return _FLOOR + (1 - _FLOOR) * left * left * (3 - 2 * left)

    def whole(self, elapsed: float) -> bool:
        """Whether to learn from whole frames."""
        return self.share(elapsed) >= _WHOLE

    def validated(self, elapsed: float, score: float) -> None:
        """Notes a score. If it has not got better for a fifth of the time, the rest is shortened.

        At a falling rate it always gets better once more, so the fall is done in any case: the time is shortened so
        that the fall begins now.
        """
        self.scores.append((elapsed, score))
        if self._shortened or self.share(elapsed) >= _ANNEAL:
            return
        before = [value for time, value in self.scores if time < elapsed - _PATIENCE * self.seconds]
        since = [value for time, value in self.scores if time >= elapsed - _PATIENCE * self.seconds]
        if len(before) >= 2 and min(since) > _BETTER * min(before):
            self._shortened = elapsed / _ANNEAL

    @property
    def best(self) -> bool:
        """Whether the last score is the best."""
        return bool(self.scores) and self.scores[-1][1] <= min(score for _, score in self.scores)
