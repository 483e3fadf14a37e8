"""Limits and controls around a protocol that knows nothing of them."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence

from dlstream_experiment.model.protocols import End, Off, On, Protocol, Step, Stimulus
from dlstream_experiment.model.protocols._control_checks import Control, Limits
from dlstream_experiment.runtime.protocols.stimulation import Stimulation


class Controlled(Protocol):
    """A protocol whose stimuli go through limits and controls; its events and its end stay as they are.

    Args:
        outputs: all outputs that get stimuli from it.
    """

    def __init__(
        self, inner: Protocol, outputs: Collection[str], limits: Limits, control: Control, draws: random.Random
    ) -> None:
        self._inner = inner
        self._stimulation = Stimulation(outputs, limits, control, draws)
        self._wanted: dict[str, Stimulus] = {}

    def start(self, stamp: int) -> list[Step]:
        self._stimulation.start(stamp)
        return self._apply(stamp, self._inner.start(stamp))

    def evaluate(self, stamp: int, decided: Mapping[str, bool], held: Mapping[str, bool]) -> list[Step]:
        return self._apply(stamp, self._inner.evaluate(stamp, decided, held))

    def frame(self, stamp: int) -> list[Step]:
        return self._apply(stamp, self._inner.frame(stamp))

    def tick(self, stamp: int) -> list[Step]:
        return self._apply(stamp, self._inner.tick(stamp))

    def tracking_lost(self, stamp: int) -> list[Step]:
        self._stimulation.pause(stamp)
        return self._apply(stamp, self._inner.tracking_lost(stamp))

    def tracking_restored(self, stamp: int) -> list[Step]:
        self._stimulation.resume(stamp)
        return self._apply(stamp, self._inner.tracking_restored(stamp))

    def stop(self, stamp: int, reason: str) -> list[Step]:
        return self._inner.stop(stamp, reason)

    @property
    def state(self) -> str:
        return self._inner.state

    @property
    def counts(self) -> Mapping[str, int]:
        return self._inner.counts

    def _apply(self, stamp: int, steps: Sequence[Step]) -> list[Step]:
        passed: list[Step] = []
        triggers: dict[str, str] = {}
        for step in steps:
            if isinstance(step, On):
                self._wanted[step.stimulus.output] = step.stimulus
                triggers[step.stimulus.output] = step.trigger
                if step.again:
                    self._stimulation.begin_again(step.stimulus.output)
            elif isinstance(step, Off):
                self._wanted.pop(step.output, None)
                triggers[step.output] = step.trigger
            else:
                passed.append(step)
        if any(isinstance(step, End) for step in passed):
            return passed
        return passed + self._stimulation.update(stamp, list(self._wanted.values()), triggers)
