"""Whatever a state machine draws, each from a stream of its own.

An edit in one place of a file so leaves the draws of every other place as they were.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from dlstream_experiment.protocols._duration import Sampler

if TYPE_CHECKING:
    from dlstream_experiment.protocols.states import StatesSettings


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
