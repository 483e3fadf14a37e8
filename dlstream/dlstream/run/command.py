"""`dlstream run`: a rig from its file to its end."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from dlstream.console import show_line
from dlstream.rig.file import Rig
from dlstream.rig.nodes import NodeSpec, rig_nodes
from dlstream.run.environment import node_environment
from dlstream.run.monitor import Monitor
from dlstream.run.parameter_files import remove_abandoned_files
from dlstream.run.registry import RunningRig, announced
from dlstream.run.runner import Runner, Say
from dlstream.run.shared_memory import remove_abandoned
from dlstream_common import now


@dataclass(frozen=True)
class Outcome:
    """How a rig ended.

    Attributes:
        session: the folder that the recorder wrote; None where there is none.
    """

    exit_code: int
    session: Path | None


def run_rig(
    rig: Rig,
    file: Path,
    console: Console,
    seconds: float = 0.0,
    status_every: float = 5.0,
    extra: Sequence[NodeSpec] = (),
    poses: int = 0,
) -> Outcome:
    """Starts the nodes of a checked rig, shows what they print, and ends them together.

    Args:
        file: the rig file, for the session's records.
        seconds: stop this many seconds after the first frame; 0: as the rig file says.
        status_every: seconds between status lines; 0: none.
        extra: nodes to start in addition to the rig's own.
        poses: stop after so many poses of all cameras together; 0: as the rig file says.
    """
    environment = node_environment()
    os.environ.update(environment)  # the monitor is a node as well
    remove_abandoned()
    remove_abandoned_files()
    say = partial(show_line, console)
    specs = [*extra, *rig_nodes(rig, file)]
    monitor = Monitor([node.full_name for spec in specs for node in spec.nodes], list(rig.outputs))
    with ExitStack() as stack:
        stack.callback(remove_abandoned)
        stack.callback(monitor.close)
        stack.enter_context(announced(RunningRig.of(rig, file, now())))
        runner = Runner(specs, environment, say, monitor.report_fault, monitor.stop_outputs)
        supervisor = _Supervisor(rig, monitor, runner, say, seconds or rig.stop.after, status_every, poses)
        code = runner.run(supervisor.tick) or int(monitor.experiment_failed)
    return Outcome(code, monitor.session)


class _Supervisor:
    """Shows the status at intervals, and stops the rig when its time or its experiment has ended."""

    def __init__(
        self, rig: Rig, monitor: Monitor, runner: Runner, say: Say, seconds: float, status_every: float, poses: int
    ) -> None:
        self._poses = poses
        self._rig, self._monitor, self._runner = rig, monitor, runner
        self._say = say
        self._seconds, self._every = seconds, status_every
        self._begin = time.monotonic()
        self._next = self._begin + status_every
        self._stopped = False

    def tick(self) -> None:
        clock = time.monotonic()
        if self._every and clock >= self._next:
            self._next += self._every
            self._say("rig", f"{clock - self._begin:5.0f} s  {self._monitor.line()}")
        if self._stopped:
            return
        first = self._monitor.first_frame
        if self._seconds and first is not None and clock - first >= self._seconds:
            self._stopped = True
            self._runner.stop(f"{self._seconds:g} s elapsed")
        elif self._poses and self._monitor.poses >= self._poses:
            self._stopped = True
            self._runner.stop(f"{self._monitor.poses} poses were estimated")
        elif self._rig.stop.with_experiment and self._monitor.experiment_ended:
            self._stopped = True
            self._runner.stop("the experiment has ended", self._monitor.experiment_failed)
