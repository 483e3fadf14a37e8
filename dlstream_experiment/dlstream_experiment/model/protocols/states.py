"""An experiment as a state machine: states, transitions, trials, limits and controls."""

from __future__ import annotations

from typing import Literal

from dlstream_common import Problem
from dlstream_experiment.model.protocols import _states_words as words
from dlstream_experiment.model.protocols._diagram import Diagram
from dlstream_experiment.model.protocols._state_table import StateTable
from dlstream_experiment.model.protocols._states_check import problems


class StatesSettings(StateTable):
    """The experiment is in one state at a time.

    On every frame:

    1. When one of the `stop` conditions is true, the experiment ends.
    2. The current state's transitions are checked in their order, and the first that is true is taken: the state's
       `leave`, the transition's `do`, the next state's `enter`. Then the next state's transitions are checked on the
       same frame, and so on, but no state is entered twice on one frame. `rose` and `fell` count only for the state in
       which the frame began, so that one step into a region is one step.
    3. The outputs get the stimuli of the new state, or what was given for a time; then limits and controls apply.

    Time is the acquisition of the frames; all times of a state count from the frame on which it was entered. A
    trigger in a transition is checked on the frames on which it decides: an animal that is not seen decides nothing.
    When no frame came for more than a second, the clock's time is used.
    """

    type: Literal["states"]

    def problems(self) -> list[Problem]:
        return problems(self)

    def in_words(self) -> list[str]:
        return words.in_words(self)

    def diagram(self) -> Diagram:
        return words.diagram(self)
