"""An experiment as a state machine: states, transitions, trials, limits and controls."""

from __future__ import annotations

from typing import Literal

from dlstream_common import Problem
from dlstream_experiment.model.protocols import _states_words as words
from dlstream_experiment.model.protocols._diagram import Diagram
from dlstream_experiment.model.protocols._state_table import StateTable
from dlstream_experiment.model.protocols._states_check import problems


class StatesSettings(StateTable):
    """The experiment is in one state at a time. On every frame:

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

    def problems(self) -> list[Problem]:
        return problems(self)

    def in_words(self) -> list[str]:
        return words.in_words(self)

    def diagram(self) -> Diagram:
        return words.diagram(self)
