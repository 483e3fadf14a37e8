"""The output node: drives one device by the commands on a topic, and acknowledges each of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rclpy.duration import Duration
from rclpy.timer import Timer
from std_msgs.msg import Bool
from std_srvs.srv import SetBool

from dlstream_common import OFF, DlstreamError, Event, now
from dlstream_common.lateness import Lateness, uptime
from dlstream_common.part_faults import PartFault
from dlstream_common.plain_text import one_line
from dlstream_common.ros import (
    COMMAND,
    EVENT,
    HEARTBEAT_HEARD,
    LATCHED,
    Diagnosis,
    DlstreamNode,
    HostClocks,
    Level,
    LocalFrames,
    event_to_message,
    run_node,
    stamp_from_message,
    stamp_to_message,
)
from dlstream_msgs.msg import Acknowledgement, Heartbeat, OutputStatus
from dlstream_msgs.msg import Command as CommandMsg
from dlstream_msgs.msg import Event as EventMsg
from dlstream_msgs.srv import TestOutput
from dlstream_outputs.answers import Answers
from dlstream_outputs.guard import Guard, Order
from dlstream_outputs.guarded_device import GuardedDevice
from dlstream_outputs.messages import order_of, status_of
from dlstream_outputs.node_kind import kind_of
from dlstream_outputs.outputs import NotNowError, Output, OutputError, OutputSettings

_STATUS_PERIOD = 0.2
_LONGEST_CHECK_PERIOD = 0.025
"""Seconds. Each check feeds the device's watchdog, which may be 0.1 s, however patient with its commander it is."""
_LONGEST_TIMER = 86_400.0


class OutputNode(DlstreamNode[OutputSettings]):
    """Carries out the commands on ~/command in their order and answers on ~/acknowledgement.

    It is fail-safe: the output switches off when the node is deactivated or has to end, when the commander's heartbeat
    stops or reports that no experiment is running, and `manual_timeout` after anyone else has switched it on. ~/status
    reports what it is doing, five times a second and on every change.
    """

    default_name = "output"
    linger = 3.0

    def __init__(
        self,
        output: str | type[Output[Any]] = "",
        *,
        name: str = "",
        namespace: str = "/outputs",
        frames: LocalFrames | None = None,
    ) -> None:
        """Args name and namespace are given where several outputs share a process.

        Args:
            output: the class to drive, or what the parameter `type` names by default.
        """
        self._kind = kind_of(output, name or "output", namespace)
        super().__init__(self._kind.settings, name=name, namespace=namespace, frames=frames)
        self._output: Output[Any] | None = None
        self._clocks = HostClocks(self, self.get_namespace().rpartition("/")[0])
        self._closers: list[Callable[[], object]] = []

    # The life cycle.

    def configure(self, settings: OutputSettings) -> None:
        self._count = self._refused = 0
        self._end_timer: Timer | None = None
        self._output = self._kind.make(settings, lambda line: self.get_logger().info(line))
        self._guarded = GuardedDevice(settings, self._output, self._new_guard(settings), self)
        self._output.open()
        self.hardware_id = self._output.hardware_id
        self._answering = self.create_lifecycle_publisher(Acknowledgement, "~/acknowledgement", COMMAND)
        self._answers = Answers[Acknowledgement](
            self._answering.publish,
            partial(self.count_subscribers, self._answering.topic_name),
            self._answering.get_subscription_count,
        )
        self._statuses = self.create_lifecycle_publisher(OutputStatus, "~/status", EVENT)
        self._armed = self.create_lifecycle_publisher(Bool, "~/armed", LATCHED)
        self._events = self.create_lifecycle_publisher(EventMsg, f"{settings.commander}/events", EVENT)

    def activate(self) -> None:
        assert self.settings is not None
        self._device.off()
        before = self._guarded.guard.memory()
        self._guarded.guard = self._new_guard(self.settings)
        self._guarded.guard.resume(before, time.monotonic())
        self._guarded.memory.resume(self._guarded.guard)
        commands = self.create_subscription(CommandMsg, "~/command", self._on_command, COMMAND)
        topic = f"{self.settings.commander}/heartbeat"
        self._heartbeats = self.create_subscription(Heartbeat, topic, self._on_heartbeat, HEARTBEAT_HEARD)
        self._lateness = Lateness()
        timeout = self.settings.commander_timeout
        check_period = min(max(timeout / 10, 0.01), _LONGEST_CHECK_PERIOD) if timeout else _LONGEST_CHECK_PERIOD
        for subscription in (commands, self._heartbeats):
            self._closers.append(partial(self.destroy_subscription, subscription))
        for period, callback in ((check_period, self._check_deadlines), (_STATUS_PERIOD, self.changed)):
            self._closers.append(partial(self.destroy_timer, self.create_timer(period, callback)))
        for kind, name, answer in ((SetBool, "~/arm", self._on_arm), (TestOutput, "~/test", self._on_test)):
            self._closers.append(partial(self.destroy_service, self.create_service(kind, name, answer)))
        self._reported_armed: bool | None = None
        self.changed()

    def deactivate(self) -> None:
        self._device.off()
        self._guarded.take_reports()
        self._guarded.tell_off("its node is not active")
        self._guarded.guard.disarm("its node is not active", lasts=False)
        self.changed()
        self._forget_end()
        while self._closers:
            self._closers.pop()()
        self._answers.flush()
        # What this process sent lies in memory that ends with it, and a recorder may be slow.
        self._answering.wait_for_all_acked(Duration(seconds=1))

    def is_needed(self) -> bool:
        """Off from the moment it has to end; still acknowledges the last "off" of a commander that is ending, too."""
        self._guarded.end()
        return self.count_publishers(self._heartbeats.topic_name) > 0

    def cleanup(self) -> None:
        if self._output is not None:
            self._output.close()
        self._output = None
        for name in ("_answering", "_statuses", "_armed", "_events"):
            if hasattr(self, name):
                self.destroy_lifecycle_publisher(getattr(self, name))
                delattr(self, name)

    def diagnose(self) -> Diagnosis:
        guard, problem = self._guarded.guard, self._guarded.problem
        values = {"state": guard.state, "armed": guard.armed, "commands": self._count, "refused": self._refused}
        text = guard.state if guard.armed else f"{guard.state}, disarmed"
        if problem:
            return Diagnosis(Level.WARN, f"{text}; {problem}", values)
        return Diagnosis(Level.OK, text, values)

    def _new_guard(self, settings: OutputSettings) -> Guard:
        output = self._kind.output
        return Guard(settings, output.arming, output.ends, output.clock_error)

    @property
    def _device(self) -> Output[Any]:
        if self._output is None:
            raise DlstreamError("the output is not configured")
        return self._output

    # What the guarded device tells: see its Listener.

    def changed(self) -> None:
        """Publishes the status, and keeps what the next process has to know."""
        guard = self._guarded.guard
        self._guarded.memory.keep(guard)
        if self._reported_armed != guard.armed:
            self._reported_armed = guard.armed
            self._armed.publish(Bool(data=guard.armed))
        self._statuses.publish(status_of(guard, self.now()))

    def happened(self, stamp: int, kind: str, values: Mapping[str, str]) -> None:
        """Publishes an event of the device."""
        self._events.publish(event_to_message(Event(stamp, kind, self.get_name(), values)))

    # Commands.

    def _on_command(self, command: CommandMsg) -> None:
        order, device = order_of(command), self._guarded
        answer = Acknowledgement(source=command.source, id=command.id, output=self.get_name())
        answer.received = stamp_to_message(self.now())
        with device.changes():
            try:
                answer.applied = stamp_to_message(self._in_own_time(self._apply(order)))
                answer.success = True
            except DlstreamError as error:
                ours = not isinstance(error, PartFault)
                answer.message = str(error) if ours else "a mistake in its code, after which its node ends"
                answer.again = isinstance(error, NotNowError)
            if command.arm == CommandMsg.DISARM:
                who = one_line(command.source)
                device.disarm(one_line(order.values.get("reason", "")) or f"disarmed by {who}")
                self.get_logger().warning(f"off and disarmed by {who}: {device.guard.reason}")
            self._answers.add(answer, time.monotonic())
        device.off_after_failure()
        if answer.success:
            self._count += 1
            device.problem = ""
        else:
            self._refused += 1
            device.problem = answer.message
            refused = f"command {command.action!r} of {command.source!r} refused: {answer.message}"
            self.get_logger().error(one_line(refused))

    def _apply(self, order: Order) -> int:
        commander = self._clocks.of(self.settings.commander if self.settings else "")
        applied = self._guarded.apply(order, commander.nanoseconds, commander.uncertainty)
        if order.action != OFF:
            self._wake_at_end()
        return applied

    def _in_own_time(self, applied: int) -> int:
        """When a device did something, which it says by the computer's clock, in the node's time."""
        return applied + self.now() - now() if self.in_simulated_time else applied

    # Off without a command.

    def _wake_at_end(self) -> None:
        """Looks at the deadlines just when the action is over, and not at the next turn of the check."""
        self._forget_end()
        left = self._guarded.guard.ends_at - time.monotonic()
        if left < _LONGEST_TIMER:
            self._end_timer = self.create_timer(max(left, 0.001), self._check_deadlines)

    def _forget_end(self) -> None:
        if self._end_timer is not None:
            self.destroy_timer(self._end_timer)
            self._end_timer = None

    def _on_heartbeat(self, message: Heartbeat) -> None:
        late = self._lateness.of(message.uptime, uptime())
        stamp = stamp_from_message(message.stamp)
        self._guarded.switch_off(self._guarded.guard.heard(message.running, stamp, time.monotonic(), late))

    def _check_deadlines(self) -> None:
        device = self._guarded
        self._lateness.turn(uptime())
        self._answers.turn(time.monotonic())
        device.check()
        if not device.guard.due(time.monotonic()):
            return
        # On a busy machine heartbeats may have arrived while the node waited: read them before calling it silence.
        while (received := self._heartbeats.handle.take_message(Heartbeat, False)) is not None:
            self._on_heartbeat(received[0])
        device.switch_off(device.guard.due(time.monotonic()))

    # By hand.

    def _on_arm(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        device = self._guarded
        with device.changes():
            problem = device.arm() if request.data else device.disarm("disarmed by hand")
        response.success = not problem
        response.message = problem or ("armed" if request.data else "off and disarmed")
        if problem and request.data:
            return response
        self.get_logger().info(f"{response.message}, by hand")
        device.off_after_failure()
        return response

    def _on_test(self, request: TestOutput.Request, response: TestOutput.Response) -> TestOutput.Response:
        try:
            self._test(request)
            response.success, response.message = True, f"on for {request.seconds:g} s"
        except DlstreamError as error:
            response.message = str(error)
        self._guarded.off_after_failure()
        self.get_logger().info(f"test of '{request.action}' by hand: {response.message}")
        return response

    def _test(self, request: TestOutput.Request) -> None:
        guard = self._guarded.guard
        if refusal := guard.test_refusal(request.seconds, time.monotonic()):
            raise OutputError(refusal)
        values = {item.key: item.value for item in request.values}
        with self._guarded.changes():
            self._apply(Order("test", 0, request.action, values, by_hand=True))
            guard.ends_after(request.seconds, time.monotonic())
            self._wake_at_end()


def main() -> None:
    """Entry point of `ros2 run dlstream_outputs output`."""
    sys.exit(run_node(OutputNode))


def screen() -> None:
    """Entry point of `ros2 run dlstream_outputs screen`."""
    sys.exit(run_node(lambda: OutputNode("screen", name="screen")))


if __name__ == "__main__":
    main()
