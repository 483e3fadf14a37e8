"""A protocol: a reward each time that a trigger becomes true."""

from collections.abc import Mapping

from dlstream_experiment.model.names import Label, Location
from dlstream_experiment.model.protocols import (
    Arrow,
    Box,
    Diagram,
    End,
    Note,
    Off,
    On,
    Protocol,
    ProtocolSettings,
    Step,
    Stimulus,
)


class Reward(ProtocolSettings):
    """The stimulus is on while the trigger is true; the experiment ends after so many rewards."""

    trigger: Label
    """Name of a trigger of this file."""
    stimulus: Stimulus
    """The reward."""
    rewards: int = 10
    """How many rewards end the experiment."""

    def create(self, seed: int = 0) -> Protocol:
        return RewardProtocol(self)

    def triggers_used(self) -> list[tuple[Location, str]]:
        return [(("trigger",), self.trigger)]  # each with its place, so that a typing error is found there

    def stimuli_used(self) -> list[tuple[Location, Stimulus]]:
        return [(("stimulus",), self.stimulus)]

    def in_words(self) -> list[str]:
        return [f"While {self.trigger} is true: {self.stimulus.output} {self.stimulus.action}, {self.rewards} times."]

    def diagram(self) -> Diagram:
        boxes = (Box("waiting", (), "start"), Box("reward"), Box("end", (f"{self.rewards} rewards",), "end"))
        there = Arrow("waiting", "reward", f"{self.trigger} is true")
        return Diagram(boxes, (there, Arrow("reward", "waiting", f"{self.trigger} is false")))


class RewardProtocol(Protocol):
    """Turns decisions into steps. It has no clock: `stamp` is the acquisition of the frame, in nanoseconds."""

    def __init__(self, settings: Reward) -> None:
        self._settings = settings
        self._on = False
        self._count = 0

    def start(self, stamp: int) -> list[Step]:
        return []

    def evaluate(self, stamp: int, decided: Mapping[str, bool], held: Mapping[str, bool]) -> list[Step]:
        before, self._on = self._on, held.get(self._settings.trigger, False)
        if self._on and not before:
            self._count += 1
            return [Note("reward", str(self._count)), On(self._settings.stimulus, self._settings.trigger)]
        if before and not self._on:
            done = self._count == self._settings.rewards
            off = Off(self._settings.stimulus.output, self._settings.trigger)
            return [off, End("all rewards were given")] if done else [off]
        return []

    def stop(self, stamp: int, reason: str) -> list[Step]:
        return []

    @property
    def state(self) -> str:
        return "reward" if self._on else "waiting"

    @property
    def counts(self) -> Mapping[str, int]:
        return {"rewards": self._count}
