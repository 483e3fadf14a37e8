"""`dlstream run`: a rig from its file to its end."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from dlstream.console import show_line
from dlstream.rig.file import Rig
from dlstream.rig.hosts import host_of, this_host
from dlstream.rig.nodes import NodeSpec, compressed_topics, deciding, needed, own_topics, rig_nodes, share
from dlstream.run.environment import node_environment
from dlstream.run.hosts.joined import joined
from dlstream.run.hosts.network import hosts_environment
from dlstream.run.monitor import Monitor
from dlstream.run.parameter_files import remove_abandoned_files
from dlstream.run.printer import Printer
from dlstream.run.registry import RunningRig, announced
from dlstream.run.runner import Runner
from dlstream.run.shared_memory import remove_abandoned
from dlstream.run.supervision import Ending, Supervisor
from dlstream_common import now
from dlstream_common.ros.host_clocks import HOST


@dataclass(frozen=True)
class Outcome:
    """How a rig ended.

    Attributes:
        session: the folder that the recorder wrote; None where there is none.
        never_ran: a sentence on an experiment that has not run in time; empty if it has, or if there is none.
    """

    exit_code: int
    session: Path | None
    never_ran: str = ""


def run_rig(
    rig: Rig,
    file: Path,
    console: Console,
    seconds: float = 0.0,
    status_every: float = 5.0,
    extra: Sequence[NodeSpec] = (),
    poses: int = 0,
    host: str = "",
    options: Sequence[str] = (),
) -> Outcome:
    """Starts the nodes of a checked rig that run on this host, shows what they print, and ends them together.

    Raises:
        NamesTakenError: another rig on this ROS domain has nodes of the same names; nothing was started.
        HostsError: another host of the rig did not come, or differs; nothing was started.

    Args:
        file: the rig file, for the session's records.
        seconds: stop this many seconds after the first frame; 0: as the rig file says.
        status_every: seconds between status lines; 0: none.
        extra: nodes to start in addition to the rig's own.
        poses: stop after so many poses of all cameras together; 0: as the rig file says.
        host: which of the rig's hosts this is; empty: the main host, or the only computer.
        options: of the command line that the other hosts need as well, where this one starts them.
    """
    say = Printer(partial(show_line, console))
    host = this_host(rig.hosts, host)
    if rig.hosts:
        os.environ.update(hosts_environment(rig.hosts, host, say, compressed_topics(rig)))
    environment = node_environment() | ({HOST: host} if rig.hosts else {})
    os.environ.update(environment)  # the monitor is a node as well
    remove_abandoned()
    remove_abandoned_files()
    everywhere = rig_nodes(rig, file)
    specs = [*extra, *share(everywhere, host)]
    names = [node.full_name for spec in [*extra, *everywhere] for node in spec.nodes]
    own = [node.full_name for spec in specs for node in spec.nodes]
    monitor = Monitor(
        rig.rig,
        file,
        names,
        list(rig.outputs),
        rig.namespace,
        own,
        needed(specs),
        deciding(specs),
        rig.use_sim_time,
        own_topics(rig, host),
    )
    with ExitStack() as stack:
        stack.callback(remove_abandoned)
        stack.callback(monitor.close)
        monitor.claim.check()
        link = stack.enter_context(joined(rig, file, host, everywhere, monitor, say, options)) if rig.hosts else None
        about = RunningRig.of(rig, file, now())
        tell_ending = stack.enter_context(announced(about, warn=lambda text: say("rig", f"[WARN] {text}")))
        supervisor = Supervisor(rig, monitor, say, seconds, status_every, poses)
        may_end = link.may_end if link is not None else lambda spec: True
        on_fault, stop_outputs = monitor.report_fault, monitor.stop_outputs
        runner = Runner(specs, environment, say, on_fault, stop_outputs, may_end, monitor.was_told_to_end)
        if link is not None:
            link.left = lambda: runner.left

        def on_stopping(ending: Ending) -> None:
            monitor.rig_ends = True
            supervisor.ends(ending)
            tell_ending()
            if link is not None:
                link.ends(ending)

        code = runner.run(lambda: (link.tick() if link else None) or supervisor.tick(), on_stopping)
        never_ran, failed = supervisor.never_ran()
        decided_here = rig.experiment is not None and host_of(rig.experiment, rig.hosts) == host
        code = code or int(monitor.experiment_failed or (failed and decided_here))
    if say.lost:
        with suppress(OSError):
            print(f"dlstream: {say.lost}", file=sys.stderr)
    recorded_here = rig.recorder is not None and host_of(rig.recorder, rig.hosts) == host
    return Outcome(code, monitor.session if recorded_here else None, never_ran)
