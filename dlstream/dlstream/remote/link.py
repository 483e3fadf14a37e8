"""A connection to a running rig: its services, its events, and what its nodes say of themselves."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import SetBool, Trigger

from dlstream.remote.errors import NoAnswerError
from dlstream.run.environment import node_environment
from dlstream.run.registry import RunningRig
from dlstream_common import DlstreamError
from dlstream_common.ros import EVENT, key_values, stamp_to_message
from dlstream_msgs.msg import Event, ExperimentStatus
from dlstream_msgs.srv import StartRecording, TestOutput

_TIMEOUT = 15.0
_EVENTS = "experiment/events"


class Link:
    """A ROS node beside a running rig; use it in a `with` statement.

    Names of nodes and services are those within the rig's namespace: /recorder.

    Args:
        timeout: seconds for which an answer is waited for.
    """

    def __init__(self, rig: RunningRig, timeout: float = _TIMEOUT) -> None:
        self.rig, self._timeout = rig, timeout
        self.diagnoses: dict[str, DiagnosticStatus] = {}
        self.status: ExperimentStatus | None = None
        self._changed = threading.Condition()
        os.environ.update({**node_environment(), **rig.environment})
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node(
            f"dlstream_remote_{os.getpid()}",
            namespace=rig.namespace,
            start_parameter_services=False,
            parameter_overrides=[Parameter("use_sim_time", value=rig.simulated)],
        )
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 100)
        self._node.create_subscription(ExperimentStatus, "experiment/status", self._on_status, EVENT)
        self._events = self._node.create_publisher(Event, _EVENTS, EVENT)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name="remote", daemon=True)
        self._thread.start()

    def __enter__(self) -> Link:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._executor.shutdown()
        self._thread.join()
        self._node.destroy_node()
        rclpy.try_shutdown()

    def wait(self, condition: Callable[[], object], timeout: float | None = None) -> bool:
        """Waits until something holds that a message may change; False if it doesn't in time."""
        end = time.monotonic() + (self._timeout if timeout is None else timeout)
        with self._changed:
            while not condition():
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 0.05))
        return True

    def values(self, node: str) -> Mapping[str, str]:
        """What a node says of itself; empty where it has said nothing."""
        item = self.diagnoses.get(node)
        return {pair.key: pair.value for pair in item.values} if item is not None else {}

    def trigger(self, service: str, waits: Callable[[], None] | None = None) -> str:
        """Calls a service without arguments.

        Args:
            waits: called each time that the answer is not there in time; the call then waits on, for as long as the
                service is there.

        Raises:
            DlstreamError: it does not answer, or refuses.
        """
        return str(self._call(Trigger, service, Trigger.Request(), waits).message)

    def start_recording(self, name: str, metadata: Mapping[str, str]) -> str:
        """Starts a session; the path of its folder.

        Raises:
            DlstreamError: the recorder does not answer, or refuses.
        """
        request = StartRecording.Request(name=name, metadata=key_values(metadata))
        return str(self._call(StartRecording, "/recorder/start", request).session)

    def arm(self, output: str, wanted: bool) -> str:
        """Arms an output by hand, or switches it off and disarms it; what it answers.

        Raises:
            DlstreamError: it does not answer, or could not do it.
        """
        return str(self._call(SetBool, f"/outputs/{output}/arm", SetBool.Request(data=wanted)).message)

    def test_output(self, output: str, action: str, values: Mapping[str, str], seconds: float) -> str:
        """Tries an output for some seconds; what it answers.

        Raises:
            DlstreamError: it does not answer, or refuses.
        """
        request = TestOutput.Request(action=action, values=key_values(values), seconds=seconds)
        return str(self._call(TestOutput, f"/outputs/{output}/test", request).message)

    def tell(self, kind: str, name: str, text: str, stamp: int) -> None:
        """Publishes an event of the operator's.

        Args:
            stamp: when it was, by this computer's clock; a rig in simulated time gets that as it is now.

        Raises:
            DlstreamError: the recorder did not take it in time.
        """
        if not self.wait(lambda: self._heard_by_recorder(), self._timeout):
            raise DlstreamError(f"the recorder does not listen on {self._events.topic_name}; nothing was recorded")
        clock = self._node.get_clock()
        if self.rig.simulated and not self.wait(lambda: clock.now().nanoseconds):
            raise DlstreamError("nobody publishes /clock, from which the rig has its time; nothing was recorded")
        moment = clock.now().to_msg() if self.rig.simulated else stamp_to_message(stamp)
        event = Event(kind=kind, name=name, stamp=moment, values=key_values({"text": text}))
        self._events.publish(event)
        if not self._events.wait_for_all_acked(Duration(seconds=self._timeout)):
            raise DlstreamError("the recorder did not confirm the event; whether it is recorded is not known")

    def _heard_by_recorder(self) -> bool:
        """Whether the recorder listens, and has found this node (both find each other at about the same time)."""
        listeners = self._node.get_subscriptions_info_by_topic(self._events.topic_name)
        count = self._events.get_subscription_count()
        return count >= len(listeners) > 0 and any(item.node_name == "recorder" for item in listeners)

    def _call(self, kind: type[Any], service: str, request: Any, waits: Callable[[], None] | None = None) -> Any:
        service = self.rig.full_name(service)
        client = self._node.create_client(kind, service)
        if not client.wait_for_service(self._timeout):
            raise NoAnswerError(f"{service} does not answer; see `dlstream status`")
        future = client.call_async(request)
        future.add_done_callback(self._notify)
        while not self.wait(future.done):
            if waits is not None and client.service_is_ready():
                waits()
                continue
            raise NoAnswerError(f"{service} did not answer within {self._timeout:g} s; what it did is not known")
        answer = future.result()
        if not answer.success:
            raise DlstreamError(str(answer.message))
        return answer

    def _spin(self) -> None:
        with suppress(ExternalShutdownException):
            self._executor.spin()

    def _notify(self, *_: object) -> None:
        with self._changed:
            self._changed.notify_all()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for item in message.status:
            if item.name in self.rig.nodes:
                self.diagnoses[self.rig.own_name(item.name)] = item
        self._notify()

    def _on_status(self, message: ExperimentStatus) -> None:
        self.status = message
        self._notify()
