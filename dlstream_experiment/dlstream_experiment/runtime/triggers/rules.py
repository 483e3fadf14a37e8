"""How a trigger follows from others: the rules behind `composition.py`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlstream_experiment.runtime.triggers.trigger_state import Node

Told = tuple[bool | None, int | None]
"""Whether the condition holds (None: not told), and when that changes by time alone (None: never)."""


class Rule(ABC):
    """A condition on other triggers, with a memory of its own."""

    @abstractmethod
    def follow(self, inputs: Sequence[Node], stamp: int, evaluation: int) -> Told:
        """Called when one of the inputs has changed, or when it is due."""


class And(Rule):
    """False where one is false; true where all are; else not told."""

    def follow(self, inputs: Sequence[Node], stamp: int, evaluation: int) -> Told:
        values = [node.value for node in inputs]
        return (False if False in values else None if None in values else True), None


class Or(Rule):
    """True where one is true; false where all are false; else not told."""

    def follow(self, inputs: Sequence[Node], stamp: int, evaluation: int) -> Told:
        values = [node.value for node in inputs]
        return (True if True in values else None if None in values else False), None


class Not(Rule):
    """The opposite; not told where the other isn't."""

    def follow(self, inputs: Sequence[Node], stamp: int, evaluation: int) -> Told:
        value = inputs[0].value
        return (None if value is None else not value), None


class InOrder(Rule):
    """From the last one's rise until it falls, if all rose one after the other, the first at most `within` ago."""

    def __init__(self, within: int) -> None:
        self._within = within
        self._begun: list[tuple[int, int] | None] = []  # by step: when the latest chain up to it began, and came there
        self._complete = False

    def follow(self, inputs: Sequence[Node], stamp: int, evaluation: int) -> Told:
        if not self._begun:
            self._begun = [None] * len(inputs)
        for step in reversed(range(len(inputs))):
            if inputs[step].rose_in != evaluation:
                continue
            before = self._begun[step - 1] if step else (stamp, stamp - 1)
            if before is not None and before[1] < stamp and stamp - before[0] <= self._within:
                self._begun[step] = (before[0], stamp)
                self._complete = self._complete or step == len(inputs) - 1
        if inputs[-1].value is not True:
            self._complete = False
        return self._complete, None


class Count(Rule):
    """As long as the trigger's last `times` rises are at most `within` ago."""

    def __init__(self, times: int, within: int) -> None:
        self._within = within
        self._rises: deque[int] = deque(maxlen=times)
        self._times = times

    def follow(self, inputs: Sequence[Node], stamp: int, evaluation: int) -> Told:
        if inputs[0].rose_in == evaluation:
            self._rises.append(stamp)
        if len(self._rises) < self._times or stamp - self._rises[0] > self._within:
            return False, None
        return True, self._rises[0] + self._within + 1
