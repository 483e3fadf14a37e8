"""The engine: poses and time go in, events and commands come out.

It has no clock and does no input or output, so that the same inputs in the same order always give the same effects,
live or on replay. All stamps are nanoseconds since the epoch.
"""

from __future__ import annotations

from dlstream_common import OFF, Command, DlstreamError, Event, FramePoses, event_kinds
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.extension import ExtensionError
from dlstream_experiment.runtime.effects import Effect, Phase, RegionStates, Status, region_states
from dlstream_experiment.runtime.inputs import Fault, Input, Poses, Start, Stop, Tick, Value
from dlstream_experiment.runtime.run import Run
from dlstream_experiment.runtime.triggers.camera_evaluator import prepare


class Engine:
    """Runs one experiment, as often as it is started; every run begins from the initial state.

    `handle` returns what follows from one input, in order; a replay needs nothing else. `start`, `poses`, `tick`,
    `value`, `fault` and `stop` make an input and handle it.

    Raises:
        ExtensionError: a class of the user's own does not say which outputs it commands.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        prepare()
        self._outputs = experiment.outputs
        self._run: Run | None = None
        self._without_run = Status(Phase.IDLE, experiment.experiment)

    @property
    def running(self) -> bool:
        """Whether a run is in progress."""
        return self._run is not None and self._run.phase is Phase.RUNNING

    @property
    def stale(self) -> int:
        """How many poses of this run were too old to decide anything."""
        return self._run.stale if self._run else 0

    def handle(self, item: Input) -> list[Effect]:
        """What follows from one input. Where a class of the user's own fails, the run ends with a fault.

        Raises:
            DlstreamError: a start while a run is in progress.
        """
        if isinstance(item, Fault):
            return [Event(item.stamp, event_kinds.FAULT, item.name, {"reason": item.reason})]
        if isinstance(item, Start) and self.running:
            raise DlstreamError(f"experiment '{self.experiment.experiment}' is running already")
        if isinstance(item, Start):
            try:
                self._run = Run(self.experiment, item.stamp, item.seed)
            except ExtensionError as error:
                return self._not_begun(item.stamp, str(error))
        if self._run is None or not self.running:
            return []
        try:
            return self._run.start() if isinstance(item, Start) else self._run.handle(item)
        except ExtensionError as error:
            return self._run.fail(_stamp(item), error)

    def _not_begun(self, stamp: int, reason: str) -> list[Effect]:
        """The end of a run that could not be made: with a fault, and every output off."""
        name = self.experiment.experiment
        self._run, self._without_run = None, Status(Phase.FAULT, name, reason=reason)
        return [
            Event(stamp, event_kinds.FAULT, "experiment", {"reason": reason}),
            *[Command(stamp, output, OFF) for output in self._outputs],
            Event(stamp, event_kinds.EXPERIMENT_ENDED, name, {"reason": reason, "duration": "0.000000"}),
        ]

    def start(self, stamp: int, seed: int = 0) -> list[Effect]:
        """Begins a run: every output of the experiment gets `off`, then the protocol starts.

        Args:
            seed: of all random draws, unless the experiment file has a seed.

        Raises:
            DlstreamError: a run is in progress.
        """
        return self.handle(Start(stamp, seed))

    def poses(self, poses: FramePoses, arrived: int | None = None) -> list[Effect]:
        """Decides on the poses of a frame.

        Args:
            arrived: when they came, which gives their age; None where nobody waited for them (offline).
        """
        return self.handle(Poses(poses, arrived))

    def needs_tick(self, stamp: int) -> bool:
        """Whether a tick at this time has an effect: while poses come, only they give the time."""
        return self._run is not None and self.running and self._run.needs_tick(stamp)

    def tick(self, stamp: int) -> list[Effect]:
        """Gives the time, so that an experiment goes on (and ends) when no poses come any more."""
        return self.handle(Tick(stamp))

    def value(self, stamp: int, source: str, value: float | str) -> list[Effect]:
        """Decides on a value from outside, which arrived at `stamp`."""
        return self.handle(Value(stamp, source, value))

    def fault(self, stamp: int, name: str, reason: str) -> list[Effect]:
        """Records that something went wrong outside, such as an output that does not answer."""
        return self.handle(Fault(stamp, name, reason))

    def stop(self, stamp: int, reason: str, fault: bool = False) -> list[Effect]:
        """Ends the run, because of a fault or not; every output of the experiment gets `off`."""
        return self.handle(Stop(stamp, reason, fault))

    def status(self, stamp: int) -> Status:
        """Where the experiment is."""
        if self._run is None:
            return self._without_run
        return self._run.status(stamp)

    def measured(self) -> dict[str, float]:
        """What each trigger measured on the last frame of its camera, in the unit of its type; NaN: nothing."""
        return self._run.measured() if self._run is not None else {}

    def regions(self) -> list[RegionStates]:
        """The state of every region, camera by camera."""
        if self._run is not None:
            return self._run.regions()
        return region_states(self.experiment, ())


def _stamp(item: Input) -> int:
    if not isinstance(item, Poses):
        return item.stamp
    return item.poses.stamp if item.arrived is None else item.arrived
