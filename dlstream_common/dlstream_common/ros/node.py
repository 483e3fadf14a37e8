"""The base of all dlstream nodes: settings, life cycle, diagnostics. How a process runs them: running.py."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription
from rclpy.task import Future
from rclpy.timer import Timer

from dlstream_common.credentials import masked
from dlstream_common.errors import DlstreamError
from dlstream_common.ros.diagnostics import ENDS_BECAUSE, LIFECYCLE, TOLD_TO_END, Diagnosis, Level, diagnosis_to_message
from dlstream_common.ros.endpoints import Unmatched
from dlstream_common.ros.local import LocalFrames
from dlstream_common.ros.parameters import declare_settings, parameter_fields, read_settings, refusal, refuse_unknown
from dlstream_common.settings import Settings

_STEADY = Clock(clock_type=ClockType.STEADY_TIME)

S = TypeVar("S", bound=Settings)


class DlstreamNode(LifecycleNode, Generic[S]):
    """A lifecycle node with validated settings.

    A node overrides `configure`, `activate`, `deactivate`, `cleanup` and `diagnose`, and raises an exception if
    something goes wrong. A DlstreamError is logged as its message, anything else with its traceback. With the parameter
    `autostart` (the default), `run_node` in running.py configures and activates it: `ros2 run` gives data at once.
    """

    default_name: ClassVar[str]
    ends_by_itself: ClassVar[bool] = False
    """Whether this node may end while others in its process continue, as at the end of a video."""
    ends_first: ClassVar[bool] = False
    """Whether this node commands outputs: where a signal ends its process, it ends before the others."""
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
        self._unmatched = Unmatched(self, self.on_unmatched)  # first: rclpy subscribes to /clock while it is made
        super().__init__(name or self.default_name, **options)
        service = self._service_change_state
        service.callback = partial(self._on_change_state, service.callback)
        self.frames = frames or LocalFrames()
        self.exit_code: int | None = None
        self.ended = Future()
        """Done as soon as this node is to end, whoever ends it."""
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
        self._diagnostics = Node.create_publisher(self, DiagnosticArray, "/diagnostics", 10)
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

    def on_unmatched(self, topic: str, text: str, deaf: bool) -> None:
        """Says that another node can't be heard (`deaf`), or can't hear; called once for each."""
        log = self.get_logger()
        (log.error if deaf else log.warning)(f"{topic}: {text}")

    # What a node uses.

    @property
    def state_name(self) -> str:
        """The lifecycle state, such as "inactive"."""
        return str(self._state_machine.current_state[1])

    @property
    def is_active(self) -> bool:
        """Whether the node is in the lifecycle state "active"."""
        return self.state_name == "active"

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

    def create_subscription(
        self,
        kind: type[Any],
        topic: str,
        callback: Callable[..., Any],
        qos: QoSProfile,
        *,
        remedy: str = "",
        **rest: Any,
    ) -> Subscription:
        """As rclpy's, but tells in words of publishers that can't be heard.

        Args:
            remedy: what to set in that case, such as "Set `recorder: {image_reliability: best_effort}`".
        """
        qos = copy(qos)  # qos_overrides are written into it, and are this topic's alone
        events = self._unmatched.of_subscription(kind, self.resolve_topic_name(topic), qos, remedy)
        return super().create_subscription(kind, topic, callback, qos, event_callbacks=events, **rest)

    def create_lifecycle_publisher(self, kind: type[Any], topic: str, qos: QoSProfile, **rest: Any) -> Publisher:
        """As rclpy's, but tells in words of subscribers that can't hear it."""
        qos = copy(qos)
        events = self._unmatched.of_publisher(kind, self.resolve_topic_name(topic), qos)
        return super().create_lifecycle_publisher(kind, topic, qos, event_callbacks=events, **rest)

    def end(self, exit_code: int) -> None:
        """Ends the process of this node after deactivation and cleanup. May be called from any thread."""
        if self.exit_code is None:
            self.exit_code = exit_code
        self.ended.set_result(None)

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

    def _on_change_state(
        self, change: Callable[..., ChangeState.Response], asked: ChangeState.Request, answer: ChangeState.Response
    ) -> ChangeState.Response:
        """Refuses what this state doesn't allow: rclpy raises an error there, which would end the node."""
        ways = {number: label for number, label, *_ in self._state_machine.available_transitions}
        label, number = asked.transition.label, asked.transition.id
        if label not in ways.values() if label else number not in ways:
            wanted = label or f"transition {number}"
            can = ", ".join(dict.fromkeys(ways.values())) or "nothing"
            self.get_logger().warning(f"{wanted}: refused, as this node is {self.state_name}; there it can: {can}")
            answer.success = False
            return answer
        answer = change(asked, answer)
        self._publish_diagnosis()  # at once: whoever has asked waits for it
        return answer

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
        configured = self.state_name not in ("unconfigured", "configuring")
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

    def tell_that_it_ends(self, because: str = "") -> None:
        """Says on /diagnostics that this node ends, before it closes its files and devices.

        The launcher switches the outputs off by it, if the rig needs this node. May be called from any thread.

        Args:
            because: why the node gives up; empty: a signal ends it.
        """
        level, values = (Level.ERROR, {ENDS_BECAUSE: because}) if because else (Level.OK, {})
        self._send_diagnosis(Diagnosis(level, because or "ending", {TOLD_TO_END: True, **values}))

    def _publish_diagnosis(self) -> None:
        self._unmatched.look()
        state = self.state_name
        self._send_diagnosis(self.diagnose() if state == "active" else Diagnosis(Level.OK, state, {LIFECYCLE: state}))

    def _send_diagnosis(self, diagnosis: Diagnosis) -> None:
        name = self.get_fully_qualified_name()
        stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(diagnosis_to_message(diagnosis, name, self.hardware_id, stamp))
