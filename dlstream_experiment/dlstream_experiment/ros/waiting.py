"""A run that can't begin yet, and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass

_WORTH_A_LINE = 1.0
"""Seconds that a run has to wait for something until the log says it."""


@dataclass
class Waiting:
    """A run that is to begin as soon as it can; its times are seconds of the monotonic clock.

    Attributes:
        deadline: until when the outputs have to answer.
        for_poses: whether it waits for the first poses, too.
        reason: what it waits for, since when.
        logged: the last reason that stands in the log.
        lacks_output: whether that is an output.
        asked: by a service; false: it begins by itself, or a goal says how it ends.
    """

    deadline: float
    for_poses: bool
    reason: str = ""
    since: float = 0.0
    logged: str = ""
    lacks_output: bool = False
    asked: bool = False

    def is_new(self, reason: str, steady: float) -> bool:
        """Notes what it waits for now; whether it waited for something else before."""
        if self.reason == reason:
            return False
        self.reason, self.since = reason, steady
        return True

    def is_worth_a_line(self, steady: float) -> bool:
        """Whether the log should say now what it waits for: once, and only if that takes a while."""
        if steady - self.since <= _WORTH_A_LINE or self.logged == self.reason:
            return False
        self.logged = self.reason
        return True
