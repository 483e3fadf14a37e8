"""The engine: poses and time go in, events and commands come out.

It has no clock and does no input or output, so that the same inputs in the same order always give the same effects,
live or on replay. All stamps are nanoseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dlstream_common import DlstreamError, Event, FramePoses
from dlstream_experiment._run import Run, region_states
from dlstream_experiment.effects import Effect, Phase, RegionStates, Status
from dlstream_experiment.experiment import Experiment
from dlstream_experiment.extension import ExtensionError
from dlstream_experiment.inputs import Fault, Input, Poses, Start, Tick, Value
from dlstream_experiment.triggers import prepare


class Engine:
    """Runs one experiment, as often as it is started; every run begins anew.

    `start`, `poses`, `tick`, `value`, `fault` and `stop` return what follows from them, in order; `take` does it for
    an input of any kind, and is all that a replay needs.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        prepare()
        self._run: Run | None = None

    @property
    def running(self) -> bool:
        """Whether a run is in progress."""
        return self._run is not None and self._run.phase is Phase.RUNNING

    @property
    def stale(self) -> int:
        """Poses of this run that were too old to decide anything."""
        return self._run.stale if self._run else 0

    def take(self, item: Input) -> list[Effect]:
        """What follows from one input.

        Raises:
            DlstreamError: a start while a run is in progress.
        """
        if isinstance(item, Poses):
            return self.poses(item.poses, item.arrived)
        if isinstance(item, Tick):
            return self.tick(item.stamp)
        if isinstance(item, Value):
            return self.value(item.stamp, item.source, item.value)
        if isinstance(item, Fault):
            return self.fault(item.stamp, item.name, item.reason)
        if isinstance(item, Start):
            return self.start(item.stamp, item.seed)
        return self.stop(item.stamp, item.reason, item.fault)

    def start(self, stamp: int, seed: int = 0) -> list[Effect]:
        """Begins a run: every output of the experiment is told to be off, then the protocol starts.

        Args:
            seed: of all that is drawn by chance, unless the experiment file gives one itself.

        Raises:
            DlstreamError: a run is in progress.
        """
        if self.running:
            raise DlstreamError(f"experiment '{self.experiment.experiment}' is running already")
        self._run = run = Run(self.experiment, stamp, seed)
        return self._carried_out(run, stamp, run.start)

    def poses(self, poses: FramePoses, arrived: int | None = None) -> list[Effect]:
        """Decides on the poses of a frame.

        Args:
            arrived: when they came, from which their age is told; None where nobody waited for them (offline).
        """
        if self._run is None or not self.running:
            return []
        stamp = poses.stamp if arrived is None else arrived
        return self._carried_out(self._run, stamp, partial(self._run.poses, poses, arrived))

    def heeds(self, stamp: int) -> bool:
        """Whether a tick at this time would be heeded: while poses come, they alone tell the time."""
        return self._run is not None and self.running and self._run.heeds(stamp)

    def tick(self, stamp: int) -> list[Effect]:
        """Tells the time, so that an experiment goes on (and ends) where no pose comes any more."""
        if self._run is None or not self.running:
            return []
        return self._carried_out(self._run, stamp, partial(self._run.tick, stamp))

    def value(self, stamp: int, source: str, value: float | str) -> list[Effect]:
        """Decides on a value from outside; `stamp` is when it came."""
        if self._run is None or not self.running:
            return []
        return self._carried_out(self._run, stamp, partial(self._run.value, stamp, source, value))

    def _carried_out(self, run: Run, stamp: int, step: Callable[[], list[Effect]]) -> list[Effect]:
        """What follows from a step; the end of the run where a class of the user's own fails in it."""
        try:
            return step()
        except ExtensionError as error:
            return run.fail(stamp, error)

    def fault(self, stamp: int, name: str, reason: str) -> list[Effect]:
        """Writes down that something went wrong outside, such as an output that does not answer."""
        return [Event(stamp, "fault", name, {"reason": reason})]

    def stop(self, stamp: int, reason: str, fault: bool = False) -> list[Effect]:
        """Ends the run, because of a fault or not; every output of the experiment is told to be off."""
        phase = Phase.FAULT if fault else Phase.FINISHED
        return self._run.end(stamp, reason, None, phase) if self._run and self.running else []

    def status(self, stamp: int) -> Status:
        """Where the experiment stands."""
        if self._run is None:
            return Status(Phase.IDLE, self.experiment.experiment)
        return self._run.status(stamp)

    def regions(self) -> list[RegionStates]:
        """The state of every region, camera by camera."""
        if self._run is not None:
            return self._run.regions()
        return region_states(self.experiment, ())
