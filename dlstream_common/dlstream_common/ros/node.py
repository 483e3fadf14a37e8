"""The base of all dlstream nodes: settings, life cycle, diagnostics, and a clean end."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, ClassVar, Generic, TypeVar

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future
from rclpy.timer import Timer

from dlstream_common.credentials import masked
from dlstream_common.errors import DlstreamError
from dlstream_common.memory import keep_memory
from dlstream_common.ros._bell import Bell
from dlstream_common.ros._leave import leave_within
from dlstream_common.ros._parent import end_with_parent
from dlstream_common.ros.diagnostics import TOLD_TO_END, Diagnosis, Level, diagnosis_to_message
from dlstream_common.ros.local import LocalFrames
from dlstream_common.ros.parameters import declare_settings, parameter_fields, read_settings, refusal, refuse_unknown
from dlstream_common.settings import Settings

_EXIT_TIMEOUT = 10  # seconds in which a process must end after its nodes have ended

_STEADY = Clock(clock_type=ClockType.STEADY_TIME)

S = TypeVar("S", bound=Settings)


class DlstreamNode(LifecycleNode, Generic[S]):
    """A lifecycle node with validated settings.

    A node overrides `configure`, `activate`, `deactivate`, `cleanup` and `diagnose`, and raises an exception if
    something goes wrong. A DlstreamError is logged as its message, anything else with its traceback. With the parameter
    `autostart` (the default), `run_node` configures and activates it, so that `ros2 run` gives data at once.
    """

    default_name: ClassVar[str]
    ends_by_itself: ClassVar[bool] = False
    """Whether this node may end while others in its process continue, as at the end of a video."""
    linger: ClassVar[float] = 0.0
    """Seconds that the node, asked to end, continues at most while it is needed: see `is_needed`."""

    def __init__(
        self, settings_type: type[S], *, name: str = "", frames: LocalFrames | None = None, **options: object
    ) -> None:
        """Declares the settings as parameters.

        Args:
        name: of the node; empty: its default name.
        frames: the image topics of this process; None if the node has its own process.
        options: for rclpy's LifecycleNode, such as the namespace.
        """
        super().__init__(name or self.default_name, **options)
        self.frames = frames or LocalFrames()
        self.exit_code: int | None = None
        self._ended = Future()
        self._reported = ""
        self._settings_type = settings_type
        self.settings: S | None = None
        self.hardware_id = ""
        self.declare_parameter(
            "autostart",
            True,
            ParameterDescriptor(
                description="Configure and activate the node at the start, without a lifecycle manager.", read_only=True
            ),
        )
        declare_settings(self, settings_type)
        refuse_unknown(self, ["autostart", *parameter_fields(self, settings_type)])
        self.add_on_set_parameters_callback(self._on_parameters)
        self.add_post_set_parameters_callback(self._after_parameters)
        self._diagnostics = rclpy.node.Node.create_publisher(self, DiagnosticArray, "/diagnostics", 10)
        self._diagnostics_timer = self.create_timer(1.0, self._publish_diagnosis)

    # What a node overrides.

    def configure(self, settings: S) -> None:
        """Opens devices and files, and creates publishers; called with validated settings."""

    def activate(self) -> None:
        """Starts working."""

    def deactivate(self) -> None:
        """Stops working; outputs switch off."""

    def cleanup(self) -> None:
        """Closes what `configure` opened. Called once for each `configure`, even if that failed."""

    def diagnose(self) -> Diagnosis:
        """The state of the node; called while it is active."""
        return Diagnosis(Level.OK, "active")

    def is_needed(self) -> bool:
        """Whether other nodes that are ending still need this one; called repeatedly for up to `linger` seconds."""
        return False

    def settings_changed(self, settings: S) -> None:
        """Applies a changed setting that is marked as live."""

    # What a node uses.

    @property
    def is_active(self) -> bool:
        """Whether the node is in the lifecycle state "active"."""
        return bool(self._state_machine.current_state[1] == "active")

    @property
    def in_simulated_time(self) -> bool:
        """Whether the time comes from /clock (parameter use_sim_time), as of a bag that is played."""
        return bool(self.get_clock().ros_time_is_active)

    def now(self) -> int:
        """The time in nanoseconds since the epoch; with use_sim_time that of /clock."""
        return int(self.get_clock().now().nanoseconds)

    def create_timer(self, period: float, callback: Callable[[], Any], *rest: Any, **options: Any) -> Timer:
        """As rclpy's, but by real time unless a `clock` is given.

        Timers look after outputs and give signs of life: they must not end with a bag, nor slow down with its rate.
        """
        return super().create_timer(period, callback, *rest, **{"clock": _STEADY, **options})

    def end(self, exit_code: int) -> None:
        """Ends the process of this node after deactivation and cleanup. May be called from any thread."""
        if self.exit_code is None:
            self.exit_code = exit_code
        self._ended.set_result(None)

    def fail(self, error: Exception) -> None:
        """Logs an error after which the node can't continue, and ends its process with exit code 1."""
        self._report("stopped", error)
        self.end(1)

    # The life cycle.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        def configure() -> None:
            self.settings = read_settings(self, self._settings_type)
            self.configure(self.settings)

        result = self._guard("configure", configure)
        if result != TransitionCallbackReturn.SUCCESS:
            self._guard("cleanup", self.cleanup)
            return result
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        super().on_activate(state)  # first: until then publishers send nothing
        result = self._guard("activate", self.activate)
        if result != TransitionCallbackReturn.SUCCESS:
            super().on_deactivate(state)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = self._guard("deactivate", self.deactivate)
        super().on_deactivate(state)
        return result

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = self._guard("cleanup", self.cleanup)
        super().on_cleanup(state)
        return result

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        if state.label == "active":
            self.on_deactivate(state)
        if state.label in ("active", "inactive"):
            self.on_cleanup(state)
        return super().on_shutdown(state)

    def _guard(self, what: str, step: Callable[[], None]) -> TransitionCallbackReturn:
        try:
            step()
        except Exception as error:
            self._report(f"{what} failed", error)
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def _report(self, what: str, error: Exception) -> None:
        if isinstance(error, DlstreamError):
            if str(error) != self._reported:  # whatever follows from it is not reported again
                self.get_logger().error(f"{what}: {error}")
            self._reported = str(error)
            if error.__cause__ is not None:
                self.get_logger().debug(masked("".join(traceback.format_exception(error.__cause__))))
        else:
            text = "".join(traceback.format_exception(error))
            self.get_logger().error(masked(f"{what}: {error!r}\n{text}"))

    # Parameters and diagnostics.

    def _on_parameters(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        fields = parameter_fields(self, self._settings_type)
        ours = [parameter for parameter in parameters if parameter.name in fields]
        configured = self._state_machine.current_state[1] not in ("unconfigured", "configuring")
        for parameter in parameters:
            if parameter.name == "use_sim_time" and configured and parameter.value != self.in_simulated_time:
                reason = "use_sim_time can only be set while the node is unconfigured: its clock would jump in a run"
                return SetParametersResult(successful=False, reason=reason)
        for parameter in ours:
            if problem := refusal(fields[parameter.name], parameter.value):
                return SetParametersResult(successful=False, reason=f"{parameter.name}: {problem}")
            extra = fields[parameter.name].json_schema_extra
            live = isinstance(extra, dict) and extra.get("live")
            if configured and not live:
                reason = (
                    f"{parameter.name} can only be set while the node is unconfigured: deactivate and clean it up first"
                )
                return SetParametersResult(successful=False, reason=reason)
        if configured and ours:
            try:
                settings = read_settings(self, self._settings_type, ours)
                self.settings_changed(settings)
            except DlstreamError as error:
                return SetParametersResult(successful=False, reason=str(error))
            self.settings = settings
        return SetParametersResult(successful=True)

    def _after_parameters(self, parameters: Sequence[Parameter]) -> None:
        """Another part, such as a filter, has other keys."""
        if any(parameter.name in self._settings_type.model_fields for parameter in parameters):
            declare_settings(self, self._settings_type)

    def tell_that_it_ends(self) -> None:
        """Says on /diagnostics that a signal ends this node, before it closes its files and devices.

        The launcher switches the outputs off by it. May be called from any thread.
        """
        self._send_diagnosis(Diagnosis(Level.OK, "ending", {TOLD_TO_END: True}))

    def _publish_diagnosis(self) -> None:
        state = self._state_machine.current_state[1]
        self._send_diagnosis(self.diagnose() if state == "active" else Diagnosis(Level.OK, state))

    def _send_diagnosis(self, diagnosis: Diagnosis) -> None:
        name = self.get_fully_qualified_name()
        stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(diagnosis_to_message(diagnosis, name, self.hardware_id, stamp))


N = TypeVar("N", bound=DlstreamNode)  # type: ignore[type-arg]


def run_node(create: Callable[[], N], arguments: Sequence[str] | None = None) -> int:
    """Runs one node in this process until SIGINT, SIGTERM or its own end; returns the exit code."""
    return run_nodes([create], arguments)


def run_nodes(creators: Sequence[Callable[[], N]], arguments: Sequence[str] | None = None) -> int:
    """Runs nodes in this process until SIGINT, SIGTERM, the failure of one, or the end of those that end by themselves.

    They start in the given order and end in reverse. Each has its own executor and thread, so that none waits for
    another, and the main thread is free to handle signals: after one, nodes are deactivated and cleaned up while they
    can still publish, and only then is ROS shut down.
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
    exit_code = 1
    try:
        try:
            for create in creators:
                hosted.append(_Hosted(create()))
                hosted[-1].node._ended.add_done_callback(lambda _: changed.ring())
            if all(item.start() for item in hosted):
                gc.freeze()  # a garbage collection of everything loaded would stop the nodes for 0.1 s
                while not stopped and not _is_over(hosted):
                    changed.wait()
                    for item in hosted:
                        if item.node._ended.done():
                            item.finish()
        except DlstreamError as error:
            print(error, file=sys.stderr, flush=True)
            return 1
        finally:
            for item in hosted if stopped else ():
                item.tell_that_it_ends()
            for item in reversed(hosted):
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
        if not self.node._ended.done():
            self.node._ended.set_result(None)
        if self._thread.ident:
            self._thread.join()
        _linger(self._executor, self.node)
        _finish(self.node)
        self._executor.shutdown()


def _is_over(hosted: Sequence[_Hosted]) -> bool:
    nodes = [item.node for item in hosted]
    if any(node._ended.done() and (node.exit_code or not node.ends_by_itself) for node in nodes):
        return True
    sources = [node for node in nodes if node.ends_by_itself]
    return bool(sources) and all(node._ended.done() for node in sources)


def _spin(executor: SingleThreadedExecutor, node: DlstreamNode[Settings]) -> None:
    """Runs the node's callbacks until it has ended.

    Not by spin_until_future_complete: that of rclpy 7.1 adds a callback to the future at each turn, hundreds per
    second, and never removes them.
    """
    node._ended.add_done_callback(lambda _: executor.create_task(_nothing))
    try:
        while not node._ended.done() and executor.context.ok():
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
    if node._state_machine.current_state[1] in ("unconfigured", "inactive", "active"):
        node.trigger_shutdown()
    node.destroy_node()
