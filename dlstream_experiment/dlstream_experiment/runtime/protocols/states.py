"""A state machine in a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlstream_common import event_kinds
from dlstream_experiment.model.names import SECOND, nanoseconds
from dlstream_experiment.model.protocols import End, Note, Protocol, Step, texts
from dlstream_experiment.model.protocols._conditions import Comparison, all_hold
from dlstream_experiment.model.protocols._transitions import END, RUN, TRIAL, Action, StopCondition, Transition
from dlstream_experiment.model.protocols.states import StatesSettings
from dlstream_experiment.runtime.protocols.draws import Draws
from dlstream_experiment.runtime.protocols.stimulation import Stimulation
from dlstream_experiment.runtime.protocols.trial_list import TrialList

_SILENCE = SECOND
"""Without a frame for longer than this, the clock leads on."""

Decisions = Mapping[str, bool]


class StateMachine(Protocol):
    """See StatesSettings."""

    def __init__(self, settings: StatesSettings, seed: int) -> None:
        self._settings = settings
        self._draws = Draws(settings, seed)
        self._trials = TrialList(self._draws.trials, used=settings.trials is not None)
        outputs = dict.fromkeys(stimulus.output for _, stimulus in settings.stimuli_used())
        self._stimulation = Stimulation(outputs, settings.limits, settings.control, self._draws.sham)
        self._counters = dict.fromkeys(settings.counters(), 0)
        self._marks: dict[str, int] = {}
        self._last: dict[str, bool] = {}
        self._name, self._entered = settings.first, 0
        self._waits: list[int | None] = []
        self._now = self._framed = 0
        self._notes: list[Step] = []
        self._end: End | None = None
        self._trigger = ""

    def start(self, stamp: int) -> list[Step]:
        self._now = self._framed = self._marks[RUN] = stamp
        self._stimulation.start(stamp)
        self._enter(self._name, {})
        self._settle({}, {})
        return self._steps()

    def evaluate(self, stamp: int, decided: Decisions, held: Decisions) -> list[Step]:
        edges = {name: value for name, value in decided.items() if value != self._last.get(name, False)}
        self._last.update(decided)
        self._framed = max(self._framed, stamp)
        return self._advance(stamp, decided, edges)

    def frame(self, stamp: int) -> list[Step]:
        return self.evaluate(stamp, {}, {})

    def tick(self, stamp: int) -> list[Step]:
        return self._advance(stamp, {}, {}) if stamp - self._framed > _SILENCE else []

    def tracking_lost(self, stamp: int) -> list[Step]:
        self._stimulation.pause(stamp)
        return []

    def tracking_restored(self, stamp: int) -> list[Step]:
        self._stimulation.resume(stamp)
        return []

    def stop(self, stamp: int, reason: str) -> list[Step]:
        self._now = max(self._now, stamp)
        self._notes = []
        self._end_trial("")
        return self._notes

    @property
    def state(self) -> str:
        return self._name

    @property
    def counts(self) -> Mapping[str, int]:
        return {**self._counters, **self._trials.counts}

    def _advance(self, stamp: int, decided: Decisions, edges: Decisions) -> list[Step]:
        self._now = max(self._now, stamp)  # of several cameras, one frame may come before an older one of another
        self._notes, self._trigger = [], ""
        for condition in self._settings.stop:
            if self._stops(condition):
                return [End(condition.reason or str(condition))]
        self._settle(decided, edges)
        return self._steps()

    def _steps(self) -> list[Step]:
        if self._end is not None:
            return [*self._notes, self._end]
        held = self._settings.states[self._name].stimuli
        return self._notes + self._stimulation.update(self._now, held, self._trigger)

    def _settle(self, decided: Decisions, edges: Decisions) -> None:
        """Takes one transition after the other until none is true; see StatesSettings."""
        entered: set[str] = set()
        while self._end is None:
            found = self._first_that_holds(decided, {} if entered else edges)
            if found is None:
                return
            target = self._target(found)
            state = self._trial_state() if target == TRIAL else target
            if state in entered:
                return
            entered.add(state)
            self._take(found, target)

    def _first_that_holds(self, decided: Decisions, edges: Decisions) -> Transition | None:
        ways = self._settings.states[self._name].transitions
        for way, wait in zip(ways, self._waits, strict=True):
            if self._holds(way, wait, decided, edges):
                return way
        return None

    def _holds(self, way: Transition, wait: int | None, decided: Decisions, edges: Decisions) -> bool:
        if way.when is not None:
            if isinstance(way.is_, str):
                if edges.get(way.when) is not (way.is_ == "rose"):
                    return False
            elif decided.get(way.when) is not way.is_:
                return False
        if wait is not None:
            since = self._entered if way.since is None else self._marks.get(way.since)
            if not self._has_passed(since, wait, strictly=way.longer_than is not None):
                return False
        return self._counters_allow(way.comparisons)

    def _stops(self, condition: StopCondition) -> bool:
        limit = condition.after if condition.after is not None else condition.longer_than
        if limit is not None:
            since = self._marks.get(condition.since or RUN)
            if not self._has_passed(since, nanoseconds(limit), strictly=condition.longer_than is not None):
                return False
        if condition.stimulated is not None and condition.reaches is not None:
            total = self._stimulation.total(condition.stimulated, self._now)
            if total < nanoseconds(condition.reaches):
                return False
        return self._counters_allow(condition.comparisons)

    def _has_passed(self, since: int | None, wait: int, *, strictly: bool) -> bool:
        if since is None:
            return False
        passed = self._now - since
        return passed > wait if strictly else passed >= wait

    def _counters_allow(self, conditions: Sequence[Comparison]) -> bool:
        return not conditions or all_hold(conditions, self.counts)

    def _target(self, way: Transition) -> str:
        names = list(way.targets)
        return names[0] if len(names) == 1 else self._draws.shares.choices(names, list(way.targets.values()))[0]

    def _trial_state(self) -> str:
        condition = self._trials.next
        if condition is None or self._settings.trials is None:
            return END
        return self._settings.trials.conditions[condition].state

    def _take(self, way: Transition, target: str) -> None:
        why = {"from": self._name, "why": str(way)}
        if way.when is not None:
            self._trigger = why["trigger"] = way.when
        self._do(self._settings.states[self._name].leave)
        self._do(way.do)
        if target == END:
            self._end = End(way.reason or f"{self._name}: {way}")
        elif target == TRIAL:
            self._begin_trial(why)
        else:
            self._enter(target, why)

    def _enter(self, name: str, why: Mapping[str, str]) -> None:
        self._name, self._entered = name, self._now
        values, self._waits = dict(why), []
        for number, sampler in enumerate(self._draws.waits[name]):
            wait = sampler.next() if sampler is not None else None
            self._waits.append(wait)
            if sampler is not None and wait is not None and sampler.drawn:
                values[f"drawn.{number}"] = f"{wait / SECOND:.6f}"
        self._notes.append(Note(event_kinds.STATE_ENTERED, name, values))
        self._do(self._settings.states[name].enter)

    def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if action.count is not None:
                self._counters[action.count] += action.by
            elif action.reset is not None:
                self._counters[action.reset] = 0
            elif action.mark is not None:
                self._marks[action.mark] = self._now
            elif action.give is not None:
                sampler = self._draws.gifts.get(id(action))
                self._stimulation.give(action.give, self._now + sampler.next() if sampler is not None else None)
            elif action.withdraw is not None:
                self._stimulation.withdraw(action.withdraw)
            elif action.result is not None:
                if self._trials.current is not None:  # otherwise there would be more results than trials
                    self._counters[action.result] += 1
                self._end_trial(action.result)
            elif action.note is not None:
                self._notes.append(Note(event_kinds.NOTE, action.note, texts(action.values)))

    def _begin_trial(self, why: Mapping[str, str]) -> None:
        self._end_trial("")
        condition = self._trials.begin(self._now)
        if condition is None or self._settings.trials is None:
            self._end = End(f"all {self._trials.begun} trials are done")
            return
        self._marks[TRIAL] = self._now
        self._notes.append(Note(event_kinds.TRIAL_STARTED, condition, {"trial": str(self._trials.begun)}))
        self._enter(self._settings.trials.conditions[condition].state, why)

    def _end_trial(self, result: str) -> None:
        condition, self._trials.current = self._trials.current, None
        if condition is not None:
            duration = f"{(self._now - self._trials.since) / SECOND:.6f}"
            values = {"trial": str(self._trials.begun), "result": result, "duration": duration}
            self._notes.append(Note(event_kinds.TRIAL_ENDED, condition, values))
