"""When a running rig ends by itself, whoever started it: by `dlstream run` or by `ros2 launch`."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from dlstream.rig.file import Rig
from dlstream.run.monitor import Monitor
from dlstream_msgs.msg import ExperimentStatus

Say = Callable[[str, str], None]
"""Shows a line: (name of the node, or "rig"; text)."""

_RESTARTS = 5
_RESTART_WINDOW = 60.0


@dataclass(frozen=True)
class Ending:
    """Why a rig is to end.

    Attributes:
        at_once: somebody asked for it: the experiment ends first, so that the outputs are off without waiting for
            cameras and networks to close. Otherwise it decides on all poses that are still on their way, unless it
            shares their process (`together: true`): there it always ends first.
    """

    reason: str
    failed: bool = False
    at_once: bool = False


class Supervisor:
    """Shows the status at intervals, and says when the rig's time or its experiment has ended.

    Args:
        seconds: from the first frame; 0: as the rig file says.
        status_every: seconds between status lines; 0: none.
        poses: of all cameras together, from the start of the run where the experiment starts by itself; 0: any number.
    """

    def __init__(
        self, rig: Rig, monitor: Monitor, say: Say, seconds: float = 0.0, status_every: float = 0.0, poses: int = 0
    ) -> None:
        self._rig, self._monitor, self._say = rig, monitor, say
        self._seconds, self._every, self._poses = seconds or rig.stop.after, status_every, poses
        self._before = 0  # poses before the run
        self._begin = time.monotonic()
        self._next = self._begin + status_every
        self._too_late = False  # its time was over before the experiment had begun
        self._ends_by_itself = False

    def tick(self) -> Ending | None:
        """Why the rig is to end now; None while it goes on. To be called about ten times a second."""
        clock = time.monotonic()
        if self._every and clock >= self._next:
            self._next += self._every
            self._say("rig", f"{clock - self._begin:5.0f} s  {self._monitor.line()}")
        self._monitor.tell_of_hanging(self._say)
        if node := self._monitor.told_to_end:
            why = self._monitor.gave_up
            self._monitor.report_fault(node, f"ends: {why}" if why else "was asked to end by a signal")
            return Ending(f"{node} ends: {why}" if why else f"{node} was asked to end", failed=True)
        if taken := self._monitor.claim.conflict:
            return Ending(taken, failed=True)
        first = self._monitor.first_frame
        if self._seconds and first is not None and clock - first >= self._seconds:
            over = f"{self._seconds:g} s elapsed"
            self._too_late = self._should_begin and not self._monitor.ran
            return Ending(f"{over}, and the experiment has not begun", failed=True) if self._too_late else Ending(over)
        status = self._monitor.status
        failed = status is not None and status.status == ExperimentStatus.FAULT
        if self._starts_by_itself and not (self._monitor.ran or failed):
            self._before = self._monitor.poses
        if self._poses and self._monitor.poses - self._before >= self._poses:
            return Ending(f"{self._monitor.poses} poses were estimated")
        if self._rig.stop.with_experiment and self._monitor.experiment_ended:
            return Ending("the experiment has ended", self._monitor.experiment_failed)
        return None

    def ends(self, ending: Ending) -> None:
        """Notes why the rig ends, for `never_ran`. Not to be called where somebody has asked launch for the end."""
        self._ends_by_itself = not ending.at_once

    def never_ran(self) -> tuple[str, bool]:
        """A sentence on an experiment that has not run in time, and whether the rig has failed by that.

        To be called once all nodes have ended: after the last frame, poses that are still on their way may begin a run.
        The sentence is empty if it has run, or if the rig has none.
        """
        ran = self._monitor.ran  # read once: the monitor still listens
        if self._too_late and self._ends_by_itself and ran:
            return "The experiment began too late: only while the rig was being stopped.", True
        if self._rig.experiment is None or ran:
            return "", False
        return f"The experiment never ran: {self._why_not()}.", self._ends_by_itself and self._should_begin

    def _why_not(self) -> str:
        status = self._monitor.status
        if status is not None and status.status == ExperimentStatus.FAULT:
            return status.reason
        if self._monitor.called_off:
            return f"it was stopped while its status was '{self._monitor.waited_for}'"
        if self._monitor.waited_for:
            return f"its status to the end was '{self._monitor.waited_for}'"
        if self._starts_by_itself:
            return "the rig ended before it could begin"
        return "the rig says `autostart_run: false`, and nobody started it (`dlstream start`)"

    @property
    def _should_begin(self) -> bool:
        return self._starts_by_itself and not self._monitor.called_off

    @property
    def _starts_by_itself(self) -> bool:
        experiment = self._rig.experiment
        if experiment is None:
            return False
        return "autostart_run" not in experiment.model_fields_set or bool(experiment.autostart_run)


class RestartLimit:
    """Nodes may be started again, but not again and again."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._times: dict[str, deque[float]] = {}

    def allows(self, node: str) -> bool:
        """Whether a node that has ended may start again; counts it."""
        times = self._times.setdefault(node, deque(maxlen=_RESTARTS))
        clock = time.monotonic()
        if len(times) == _RESTARTS and clock - times[0] < _RESTART_WINDOW:
            self._say("rig", f"{node} ended {_RESTARTS + 1} times in {_RESTART_WINDOW:.0f} s")
            return False
        times.append(clock)
        return True
