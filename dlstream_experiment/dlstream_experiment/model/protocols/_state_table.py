"""What a state machine consists of, without its checks and words, which look at it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dlstream_experiment.model.names import Label, Location, Name
from dlstream_experiment.model.protocols._base import ProtocolSettings, Stimulus
from dlstream_experiment.model.protocols._control import Limit, Sham, Yoked
from dlstream_experiment.model.protocols._control_checks import yoked_stimuli
from dlstream_experiment.model.protocols._transitions import RUN, Action, State, StopCondition
from dlstream_experiment.model.protocols._trials import Trials


class StateTable(ProtocolSettings):
    """States, the transitions between them, trials, limits and a control; see StatesSettings."""

    start: Label | None = None
    """The first state; if omitted: the first in the file."""
    states: Annotated[dict[Label, State], Field(min_length=1, max_length=1000)]
    """The states, by name; the names `end` and `trial` are reserved."""
    trials: Trials | None = None
    """The trial list, for `go: trial`."""
    stop: tuple[StopCondition, ...] = ()
    """The experiment ends as soon as one of these is true."""
    limits: dict[Name, Limit] = Field(default_factory=dict)
    """How long each output may be on."""
    control: Annotated[Sham | Yoked, Field(discriminator="type")] | None = None
    """Makes this a control experiment: sham or yoked."""

    @property
    def first(self) -> str:
        """The state in which a run begins."""
        return self.start if self.start is not None else next(iter(self.states))

    def longest_run(self) -> float | None:
        limits = [
            stop.after if stop.after is not None else stop.longer_than
            for stop in self.stop
            if stop.since in (None, RUN) and not stop.if_ and stop.stimulated is None
        ]
        return min((limit for limit in limits if limit is not None), default=None)

    def actions(self) -> list[tuple[Location, Action]]:
        """Everything that is done in any state, with its place."""
        by_state = {name: state.actions() for name, state in self.states.items()}
        return [(("states", name, *place), action) for name, items in by_state.items() for place, action in items]

    def counters(self) -> list[str]:
        """Every counter that something counts, sets back or has as a result."""
        names = [action.count or action.reset or action.result for _, action in self.actions()]
        return list(dict.fromkeys(name for name in names if name is not None))

    def triggers_used(self) -> list[tuple[Location, str]]:
        return [
            (("states", name, "transitions", number, "when"), transition.when)
            for name, state in self.states.items()
            for number, transition in enumerate(state.transitions)
            if transition.when is not None
        ]

    def stimuli_used(self) -> list[tuple[Location, Stimulus]]:
        used: list[tuple[Location, Stimulus]] = [
            (("states", name, "stimuli", number), stimulus)
            for name, state in self.states.items()
            for number, stimulus in enumerate(state.stimuli)
        ]
        used += [((*place, "give"), action.give) for place, action in self.actions() if action.give is not None]
        return used + yoked_stimuli(self.control)
