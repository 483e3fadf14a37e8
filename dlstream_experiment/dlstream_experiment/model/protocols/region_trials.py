"""Trials that an animal starts by entering a region: DeepLabStream's ExampleExperiment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from dlstream_common import Problem, Settings
from dlstream_common.settings import Unit
from dlstream_experiment.model.names import Label, Location, Name, Seconds
from dlstream_experiment.model.problems import warning
from dlstream_experiment.model.protocols._base import (
    ProtocolSettings,
    Stimulus,
    stimulus_in_words,
)
from dlstream_experiment.model.protocols._control import Limit, Sham, Yoked
from dlstream_experiment.model.protocols._control_checks import (
    controls_in_words,
    named_outputs,
    unknown_outputs,
    yoked_beyond,
    yoked_stimuli,
)
from dlstream_experiment.model.protocols._diagram import Arrow, Box, Diagram
from dlstream_experiment.model.protocols._states_doubts import odd_limits


class Trial(Settings):
    """One of the trials."""

    trigger: Label
    """Name of a trigger of this file: true starts the trial, false ends it."""
    stimulus: Stimulus
    """On while the trial is current."""


class RegionTrialsSettings(ProtocolSettings):
    """Each trial belongs to a trigger, usually an animal in a region; at most one trial is current at a time.

    A frame is evaluated when at least one of the trials' triggers decides on it; a frame without the animal
    changes nothing. An evaluation takes these steps, in this order:

    1. When the time since the start is more than `max_time`, or any trial has been started `max_hits` times, the
       experiment ends: everything is off, and no step follows. So the last trial lasts only until the next
       evaluation. With `finish_last_trial` it lasts until its trigger is false: no other trial starts, and the
       experiment ends with it.
    2. For each trial, in the order of the file:
       - its trigger is true, no trial is current, and its lock-out is not running: it becomes current, and is
         counted as a hit. (True alone is enough: an animal that waits inside starts a trial as the lock-out ends.)
       - its trigger is false and it is the current trial: no trial is current any more, and its lock-out starts.
         The lock-out runs while the time since then is at most `lockout`, and concerns only this trial.
    3. The stimulus of the current trial is on; every other is off. A trial can end and a later one of the file
       begin in the same evaluation.
    4. Limits and the control, where there are any, which are checked on every frame.

    Time is the acquisition of the frames. Where there was no evaluation for more than a second, the experiment ends
    by the clock as well, when more than `max_time` has passed (DeepLabStream would wait for the next pose).
    """

    type: Literal["region_trials"]
    trials: Annotated[dict[Label, Trial], Field(min_length=1)]
    """The trials, in the order in which they are evaluated."""
    lockout: Seconds = 10.0
    """Seconds after its end in which a trial can't start again."""
    max_hits: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    """The experiment ends when any one trial has been started this often."""
    finish_last_trial: bool = False
    """true: the trial that reaches `max_hits` goes on until it ends by itself; false: the next frame cuts it off."""
    max_time: Annotated[float, Field(gt=0, le=1e6), Unit("seconds")] = 600.0
    """The experiment ends after this many seconds."""

    limits: dict[Name, Limit] = Field(default_factory=dict)
    """How long each output may be on."""
    control: Annotated[Sham | Yoked, Field(discriminator="type")] | None = None
    """Makes this a control experiment: sham or yoked."""

    def triggers_used(self) -> list[tuple[Location, str]]:
        return [(("trials", name, "trigger"), trial.trigger) for name, trial in self.trials.items()]

    def stimuli_used(self) -> list[tuple[Location, Stimulus]]:
        used: list[tuple[Location, Stimulus]] = [
            (("trials", name, "stimulus"), trial.stimulus) for name, trial in self.trials.items()
        ]
        return used + yoked_stimuli(self.control)

    def problems(self) -> list[Problem]:
        named = named_outputs(self.limits, self.control)
        unknown = unknown_outputs(named, [stimulus for _, stimulus in self.stimuli_used()])
        return [*unknown, *yoked_beyond(self.limits, self.control), *odd_limits(self.limits), *self._cut_short()]

    def _cut_short(self) -> Iterator[Problem]:
        if "finish_last_trial" in self.model_fields_set:
            return
        found = f"{self.max_hits}, which ends the run on the frame after trial number {self.max_hits} starts: its "
        found += "stimulus lasts one frame"
        hint = "If one frame is meant, write `finish_last_trial: false`."
        yield warning(("max_hits",), found, "`finish_last_trial: true` beside it", hint)

    def longest_run(self) -> float:
        return self.max_time

    def in_words(self) -> list[str]:
        lines = ["At most one trial is current at a time; the trials are checked in this order."]
        for name, trial in self.trials.items():
            lines.append(
                f"Trial '{name}' starts when {trial.trigger} is true and ends when it is false; "
                f"on while it is current: {stimulus_in_words(trial.stimulus)}."
            )
        lines.append(f"After its end a trial can't start again for {self.lockout:g} s.")
        last = "with the end of that trial" if self.finish_last_trial else "on the next frame"
        lines.append(f"When one trial has been started {self.max_hits} times, the experiment ends {last}.")
        lines.append(f"The experiment ends after more than {self.max_time:g} s.")
        return lines + list(controls_in_words(self.limits, self.control))

    def diagram(self) -> Diagram:
        stops = (f"a trial started {self.max_hits} times", f"longer than {self.max_time:g} s")
        boxes = [Box("waiting", (), "start", state=""), Box("end", stops, "end")]
        arrows = []
        for name, trial in self.trials.items():
            box = f"trial {name}"
            boxes.append(Box(box, (stimulus_in_words(trial.stimulus),), state=name))
            arrows.append(Arrow("waiting", box, f"{trial.trigger} is true, not within {self.lockout:g} s of its end"))
            arrows.append(Arrow(box, "waiting", f"{trial.trigger} is false"))
        return Diagram(tuple(boxes), tuple(arrows))
