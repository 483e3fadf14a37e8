"""The running of nodes in a process: each with a thread of its own, from the start to a clean end."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions

from dlstream_common.errors import DlstreamError
from dlstream_common.memory import keep_memory
from dlstream_common.ros._bell import Bell
from dlstream_common.ros._leave import leave_within
from dlstream_common.ros._parent import end_with_parent
from dlstream_common.ros._standstill import watch_for_standstill
from dlstream_common.ros.node import DlstreamNode
from dlstream_common.settings import Settings

_EXIT_TIMEOUT = 10  # seconds in which a process must end after its nodes have ended

N = TypeVar("N", bound=DlstreamNode)  # type: ignore[type-arg]


def run_node(create: Callable[[], N], arguments: Sequence[str] | None = None) -> int:
    """Runs one node in this process until SIGINT, SIGTERM or its own end; returns the exit code."""
    return run_nodes([create], arguments)


def run_nodes(creators: Sequence[Callable[[], N]], arguments: Sequence[str] | None = None) -> int:
    """Runs nodes in this process until SIGINT, SIGTERM, the failure of one, or the end of those that end by themselves.

    They start in the given order and end in reverse; where a signal ends them, those that command outputs end before
    all others, so that outputs are off without waiting for a camera to close. Each has its own executor and thread, so
    that none waits for another, and the main thread is free to handle signals: after one, nodes are deactivated and
    cleaned up while they can still publish, and only then is ROS shut down.
    """
    keep_memory()
    stopped: list[int] = []
    changed = Bell()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stopped.append(number)
        changed.ring()

    rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    changed.ring_at_signals()
    end_with_parent()
    hosted: list[_Hosted] = []
    watch_for_standstill(lambda seconds: _end_deaf(hosted, seconds))
    exit_code = 1
    try:
        try:
            for create in creators:
                hosted.append(_Hosted(create()))
                hosted[-1].node.ended.add_done_callback(lambda _: changed.ring())
            if all(item.start() for item in hosted):
                gc.freeze()  # a garbage collection of everything loaded would stop the nodes for 0.1 s
                while not stopped and not _is_over(hosted):
                    changed.wait()
                    for item in hosted:
                        if item.node.ended.done():
                            item.finish()
        except DlstreamError as error:
            print(error, file=sys.stderr, flush=True)
            return 1
        finally:
            for item in hosted if stopped else ():
                item.tell_that_it_ends()
            first = [item for item in hosted if stopped and item.node.ends_first]
            for item in (*first, *reversed(hosted)):
                item.finish()
        exit_code = max((item.node.exit_code or 0 for item in hosted), default=0)
        return exit_code
    finally:
        rclpy.try_shutdown()
        leave_within(_EXIT_TIMEOUT, exit_code)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM):  # a second Ctrl-C must not kill the exiting interpreter
            signal.signal(number, signal.SIG_IGN)


class _Hosted:
    """A node with its executor and the thread that runs it."""

    def __init__(self, node: DlstreamNode[Settings]) -> None:
        self.node = node
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._thread = threading.Thread(target=_spin, args=(self._executor, node), name=f"{node.get_name()} executor")
        self._finished = False

    def start(self) -> bool:
        if not _autostart(self.node):
            self.node.exit_code = 1
            return False
        self._thread.start()
        return True

    def tell_that_it_ends(self) -> None:
        if self._finished:
            return
        try:
            self.node.tell_that_it_ends()
        except Exception as error:  # the node must end, whether it could say so or not
            print(f"{self.node.get_name()} could not say that it ends: {error}", file=sys.stderr, flush=True)

    def finish(self) -> None:
        if self._finished:
            return
        self._finished = True
        if not self.node.ended.done():
            self.node.ended.set_result(None)
        if self._thread.ident:
            self._thread.join()
        _linger(self._executor, self.node)
        _finish(self.node)
        self._executor.shutdown()


def _is_over(hosted: Sequence[_Hosted]) -> bool:
    nodes = [item.node for item in hosted]
    if any(node.ended.done() and (node.exit_code or not node.ends_by_itself) for node in nodes):
        return True
    sources = [node for node in nodes if node.ends_by_itself]
    return bool(sources) and all(node.ended.done() for node in sources)


def _end_deaf(hosted: Sequence[_Hosted], seconds: float) -> None:
    for item in hosted:
        item.node.fail(
            DlstreamError(
                f"this process stood still for {seconds:.1f} s, and other processes can no longer reach it. It ends, "
                "as what they send would be lost. Where the rig file says `on_failure: restart`, it is started again"
            )
        )


def _spin(executor: SingleThreadedExecutor, node: DlstreamNode[Settings]) -> None:
    """Runs the node's callbacks until it has ended.

    Not by spin_until_future_complete: that of rclpy 7.1 adds a callback to the future at each turn, hundreds per
    second, and never removes them.
    """
    node.ended.add_done_callback(lambda _: executor.create_task(_nothing))
    try:
        while not node.ended.done() and executor.context.ok():
            executor.spin_once()
    except ExternalShutdownException:
        pass
    except Exception as error:  # a node without running callbacks must not seem alive
        node.fail(error)


def _nothing() -> None:
    """A task that only wakes an executor."""


def _linger(executor: SingleThreadedExecutor, node: DlstreamNode[Settings]) -> None:
    """Keeps a node running that is still needed, if a signal ended it and not the node itself."""
    end = time.monotonic() + node.linger
    while node.exit_code is None and node.is_active and time.monotonic() < end and node.is_needed():
        executor.spin_once(timeout_sec=0.02)


def _autostart(node: DlstreamNode[Settings]) -> bool:
    if not node.get_parameter("autostart").value:
        return True
    success = TransitionCallbackReturn.SUCCESS
    return bool(node.trigger_configure() == success and node.trigger_activate() == success)


def _finish(node: DlstreamNode[Settings]) -> None:
    if node.state_name in ("unconfigured", "inactive", "active"):
        node.trigger_shutdown()
    node.destroy_node()
