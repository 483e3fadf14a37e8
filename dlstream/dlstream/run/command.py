"""`dlstream run`: a rig from its file to its end."""

from __future__ import annotations

import os
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
from dlstream.run.runner import Runner
from dlstream.run.shared_memory import remove_abandoned
from dlstream.run.supervision import Supervisor
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

    Raises:
        NamesTakenError: another rig on this ROS domain has nodes of the same names; nothing was started.

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
    names = [node.full_name for spec in specs for node in spec.nodes]
    monitor = Monitor(rig.rig, file, names, list(rig.outputs), rig.namespace)
    with ExitStack() as stack:
        stack.callback(remove_abandoned)
        stack.callback(monitor.close)
        monitor.claim.check()
        stack.enter_context(announced(RunningRig.of(rig, file, now())))
        runner = Runner(specs, environment, say, monitor.report_fault, monitor.stop_outputs)
        supervisor = Supervisor(rig, monitor, say, seconds, status_every, poses)
        code = runner.run(supervisor.tick) or int(monitor.experiment_failed)
    return Outcome(code, monitor.session)
