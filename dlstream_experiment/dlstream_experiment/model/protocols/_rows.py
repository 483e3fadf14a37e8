"""Trials in a row: which can still follow, so that no more than a limit of one kind come one after the other."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

Ends = Mapping[str, int]
"""For each kind, how many of it may be the last trials of a block, so that the blocks after it are possible."""


class Row:
    """Trials in the making."""

    def __init__(self, limit: int | None, draws: random.Random) -> None:
        self.trials: list[str] = []
        self._limit = limit
        self._draws = draws
        self._run = 0

    def mix(self, left: Counter[str], ends: Ends | None = None) -> None:
        """Adds all of these, each remaining trial as likely as any other of those that the limit allows.

        Where what was drawn would make the next block impossible, it is drawn again so that it doesn't.
        """
        if self._limit is None:
            names = list(left.elements())
            self._draws.shuffle(names)
            self.trials += names
            return
        begin, run = len(self.trials), self._run
        self._add(Counter(left), None)
        if ends is not None and self._run > ends[self.trials[-1]]:
            del self.trials[begin:]
            self._run = run
            self._add(Counter(left), ends)

    def draw(self, weights: Mapping[str, int]) -> str:
        """Adds one."""
        allowed = {name: weight for name, weight in weights.items() if self._allows(name)} or weights
        name = self._draws.choices(list(allowed), list(allowed.values()))[0]
        self._run = self._run_with(name)
        self.trials.append(name)
        return name

    def _add(self, left: Counter[str], ends: Ends | None) -> None:
        while left:
            possible = {name: count for name, count in left.items() if self._leaves_a_way(left, name, ends)}
            name = self.draw(possible or dict(left))
            left[name] -= 1
            if not left[name]:
                del left[name]

    def _leaves_a_way(self, left: Counter[str], name: str, ends: Ends | None) -> bool:
        if not self._allows(name):
            return False
        assert self._limit is not None
        left[name] -= 1
        try:
            return is_possible(left, self._limit, ends, name, self._run_with(name))
        finally:
            left[name] += 1

    def _run_with(self, name: str) -> int:
        return self._run + 1 if self.trials and self.trials[-1] == name else 1

    def _allows(self, name: str) -> bool:
        return self._limit is None or self._run_with(name) <= self._limit


def is_possible(
    left: Mapping[str, int], limit: int, ends: Ends | None = None, last: str | None = None, run: int = 0
) -> bool:
    """Whether all of these can follow.

    Before each trial of another kind there is room for `limit` of one, and at the end for as many as `ends` allows.

    Args:
        ends: None: as many as anywhere else.
        last: the kind of the trials before, of which there were `run` in a row.
    """
    total = sum(left.values())
    if not total:
        return ends is None or last is None or run <= ends[last]
    crowded = [name for name, count in left.items() if count > limit * (total - count) - (run if name == last else 0)]
    if len(crowded) > 1:
        return False
    for name in crowded or left:
        most = limit if ends is None else ends[name]
        room = limit * (total - left[name]) - (run if name == last else 0)
        if most and 0 < left[name] <= room + most:
            return True
    return False


def ends_of_blocks(block: Counter[str], repeat: int, limit: int) -> list[Ends] | None:
    """For each of so many equal blocks how it may end; None: they are impossible."""
    ends: list[Ends] = [dict.fromkeys(block, limit)]  # of the last one
    while len(ends) < repeat and (len(ends) < 2 or ends[-1] != ends[-2]):
        ends.append({name: _longest_begun(block, limit, ends[-1], name) for name in block})
    ends += [ends[-1]] * (repeat - len(ends))
    return ends[::-1] if is_possible(block, limit, ends[-1]) else None


def _longest_begun(block: Counter[str], limit: int, ends: Ends, name: str) -> int:
    """How many of a kind may come just before a block that is to end so; the fewer, the easier."""
    runs = range(1, limit + 1)
    return bisect_left(runs, True, key=lambda run: not is_possible(block, limit, ends, name, run))
