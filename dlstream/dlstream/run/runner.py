"""Runs the nodes of a rig as processes, where `ros2 launch` isn't installed."""

from __future__ import annotations

import queue
import signal
import time
from bisect import insort
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

from dlstream.rig.nodes import NodeSpec
from dlstream.run.printer import Printer
from dlstream.run.process import NodeProcess
from dlstream.run.supervision import Ending, RestartLimit, Say
from dlstream.run.together import speaker
from dlstream_common import DlstreamError

SIGNAL_TIMEOUTS = {signal.SIGINT: 30.0, signal.SIGTERM: 10.0, signal.SIGKILL: 10.0}
"""Seconds without output before the next signal: a node that still prints, such as a recorder, is waited for."""
RESTART_DELAY = 0.5
TOLD_TO_END = "was asked to end by a signal"
"""How a node ended that somebody else than the launcher has told to."""
_TURN = 45.0
"""Seconds after which a node ends even if others have not that should end before it: more than SIGINT is given."""


@dataclass(frozen=True)
class _Line:
    spec: NodeSpec
    text: str


@dataclass(frozen=True)
class _Exit:
    process: NodeProcess
    code: int


class Runner:
    """Starts nodes, shows what they print, restarts what is to be restarted, and ends all of them together.

    `on_fault` is called for every needed node that ended, with its name and how it ended. `stop_outputs` is called
    before that, with the reason and with whether the rig ends: outputs are off before anything is waited for.
    Nodes end in the reverse of the order in which they started: those that send come before those that receive, so
    that the recorder gets what was on its way. Where somebody asks for the end, the experiment ends before them all:
    the outputs are off without waiting for a camera to close. `may_end` says whether a node's turn has come, in a rig
    with nodes on other hosts, and `was_told_to_end` whether a signal of somebody else has ended these nodes: a camera
    has not finished by that. Where nothing can be printed any more, the rig ends as if somebody had asked for it.
    """

    def __init__(
        self,
        specs: Sequence[NodeSpec],
        environment: Mapping[str, str],
        say: Say,
        on_fault: Callable[[str, str], None] = lambda node, text: None,
        stop_outputs: Callable[[str, bool], None] = lambda reason, for_good: None,
        may_end: Callable[[NodeSpec], bool] = lambda spec: True,
        was_told_to_end: Callable[[Collection[str]], bool] = lambda nodes: False,
    ) -> None:
        self._specs = list(specs)
        self._environment = environment
        self._say = Printer.of(say)
        self._on_fault, self._stop_outputs = on_fault, stop_outputs
        self._may_end, self._was_told_to_end = may_end, was_told_to_end
        # SimpleQueue, since a signal handler may put into it while the same thread takes from it.
        self._events: queue.SimpleQueue[_Line | _Exit | Ending] = queue.SimpleQueue()
        self._processes: list[NodeProcess] = []
        self._restarts = RestartLimit(self._say)
        self.exit_code = 0

    def stop(self, reason: str, failed: bool = False) -> None:
        """Ends the rig, without a failure or with one; from any thread."""
        self._events.put(Ending(reason, failed))

    def run(
        self,
        tick: Callable[[], Ending | None] | None = None,
        on_stopping: Callable[[Ending], None] = lambda ending: None,
    ) -> int:
        """Runs until a node that is needed has ended, `stop`, SIGINT or SIGTERM; returns the exit code.

        `tick` is called about ten times a second, in this thread, until it says why the rig is to end. `on_stopping` is
        called once, before the first node is asked to end, also where the launcher itself fails.
        """
        previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            try:
                for spec in self._specs:
                    self._start(spec)
                ending = self._handle_events(tick)
            except BaseException as error:
                # Told to the other hosts as well: nobody is to wait for a turn that does not come.
                self._begin_to_end(Ending(f"the launcher has failed: {error}", True, at_once=True), on_stopping)
                raise
            self._say("rig", f"stopping: {ending.reason}")
            self._begin_to_end(ending, on_stopping)
        finally:
            self._end_all()
            for number, handler in previous.items():
                signal.signal(number, handler)
        return self.exit_code

    @property
    def left(self) -> list[str]:
        """The full names of the processes that have not ended; may be asked by any thread."""
        return [process.spec.full_name for process in list(self._processes) if process.running]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._events.put(Ending(f"{signal.Signals(number).name} received", at_once=True))

    def _start(self, spec: NodeSpec) -> None:
        process = NodeProcess(
            spec,
            self._environment,
            on_line=lambda spec, text: self._events.put(_Line(spec, text)),
            on_exit=lambda process, code: self._events.put(_Exit(process, code)),
        )
        # In its place, also where it is started again: a recorder that ended first would miss what the others send.
        insort(self._processes, process, key=lambda one: self._specs.index(one.spec))

    def _handle_events(self, tick: Callable[[], Ending | None] | None) -> Ending:
        while True:
            try:
                event = self._events.get(timeout=0.1)
            except queue.Empty:
                event = None
            if isinstance(event, _Line):
                self._say(*_node_and_text(event))
            crashed = isinstance(event, _Exit) and event.code != 0
            if self._say.lost and not crashed and not isinstance(event, Ending):
                event = Ending(self._say.lost, failed=True, at_once=True)
            if tick is not None and not crashed and not isinstance(event, Ending):
                event = tick() or event  # first: it may know why a node has ended
            if isinstance(event, Ending):
                self.exit_code = self.exit_code or int(event.failed)
                return Ending(event.reason, self.exit_code != 0, event.at_once)
            elif isinstance(event, _Exit):
                reason = self._after_exit(event)
                if reason:
                    return Ending(reason, self.exit_code != 0)

    def _after_exit(self, event: _Exit) -> str:
        """What to do about a node that has ended; a reason where the rig has to stop."""
        spec, ending = event.process.spec, ending_in_words(event.code)
        self._processes.remove(event.process)
        if event.code == 0 and self._was_told_to_end([node.full_name for node in spec.nodes]):
            ending = TOLD_TO_END
        elif event.code == 0 and spec.ends_rig:
            others = any(process.spec.ends_rig for process in self._processes)
            return "" if others else f"{spec.full_name} has finished"
        restarts = spec.on_failure == "restart" and self._restarts.allows(spec.full_name)
        ends = spec.is_needed or (spec.on_failure == "restart" and not restarts)
        if ends or spec.decides:
            self._stop_outputs(f"{spec.full_name} {ending}", ends)
        self._on_fault(spec.full_name, ending)
        if ends:
            self.exit_code = 1
            return f"{spec.full_name} {ending}"
        if restarts:
            self._say("rig", f"{spec.full_name} {ending}; started again")
            time.sleep(RESTART_DELAY)
            return self._start_again(spec, ending)
        self._say("rig", f"{spec.full_name} {ending}; the rig continues without it")
        return ""

    def _start_again(self, spec: NodeSpec, ending: str) -> str:
        """Starts a node that has ended; a reason where that can't be done, as with a full disk."""
        try:
            self._start(spec)
        except (OSError, DlstreamError) as error:
            reason = f"{spec.full_name} {ending} and could not be started again: {error}"
            self._stop_outputs(reason, True)
            self.exit_code = 1
            return reason
        return ""

    def _begin_to_end(self, ending: Ending, on_stopping: Callable[[Ending], None]) -> None:
        try:
            on_stopping(ending)
        finally:
            if ending.at_once:
                self._end_experiment()

    def _end_experiment(self) -> None:
        for process in self._processes:
            if process.spec.commands:
                process.signal(signal.SIGINT)

    def _end_all(self) -> None:
        for process in reversed(self._processes):
            self._await_turn(process.spec)
            for number, timeout in SIGNAL_TIMEOUTS.items():
                if number not in process.signals:  # a second one would kill an interpreter that is about to exit
                    process.signal(number)
                if self._wait(process, timeout):
                    break
                self._say("rig", f"{process.spec.full_name} did not end after {number.name}")
        self._drain()

    def _await_turn(self, spec: NodeSpec) -> None:
        """Waits until the nodes of other hosts have ended that end before this one."""
        end = time.monotonic() + _TURN
        while not self._may_end(spec) and time.monotonic() < end:
            self._drain()
            time.sleep(0.02)

    def _wait(self, process: NodeProcess, timeout: float) -> bool:
        begun = time.monotonic()
        while not process.wait(0.05):
            self._drain()
            if time.monotonic() > max(begun, process.last_output) + timeout:
                return False
        return True

    def _drain(self) -> None:
        """Shows what the nodes print while they end, and takes a failure of theirs into account."""
        while True:
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                return
            if isinstance(event, _Line):
                self._say(*_node_and_text(event))
            elif isinstance(event, _Exit) and event.code != 0 and not event.process.stopped_early:
                self._say("rig", f"{event.process.spec.full_name} {ending_in_words(event.code)} while it was stopped")
                self.exit_code = self.exit_code or 1


def _node_and_text(line: _Line) -> tuple[str, str]:
    """The node that printed a line, and the line."""
    found = speaker(line.text) if line.spec.members else None
    return found or (line.spec.full_name, line.text)


def ending_in_words(code: int) -> str:
    """How a process ended, by its exit code."""
    if code == 0:
        return "has ended"
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"has failed with exit code {code}"
