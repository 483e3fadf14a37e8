"""What a state machine draws: each place of the file has a random stream of its own.

So a change in one place of a file leaves the draws of all other places as they were.
"""

from __future__ import annotations

import random

from dlstream_experiment.model.protocols.states import StatesSettings
from dlstream_experiment.runtime.protocols.sampler import Sampler


class Draws:
    """The random numbers of a run, each kind from a generator of its own.

    Attributes:
    trials: the conditions of all trials, in order.
    waits: for each state, its transitions' times, where they have any.
    gifts: the times of given stimuli, by the identity of their action.
    shares: draws among several next states.
    sham: draws which stimuli are left out.
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
