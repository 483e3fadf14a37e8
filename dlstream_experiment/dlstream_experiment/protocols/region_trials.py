"""Trials that an animal starts by entering a region: DeepLabStream's ExampleExperiment."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from dlstream_common import Settings
from dlstream_common.settings import Unit
from dlstream_experiment.names import SECOND, Label, Location, Name, Seconds, nanoseconds
from dlstream_experiment.protocols._base import (
    End,
    Finding,
    Note,
    Off,
    On,
    Protocol,
    ProtocolSettings,
    Step,
    Stimulus,
    told,
)
from dlstream_experiment.protocols._control import Limit, Sham, Yoked
from dlstream_experiment.protocols._controlled import (
    Controlled,
    named_outputs,
    told_controls,
    unknown_outputs,
    yoked_beyond,
    yoked_stimuli,
)
from dlstream_experiment.protocols._diagram import Arrow, Box, Diagram
from dlstream_experiment.protocols._states_doubts import odd_limits

_PATIENCE = SECOND
"""How long without an evaluation until the clock alone may end the experiment."""


class Trial(Settings):
    """One of the trials."""

    trigger: Label
    """Name of a trigger of this file: true starts the trial, false ends it."""
    stimulus: Stimulus
    """Given while the trial is current."""


class RegionTrialsSettings(ProtocolSettings):
    """Each trial belongs to a trigger, as a rule an animal in a region; at most one trial is current at a time.

    A frame is evaluated when at least one of the trials' triggers decides on it; a frame without the animal
    changes nothing. An evaluation takes these steps, in this order:

    1. When the time since the start is more than `max_time`, or any trial has been started `max_hits` times, the
       experiment ends: everything is off, and no step follows. So the last trial lasts until the next evaluation
       alone. With `finish_last_trial` it lasts until its trigger is false: no other trial starts, and the experiment
       ends with it.
    2. For each trial, in the order of the file:
       - its trigger is true, no trial is current, and its lock-out is not running: it becomes current, and is
         counted as a hit. (True alone is enough: an animal that waits inside starts a trial as the lock-out ends.)
       - its trigger is false and it is the current trial: no trial is current any more, and its lock-out starts.
         The lock-out runs while the time since then is at most `lockout`, and concerns this trial alone.
    3. The stimulus of the current trial is on; every other is off. A trial can end and a later one of the file
       begin in the same evaluation.
    4. Limits and the control, where there are any, which are looked at on every frame.

    Time is the acquisition of the frames. Where there was no evaluation for more than a second, the experiment ends
    by the clock as well, when more than `max_time` has passed (DeepLabStream would wait for the next pose).
    """

    type: Literal["region_trials"]
    trials: Annotated[dict[Label, Trial], Field(min_length=1)]
    """In the order in which they are looked at."""
    lockout: Seconds = 10.0
    """How long a trial can't start again after it ended."""
    max_hits: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    """The experiment ends when any one trial has been started this often."""
    finish_last_trial: bool = False
    """The trial that reaches `max_hits` goes on until it ends by itself; false: it is cut off on the next frame."""
    max_time: Annotated[float, Field(gt=0, le=1e6), Unit("seconds")] = 600.0
    """The experiment ends after this many seconds."""

    limits: dict[Name, Limit] = Field(default_factory=dict)
    """How long outputs may be on, by output."""
    control: Annotated[Sham | Yoked, Field(discriminator="type")] | None = None
    """Makes a control experiment of it."""

    def create(self, seed: int = 0) -> Protocol:
        plain = RegionTrials(self)
        if not self.limits and self.control is None:
            return plain
        outputs = dict.fromkeys(stimulus.output for _, stimulus in self.stimuli_used())
        return Controlled(plain, outputs, self.limits, self.control, random.Random(f"{seed} sham"))

    def triggers_used(self) -> list[tuple[Location, str]]:
        return [(("trials", name, "trigger"), trial.trigger) for name, trial in self.trials.items()]

    def stimuli_used(self) -> list[tuple[Location, Stimulus]]:
        used: list[tuple[Location, Stimulus]] = [
            (("trials", name, "stimulus"), trial.stimulus) for name, trial in self.trials.items()
        ]
        return used + yoked_stimuli(self.control)

    def findings(self) -> list[Finding]:
        named = named_outputs(self.limits, self.control)
        unknown = unknown_outputs(named, [stimulus for _, stimulus in self.stimuli_used()])
        return [*unknown, *yoked_beyond(self.limits, self.control), *odd_limits(self.limits), *self._cut_short()]

    def _cut_short(self) -> Iterator[Finding]:
        if "finish_last_trial" in self.model_fields_set:
            return
        found = f"{self.max_hits}, which ends the run on the frame after trial number {self.max_hits} starts: its "
        found += "stimulus lasts one frame"
        hint = "If one frame is meant, write `finish_last_trial: false`."
        yield Finding(("max_hits",), found, "`finish_last_trial: true` beside it", hint, error=False)

    def in_words(self) -> list[str]:
        lines = ["At most one trial is current at a time; they are looked at in this order."]
        for name, trial in self.trials.items():
            lines.append(
                f"Trial '{name}' starts when {trial.trigger} is true and ends when it is false; "
                f"on while it is current: {told(trial.stimulus)}."
            )
        lines.append(f"After its end a trial can't start again for {self.lockout:g} s.")
        last = "with the end of that trial" if self.finish_last_trial else "on the next frame"
        lines.append(f"When one trial has been started {self.max_hits} times, the experiment ends {last}.")
        lines.append(f"The experiment ends after more than {self.max_time:g} s.")
        return lines + list(told_controls(self.limits, self.control))

    def diagram(self) -> Diagram:
        stops = (f"a trial started {self.max_hits} times", f"longer than {self.max_time:g} s")
        boxes = [Box("waiting", (), "start"), Box("end", stops, "end")]
        arrows = []
        for name, trial in self.trials.items():
            box = f"trial {name}"
            boxes.append(Box(box, (told(trial.stimulus),)))
            arrows.append(Arrow("waiting", box, f"{trial.trigger} is true, not within {self.lockout:g} s of its end"))
            arrows.append(Arrow(box, "waiting", f"{trial.trigger} is false"))
        return Diagram(tuple(boxes), tuple(arrows))


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
        alone = stamp - self._evaluated > _PATIENCE
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
        return Note("trial_started", name, values)

    def _leave(self, stamp: int) -> Note:
        name, self._current = self._current, None
        assert name is not None
        duration = (stamp - self._current_since) / SECOND
        return Note("trial_ended", name, {"duration": f"{duration:.6f}", "count": str(self._hits[name])})

    def _switch(self, before: str | None) -> list[Step]:
        if self._current == before:
            return []
        trials = self._settings.trials
        off: list[Step] = []
        on: list[Step] = []
        if before is not None:
            off.append(Off(trials[before].stimulus.output, trials[before].trigger))
        if self._current is not None:
            on.append(On(trials[self._current].stimulus, trials[self._current].trigger))
        return off + on
