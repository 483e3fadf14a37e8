"""The trials of one run, as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class TrialList:
    """The trials of a run in their order, and the one in progress.

    Attributes:
    begun: how many trials have begun.
    current: the condition of the trial in progress; None between trials.
    since: when it began.
    """

    def __init__(self, conditions: Sequence[str], *, used: bool) -> None:
        self._conditions = conditions
        self._used = used
        self.begun = 0
        self.current: str | None = None
        self.since = 0

    @property
    def next(self) -> str | None:
        """The condition of the trial that comes next; None where none is left."""
        return self._conditions[self.begun] if self.begun < len(self._conditions) else None

    def begin(self, stamp: int) -> str | None:
        """Begins the next trial, if there is one."""
        name = self.next
        if name is not None:
            self.current, self.since = name, stamp
            self.begun += 1
        return name

    @property
    def counts(self) -> Mapping[str, int]:
        """What an experiment with a trial list counts by itself."""
        return {"trials": self.begun, "trials_left": len(self._conditions) - self.begun} if self._used else {}
