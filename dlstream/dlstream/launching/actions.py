"""Actions of ROS 2's launch system: a node that waits for its turn to end, and the supervision of a rig."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

from launch.action import Action
from launch.actions import ExecuteLocal, OpaqueFunction, TimerAction
from launch.descriptions import Executable
from launch.event_handler import BaseEventHandler
from launch.event_handlers import OnProcessExit, OnProcessIO
from launch.events import Shutdown, matches_action
from launch.events.process import ProcessExited, ProcessIO, ShutdownProcess, SignalProcess
from launch_ros.actions import Node

from dlstream.console import make_console
from dlstream.launching.signals import heeding_signals
from dlstream.rig.nodes import NodeSpec
from dlstream.run.monitor import Monitor
from dlstream.run.runner import RESTART_DELAY, SIGNAL_TIMEOUTS, TOLD_TO_END, ending_in_words
from dlstream.run.supervision import Ending, RestartLimit, Say, Supervisor
from launch import LaunchContext

_TICK = 0.1
_KILL_AFTER = 30.0
_NEVER = "31536000"
"""Seconds, a year: launch would kill also a recorder that says that it still writes. SuperviseRig has its own times."""
_showing = threading.Lock()
"""Of rigs that end together, one after the other: their lines would be mixed, and pictures are drawn by one thread."""
OPTIONS = {"output": "screen", "emulate_tty": False, "sigterm_timeout": _NEVER, "sigkill_timeout": _NEVER}
"""Of every process of a rig."""


class RigProcess(ExecuteLocal):
    """A process of a rig that does not end with all others at once, but when its turn has come: see SuperviseRig."""

    its_turn = False
    last_output = -math.inf
    """When it printed something last, by the monotonic clock."""
    stopped_early = False
    """Whether it was told to end before it had printed anything: too early for a node to end cleanly."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._handlers: list[BaseEventHandler] = []

    def execute(self, context: LaunchContext) -> Any:
        """Starts it, unless it is to end already."""
        if self.its_turn:
            return None
        before = _handlers_of(context)
        try:
            return super().execute(context)
        finally:
            self._handlers += [each for each in _handlers_of(context) if each not in before]

    def listen(self, handler: BaseEventHandler, context: LaunchContext) -> None:
        """Registers a handler of its events."""
        context.register_event_handler(handler)
        self._handlers.append(handler)

    def forget(self, context: LaunchContext) -> None:
        """Unregisters all handlers of its events, which launch keeps: it has ended, and has printed its last words."""
        while self._handlers:
            context.unregister_event_handler(self._handlers.pop())

    def again(self) -> RigProcess:
        """The same command once more, for a process that has ended."""
        details = self.process_details
        name = details["name"].rpartition("-")[0]  # launch appends a number
        command = Executable(cmd=details["cmd"], cwd=details["cwd"], env=details["env"], name=name, prefix="")
        return RigProcess(process_description=command, **OPTIONS)

    def heard(self, event: ProcessIO) -> None:
        """It has printed something."""
        self.last_output = time.monotonic()

    def _shutdown_process(self, context: LaunchContext, *, send_sigint: bool) -> Any:
        """Launch asks for it at the shutdown, and once more for its turn. What does not run need not wait."""
        if not self.its_turn and self.return_code is None:
            return None
        return super()._shutdown_process(context, send_sigint=True)

    @property
    def running_pid(self) -> int | None:
        """The process id while it runs."""
        details = self.process_details or {}
        return details.get("pid") if self.return_code is None else None


class RigNode(RigProcess, Node):
    """A node of a rig as the launch file starts it."""

    def execute(self, context: LaunchContext) -> Any:
        """Starts it. A namespace around it is in its own already; launch would give it to all nodes of one process."""
        around = context.launch_configurations.pop("ros_namespace", None)
        try:
            return super().execute(context)
        finally:
            if around is not None:
                context.launch_configurations["ros_namespace"] = around


class SuperviseRig(Action):
    """Does for a rig what the runner of `dlstream run` does: outputs first, restarts, the end in order, the exit code.

    Where somebody asks for the end, as by a Ctrl-C, the experiment is told first: the outputs are off without waiting
    for a camera to close.

    Args:
        nodes: in the order in which they start; they end in reverse.
        resources: closed when all nodes have ended.
        pictures: whether the session's pictures are drawn at the end.
    """

    def __init__(
        self,
        nodes: Sequence[tuple[NodeSpec, RigProcess]],
        monitor: Monitor,
        supervisor: Supervisor,
        say: Say,
        resources: ExitStack,
        pictures: bool,
        tell_ending: Callable[[], None],
    ) -> None:
        super().__init__()
        self._nodes, self._monitor, self._supervisor, self._say = list(nodes), monitor, supervisor, say
        self._resources, self._pictures, self._tell_ending = resources, pictures, tell_ending
        self._restarts = RestartLimit(say)
        self._failure = ""
        self._running = {spec.full_name for spec, _ in nodes if spec.ends_rig}
        self._task: asyncio.Task[None] | None = None
        self._asked_to_end = True
        self._over = False
        self._signals = ExitStack()

    def execute(self, context: LaunchContext) -> None:
        """Begins to supervise."""
        for spec, node in self._nodes:
            self._follow(spec, node, context)
        self._signals.enter_context(heeding_signals(context, self._say))
        self._task = context.asyncio_loop.create_task(self._run(context))
        threading.Thread(target=self._end_what_launch_left, name="end of the rig").start()

    def get_asyncio_future(self) -> asyncio.Future[None] | None:
        """Launch goes on until this is done."""
        return self._task

    def _follow(self, spec: NodeSpec, node: RigProcess, context: LaunchContext) -> None:
        ended = partial(self._after_exit, spec, node)
        node.listen(OnProcessExit(target_action=node, on_exit=ended), context)
        node.listen(OnProcessIO(target_action=node, on_stdout=node.heard, on_stderr=node.heard), context)

    def _after_exit(
        self, spec: NodeSpec, node: RigProcess, event: ProcessExited, context: LaunchContext
    ) -> list[Action]:
        """What to do about a node that has ended: the actions that start it again, where it is to be."""
        ending = ending_in_words(event.returncode)
        if context.is_shutdown:
            if event.returncode != 0 and not node.stopped_early:
                self._say("rig", f"{spec.full_name} {ending} while it was stopped")
                self._failure = self._failure or f"{spec.full_name} {ending} while it was stopped"
            return []
        if event.returncode == 0 and self._monitor.told_to_end:
            return []  # the supervisor ends the rig by that
        if event.returncode == 0 and self._monitor.was_told_to_end([one.full_name for one in spec.nodes]):
            ending = TOLD_TO_END
        elif event.returncode == 0 and spec.ends_rig:
            self._running.discard(spec.full_name)
            if not self._running:
                self._stop(Ending(f"{spec.full_name} has finished"), context)
            return []
        restarts = spec.on_failure == "restart" and self._restarts.allows(spec.full_name)
        ends = spec.is_needed or (spec.on_failure == "restart" and not restarts)
        if ends or spec.decides:
            self._monitor.stop_outputs(f"{spec.full_name} {ending}", ends)
        self._monitor.report_fault(spec.full_name, ending)
        if ends:
            self._stop(Ending(f"{spec.full_name} {ending}", failed=True), context)
            return []
        what = "started again" if restarts else "the rig continues without it"
        self._say("rig", f"{spec.full_name} {ending}; {what}")
        return [self._start_again(spec, node, context)] if restarts else []

    def _start_again(self, spec: NodeSpec, node: RigProcess, context: LaunchContext) -> Action:
        """Launch's own respawn would not wait until it is known how the node has ended.

        What would stay of each of very many starts is taken out of launch's list, through which it goes at each event.
        """
        again = node.again()
        self._nodes[self._nodes.index((spec, node))] = spec, again
        self._follow(spec, again, context)
        forget = OpaqueFunction(function=node.forget)
        # A timer that the shutdown would cancel stays in the list, too; a node is not started after it anyway.
        return TimerAction(period=RESTART_DELAY, actions=[forget, again], cancel_on_shutdown=False)

    def _stop(self, ending: Ending, context: LaunchContext) -> None:
        if ending.failed:
            self._failure = self._failure or ending.reason
        self._asked_to_end = False
        self._supervisor.ends(ending)
        self._say("rig", f"stopping: {ending.reason}")
        context.emit_event_sync(Shutdown(reason=ending.reason))

    async def _run(self, context: LaunchContext) -> None:
        with self._signals:
            await self._supervise(context)

    async def _supervise(self, context: LaunchContext) -> None:
        while not context.is_shutdown:
            # Not in the main thread, which shows what the nodes print: it may wait for the recorder to hear of a fault.
            ending = await context.asyncio_loop.run_in_executor(None, self._supervisor.tick)
            if context.is_shutdown:
                break
            if ending is not None:
                self._stop(ending, context)
                break
            await asyncio.sleep(_TICK)
        self._monitor.rig_ends = True
        self._tell_ending()
        if self._asked_to_end:
            for spec, node in self._nodes:
                if spec.commands:
                    await self._tell(node, context)
        for spec, node in reversed(self._nodes):
            await self._end(spec, node, context)
        self._over = True
        self._signals.close()  # who does not want to wait for the figures may end it by a signal
        if self._monitor.experiment_failed:
            self._failure = self._failure or "the experiment has failed"
        session = self._monitor.session
        await context.asyncio_loop.run_in_executor(None, self._resources.close)
        whole = session is None or await context.asyncio_loop.run_in_executor(None, _shown, session, self._pictures)
        never_ran, failed = self._supervisor.never_ran()
        if never_ran:
            self._say("rig", never_ran)
        if failed:
            self._failure = self._failure or never_ran
        if not whole:
            self._failure = self._failure or f"the session {session} is not complete"
        if self._failure:  # an exception of this task would be lost where another task ends at the same moment
            context.asyncio_loop.call_exception_handler({"message": f"the rig has failed: {self._failure}"})

    async def _end(self, spec: NodeSpec, node: RigProcess, context: LaunchContext) -> None:
        """Lets a node end, and waits for it; it gets the next signal when it has printed nothing for too long."""
        future = await self._tell(node, context)
        if future is None:
            return
        for number, timeout in SIGNAL_TIMEOUTS.items():
            if number != signal.SIGINT and node.running_pid is not None:  # which it was told by
                await context.emit_event(SignalProcess(signal_number=number, process_matcher=matches_action(node)))
            begun = time.monotonic()
            while (left := max(begun, node.last_output) + timeout - time.monotonic()) > 0:
                ended, _ = await asyncio.wait([future], timeout=left)
                if ended:
                    return
            self._say("rig", f"{spec.full_name} did not end after {number.name}")

    async def _tell(self, node: RigProcess, context: LaunchContext) -> asyncio.Future[None] | None:
        """Lets a node end; what is done once it has ended, None where it was not started."""
        node.its_turn = True
        future: asyncio.Future[None] | None = node.get_asyncio_future()
        if future is not None:
            node.stopped_early = node.stopped_early or node.last_output == -math.inf
            await context.emit_event(ShutdownProcess(process_matcher=matches_action(node)))
        return future

    def _end_what_launch_left(self) -> None:
        """Ends the nodes in order where launch has left them, as where its own loop has failed."""
        threading.main_thread().join()
        if self._over:
            return
        for _, node in reversed(self._nodes):
            pid = node.running_pid
            for number in (signal.SIGINT, signal.SIGKILL):
                if pid is not None and _lives(pid):
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
                    end = time.monotonic() + _KILL_AFTER
                    while _lives(pid) and time.monotonic() < end:
                        time.sleep(0.02)
        self._resources.close()


def _shown(session: Path, pictures: bool) -> bool:
    """Shows the figures of a session, and what to do if it is not complete; whether it is."""
    from dlstream.cli.summary import show_ended_run

    with _showing:
        return show_ended_run(session, make_console(), pictures)


def _handlers_of(context: LaunchContext) -> list[BaseEventHandler]:
    """Those that are registered; launch does not give its own to anybody."""
    return list(getattr(context, "_event_handlers", ()))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
