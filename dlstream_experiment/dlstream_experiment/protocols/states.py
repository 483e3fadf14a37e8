"""An experiment as a state machine: states, the ways between them, trials, limits and controls."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dlstream_experiment.names import Label, Location, Name
from dlstream_experiment.protocols import _states_words as words
from dlstream_experiment.protocols._base import Finding, Protocol, ProtocolSettings, Stimulus
from dlstream_experiment.protocols._control import Limit, Sham, Yoked
from dlstream_experiment.protocols._controlled import yoked_stimuli
from dlstream_experiment.protocols._diagram import Diagram
from dlstream_experiment.protocols._machine import Machine
from dlstream_experiment.protocols._states_check import findings
from dlstream_experiment.protocols._transitions import Action, State, StopCondition
from dlstream_experiment.protocols._trials import Trials


class StatesSettings(ProtocolSettings):
    """The experiment is in one state at a time.

    On every frame:

    1. When one of the `stop` conditions holds, the experiment ends.
    2. The current state's transitions are looked at in their order; the first that holds is taken: the state's
       `leave`, the transition's `do`, the next state's `enter`. Then the next state's transitions are looked at, on
       the same frame, and so on, but no state is entered twice on one frame. `rose` and `fell` count for the state in
       which the frame began alone: one step into a region is one step.
    3. The outputs get what the state they are in now has, or what was given for a time; then limits and controls.

    Time is the acquisition of the frames; all times of a state count from the frame on which it was entered. A
    trigger in a transition is looked at on the frames on which it decides: an animal that is not seen decides nothing.
    Where no frame came for more than a second, the clock alone leads the experiment on.
    """

    type: Literal["states"]
    start: Label | None = None
    """The first state; left out: the first of the file."""
    states: Annotated[dict[Label, State], Field(min_length=1, max_length=1000)]
    """By name; `end` and `trial` are taken."""
    trials: Trials | None = None
    """The trial list, for `go: trial`."""
    stop: tuple[StopCondition, ...] = ()
    """When any of these holds, the experiment ends."""
    limits: dict[Name, Limit] = Field(default_factory=dict)
    """How long outputs may be on, by output."""
    control: Annotated[Sham | Yoked, Field(discriminator="type")] | None = None
    """Makes a control experiment of it."""

    def create(self, seed: int = 0) -> Protocol:
        return Machine(self, seed)

    @property
    def first(self) -> str:
        """The state in which a run begins."""
        return self.start if self.start is not None else next(iter(self.states))

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

    def findings(self) -> list[Finding]:
        return findings(self)

    def in_words(self) -> list[str]:
        return words.in_words(self)

    def diagram(self) -> Diagram:
        return words.diagram(self)
