"""The engine: poses and time go in, events and commands come out.

It has no clock and does no input or output, so that the same inputs in the same order always give the same effects,
live or on replay. All stamps are nanoseconds since the epoch.
"""

from __future__ import annotations

from dlstream_common import DlstreamError, FramePoses
from dlstream_experiment._run import Run, region_states
from dlstream_experiment.effects import Effect, Event, Phase, RegionStates, Status
from dlstream_experiment.experiment import Experiment


class Engine:
    """Runs one experiment, as often as it is started; every run begins anew.

    `start`, `poses`, `tick`, `fault` and `stop` return what follows from them, in order.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self._run: Run | None = None

    @property
    def running(self) -> bool:
        """Whether a run is in progress."""
        return self._run is not None and self._run.phase is Phase.RUNNING

    @property
    def stale(self) -> int:
        """Poses of this run that were too old to decide anything."""
        return self._run.stale if self._run else 0

    def start(self, stamp: int) -> list[Effect]:
        """Begins a run: every output of the experiment is told to be off, then the protocol starts.

        Raises:
            DlstreamError: a run is in progress.
        """
        if self.running:
            raise DlstreamError(f"experiment '{self.experiment.experiment}' is running already")
        self._run = Run(self.experiment, stamp)
        return self._run.start()

    def poses(self, poses: FramePoses, arrived: int | None = None) -> list[Effect]:
        """Decides on the poses of a frame.

        Args:
            arrived: when they came, from which their age is told; None where nobody waited for them (offline).
        """
        return self._run.poses(poses, arrived) if self._run and self.running else []

    def tick(self, stamp: int) -> list[Effect]:
        """Tells the time, so that an experiment goes on (and ends) where no pose comes any more."""
        return self._run.tick(stamp) if self._run and self.running else []

    def fault(self, stamp: int, name: str, reason: str) -> list[Effect]:
        """Writes down that something went wrong outside, such as an output that does not answer."""
        return [Event(stamp, "fault", name, {"reason": reason})]

    def stop(self, stamp: int, reason: str) -> list[Effect]:
        """Ends the run; every output of the experiment is told to be off."""
        return self._run.end(stamp, reason) if self._run and self.running else []

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
