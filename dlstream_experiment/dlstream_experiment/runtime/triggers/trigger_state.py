"""From a condition to a decision: dwell, refractory time and probability; and what follows for other triggers."""

from __future__ import annotations

import random

from dlstream_experiment.model.names import nanoseconds
from dlstream_experiment.model.triggers._base import Context, MeasuredSettings, TriggerSettings
from dlstream_experiment.runtime.triggers.rules import Rule


class Node:
    """A trigger of a set in its run.

    Attributes:
        value: its decision; None: none so far.
        veto: it can't be measured, and vetoes what is composed of it.
        known: whether it decides in this evaluation of its camera (or source).
        due: when it is to be looked at again though nothing new is known; None: never.
        rose_in: the number of the evaluation in which it became true last.
        used_by: the ranks of the compositions that use it: their places in the order in which they are decided.
        above: the numbers of those, and of those that use them.
    """

    def __init__(self, number: int, name: str, settings: TriggerSettings, context: Context) -> None:
        self.number, self.name, self.settings = number, name, settings
        self.camera = settings.camera_in(context)
        self.value: bool | None = None
        self.known = False
        self.due: int | None = None
        self.rose_in = -1
        self.used_by: list[int] = []
        self.above: list[int] = []
        self.inputs: list[Node] = []
        self.rule: Rule | None = settings.rule()
        self.missing = settings.missing if isinstance(settings, MeasuredSettings) else "hold"
        self.veto = self.missing == "veto"
        self._dwell, self._refractory = nanoseconds(settings.dwell), nanoseconds(settings.refractory)
        self._chance = random.Random(f"{context.seed}/{name}")
        self.condition: bool | None = None
        self._since = 0
        self._fell: int | None = None
        self._refused = False

    def measure(self, condition: bool | None, stamp: int, evaluation: int) -> bool:
        """Takes up what its condition is (None: not told); whether anything about it changed."""
        veto = condition is None and self.missing == "veto"
        changed = veto != self.veto
        self.veto = veto
        self.known = condition is not None or self.missing != "hold"
        if not self.known:
            self.due = None  # looked at again as soon as it is told
            return changed
        return self._shape(bool(condition), stamp, evaluation) or changed

    def compose(self, stamp: int, evaluation: int) -> bool:
        """Follows its inputs; whether anything about it changed."""
        assert self.rule is not None
        veto = False
        for node in self.inputs:
            veto = veto or node.veto
        condition, due = self.rule.follow(self.inputs, stamp, evaluation)
        if veto:
            condition = False
        changed = veto != self.veto
        self.veto = veto
        if condition is not None:
            changed = self._shape(condition, stamp, evaluation) or changed
        if due is not None and (self.due is None or due < self.due):
            self.due = due
        return changed

    def is_due(self, stamp: int) -> bool:
        """Whether it is to be looked at though nothing new is known."""
        return self.due is not None and self.due <= stamp

    def wait(self, stamp: int, evaluation: int) -> bool:
        """Time has passed with the condition as it was; whether anything about it changed."""
        return self._shape(bool(self.condition), stamp, evaluation)

    def _shape(self, condition: bool, stamp: int, evaluation: int) -> bool:
        before, self.due = self.value, None
        if condition != self.condition:
            self.condition, self._since, self._refused = condition, stamp, False
        self.value = condition and not self._refused and (before or self._may_rise(stamp))
        if before and not self.value:
            self._fell = stamp
        if self.value and not before:
            self.rose_in = evaluation
        return self.value != before

    def _may_rise(self, stamp: int) -> bool:
        due = self._since + self._dwell
        if self._fell is not None:
            due = max(due, self._fell + self._refractory)
        if stamp < due:
            self.due = due
            return False
        probability = self.settings.probability
        self._refused = probability < 1 and self._chance.random() >= probability
        return not self._refused
