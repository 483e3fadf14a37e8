"""What a state machine draws: the trial list and each random time of the file have a random stream of their own.

So a change in one place of a file leaves the times of all other places as they were. All draws among next states share
one stream, and all of sham stimuli another one, since old sessions were recorded so: one draw more shifts those that
follow.
"""

from __future__ import annotations

import random

from dlstream_experiment.model.protocols.states import StatesSettings
from dlstream_experiment.runtime.protocols.sampler import Sampler


class Draws:
    """The random numbers of a run.

    Attributes:
    trials: the conditions of all trials, in order.
    waits: for each state, its transitions' times, where they have any; each from a generator of its own.
    gifts: the times of given stimuli, by the identity of their action; each from a generator of its own.
    shares: draws among several next states, one generator for all transitions.
    sham: draws which stimuli are left out, one generator for all outputs.
    """

    def __init__(self, settings: StatesSettings, seed: int) -> None:
        def stream(*place: object) -> random.Random:
            return random.Random(f"{seed} {' '.join(str(part) for part in place)}")

        self.trials = settings.trials.listed(stream("trials")) if settings.trials is not None else []
        self.shares, self.sham = stream("shares"), stream("sham")
        self.waits = {
            name: [
                Sampler(way.wait, stream("states", name, "transitions", number)) if way.wait is not None else None
                for number, way in enumerate(state.transitions)
            ]
            for name, state in settings.states.items()
        }
        self.gifts = {
            id(action): Sampler(action.seconds, stream(*place))
            for place, action in settings.actions()
            if action.seconds is not None
        }
