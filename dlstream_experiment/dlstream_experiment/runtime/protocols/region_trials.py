"""Trials that an animal starts by entering a region, in a run."""

from __future__ import annotations

import random
from collections.abc import Mapping

from dlstream_common import event_kinds
from dlstream_experiment.model.names import SECOND, nanoseconds
from dlstream_experiment.model.protocols import End, Note, Off, On, Protocol, Step
from dlstream_experiment.model.protocols.region_trials import RegionTrialsSettings
from dlstream_experiment.runtime.protocols.controlled import Controlled

_SILENCE = SECOND
"""Without an evaluation for longer than this, the clock may end the experiment."""


def region_trials(settings: RegionTrialsSettings, seed: int) -> Protocol:
    """The protocol, within its limits and its control where it has some."""
    plain = RegionTrials(settings)
    if not settings.limits and settings.control is None:
        return plain
    outputs = dict.fromkeys(stimulus.output for _, stimulus in settings.stimuli_used())
    return Controlled(plain, outputs, settings.limits, settings.control, random.Random(f"{seed} sham"))


class RegionTrials(Protocol):
    """See RegionTrialsSettings."""

    def __init__(self, settings: RegionTrialsSettings) -> None:
        self._settings = settings
        self._lockout = nanoseconds(settings.lockout)
        self._max_time = nanoseconds(settings.max_time)
        self._started = 0
        self._evaluated = 0
        self._current: str | None = None
        self._current_since = 0
        self._left: dict[str, int] = {}  # when the lock-out of a trial started
        self._hits = dict.fromkeys(settings.trials, 0)

    def start(self, stamp: int) -> list[Step]:
        self._started = self._evaluated = stamp
        return []

    def evaluate(self, stamp: int, decided: Mapping[str, bool], held: Mapping[str, bool]) -> list[Step]:
        self._evaluated = stamp
        if stamp - self._started > self._max_time:
            return [End(self._time_is_over)]
        if not self._settings.finish_last_trial and (end := self._reached()):
            return [end]
        before, steps = self._current, list[Step]()
        for name, trial in self._settings.trials.items():
            value = decided.get(trial.trigger)
            if value is True and self._current is None and not self._is_locked(name, stamp) and not self._reached():
                steps.append(self._begin(name, stamp))
            elif value is False and self._current == name:
                steps.append(self._leave(stamp))
                self._left[name] = stamp
        end = self._reached() if self._current is None else None
        return steps + self._switch(before) + ([end] if end is not None else [])

    def _reached(self) -> End | None:
        most = self._settings.max_hits
        return next((End(f"trial '{name}' was started {n} times") for name, n in self._hits.items() if n >= most), None)

    def tick(self, stamp: int) -> list[Step]:
        alone = stamp - self._evaluated > _SILENCE
        return [End(self._time_is_over)] if alone and stamp - self._started > self._max_time else []

    def stop(self, stamp: int, reason: str) -> list[Step]:
        return [self._leave(stamp)] if self._current is not None else []

    @property
    def state(self) -> str:
        return self._current or ""

    @property
    def counts(self) -> Mapping[str, int]:
        return dict(self._hits)

    @property
    def _time_is_over(self) -> str:
        return f"{self._settings.max_time:g} s are over"

    def _is_locked(self, name: str, stamp: int) -> bool:
        return name in self._left and stamp - self._left[name] <= self._lockout

    def _begin(self, name: str, stamp: int) -> Note:
        self._current, self._current_since = name, stamp
        self._left.pop(name, None)
        self._hits[name] += 1
        values = {"trigger": self._settings.trials[name].trigger, "count": str(self._hits[name])}
        return Note(event_kinds.TRIAL_STARTED, name, values)

    def _leave(self, stamp: int) -> Note:
        name, self._current = self._current, None
        assert name is not None
        duration = (stamp - self._current_since) / SECOND
        return Note(event_kinds.TRIAL_ENDED, name, {"duration": f"{duration:.6f}", "count": str(self._hits[name])})

    def _switch(self, before: str | None) -> list[Step]:
        if self._current == before:
            return []
        trials = self._settings.trials
        off: list[Step] = []
        on: list[Step] = []
        if before is not None:
            off.append(Off(trials[before].stimulus.output, trials[before].trigger))
        if self._current is not None:
            stimulus = trials[self._current].stimulus
            # An equal pulse of the trial before would otherwise count as this trial's.
            on.append(On(stimulus, trials[self._current].trigger, again=stimulus.ends_by_itself))
        return off + on
