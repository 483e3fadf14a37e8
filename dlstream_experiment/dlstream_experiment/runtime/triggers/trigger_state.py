"""From a condition to a decision: dwell, refractory time and probability; and the rules of composed triggers."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence

from dlstream_experiment.model import rules
from dlstream_experiment.model.names import nanoseconds
from dlstream_experiment.model.triggers import Built, Context, MeasuredSettings, TriggerSettings

Decision = tuple[bool | None, int | None]
"""Whether a rule's condition is true (None: unknown), and the stamp at which time alone changes it (None: never)."""


class TriggerState:
    """A trigger in a run.

    Attributes:
        number: its place in the file.
        value: its decision; None: none so far.
        veto: it can't be measured, and vetoes what is composed of it.
        known: whether it decides in this evaluation of its camera (or source).
        due: the stamp at which it must be looked at even if nothing new is known; None: never.
        rose_in: the number of the evaluation in which it last became true.
        used_by: the ranks of the compositions that use it: their places in the order of evaluation.
        above: the numbers of these compositions, and of those that use them in turn.
    """

    def __init__(self, number: int, name: str, settings: TriggerSettings, context: Context) -> None:
        self.number, self.name = number, name
        self.camera = settings.camera_in(context)
        self.built: Built = settings.build(context)
        self.value: bool | None = None
        self.known = False
        self.due: int | None = None
        self.rose_in = -1
        self.used_by: list[int] = []
        self.above: list[int] = []
        self.inputs: list[TriggerState] = []
        self.rule = _follower(self.built) if isinstance(self.built, rules.Rule) else None
        self.missing = settings.missing if isinstance(settings, MeasuredSettings) else "hold"
        self.veto = self.missing == "veto"
        self.condition: bool | None = None
        self._dwell, self._refractory = nanoseconds(settings.dwell), nanoseconds(settings.refractory)
        self._probability = settings.probability
        self._random = random.Random(f"{context.seed}/{name}")
        self._since = 0
        self._fell: int | None = None
        self._refused = False

    def measure(self, condition: bool | None, stamp: int, evaluation: int) -> bool:
        """Decides on what is known of its condition (None: unknown); returns whether anything about it changed."""
        veto = condition is None and self.missing == "veto"
        changed = veto != self.veto
        self.veto = veto
        self.known = condition is not None or self.missing != "hold"
        if not self.known:
            self.due = None  # looked at again as soon as its condition is known
            return changed
        return self._shape(bool(condition), stamp, evaluation) or changed

    def compose(self, stamp: int, evaluation: int) -> bool:
        """Decides on its inputs; returns whether anything about it changed."""
        assert self.rule is not None
        veto = False
        for state in self.inputs:
            veto = veto or state.veto
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
        """Whether it must be looked at even if nothing new is known."""
        return self.due is not None and self.due <= stamp

    def wait(self, stamp: int, evaluation: int) -> bool:
        """Decides after time has passed with its condition unchanged; returns whether anything about it changed."""
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
        self._refused = self._probability < 1 and self._random.random() >= self._probability
        return not self._refused


class _Follower(ABC):
    """A rule in a run, which may remember what it saw."""

    @abstractmethod
    def follow(self, inputs: Sequence[TriggerState], stamp: int, evaluation: int) -> Decision:
        """Called when one of the inputs has changed, or when it is due."""


class _And(_Follower):
    def follow(self, inputs: Sequence[TriggerState], stamp: int, evaluation: int) -> Decision:
        values = [state.value for state in inputs]
        return (False if False in values else None if None in values else True), None


class _Or(_Follower):
    def follow(self, inputs: Sequence[TriggerState], stamp: int, evaluation: int) -> Decision:
        values = [state.value for state in inputs]
        return (True if True in values else None if None in values else False), None


class _Not(_Follower):
    def follow(self, inputs: Sequence[TriggerState], stamp: int, evaluation: int) -> Decision:
        value = inputs[0].value
        return (None if value is None else not value), None


class _InOrder(_Follower):
    def __init__(self, rule: rules.InOrder) -> None:
        self._within = rule.within
        self._begun: list[tuple[int, int] | None] = []  # by step: the stamps of the latest chain's first and last rise
        self._complete = False

    def follow(self, inputs: Sequence[TriggerState], stamp: int, evaluation: int) -> Decision:
        if not self._begun:
            self._begun = [None] * len(inputs)
        for step in reversed(range(len(inputs))):
            if inputs[step].rose_in != evaluation:
                continue
            before = self._begun[step - 1] if step else (stamp, stamp - 1)
            if before is not None and before[1] < stamp and stamp - before[0] <= self._within:
                self._begun[step] = (before[0], stamp)
                self._complete = self._complete or step == len(inputs) - 1
        if inputs[0].rose_in == evaluation:
            self._begin_again(inputs, stamp)
        if inputs[-1].value is not True:
            self._complete = False
        return self._complete, None

    def _begin_again(self, inputs: Sequence[TriggerState], stamp: int) -> None:
        """What was begun before counts no more, but for a step that this rise itself is: [a, a, b]."""
        for step in range(1, len(inputs)):
            begun = self._begun[step]
            if begun is not None and (inputs[step] is not inputs[0] or begun[1] < stamp):
                self._begun[step] = None


class _Count(_Follower):
    def __init__(self, rule: rules.Count) -> None:
        self._rule = rule
        self._rises: deque[int] = deque(maxlen=rule.times)

    def follow(self, inputs: Sequence[TriggerState], stamp: int, evaluation: int) -> Decision:
        if inputs[0].rose_in == evaluation:
            self._rises.append(stamp)
        if len(self._rises) < self._rule.times or stamp - self._rises[0] > self._rule.within:
            return False, None
        return True, self._rises[0] + self._rule.within + 1


def _follower(rule: rules.Rule) -> _Follower:
    if isinstance(rule, rules.InOrder):
        return _InOrder(rule)
    if isinstance(rule, rules.Count):
        return _Count(rule)
    if isinstance(rule, rules.And):
        return _And()
    return _Or() if isinstance(rule, rules.Or) else _Not()
