"""The output node: drives one device by the commands on a topic, and acknowledges each of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from rclpy.duration import Duration
from rclpy.timer import Timer
from std_msgs.msg import Bool
from std_srvs.srv import SetBool

from dlstream_common import OFF, DlstreamError, Event, Problem, event_kinds, now
from dlstream_common.part_faults import PartFault
from dlstream_common.ros import (
    COMMAND,
    EVENT,
    HEARTBEAT,
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
from dlstream_outputs.actions import Action
from dlstream_outputs.guard import Guard, Order
from dlstream_outputs.memory import MemoryFile
from dlstream_outputs.messages import order_of, status_of
from dlstream_outputs.node_kind import kind_of
from dlstream_outputs.outputs import Output, OutputError, OutputSettings

_STATUS_PERIOD = 0.2
_LONGEST_CHECK_PERIOD = 0.1
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
        self._ending = False
        self._problem = self._failure = ""
        self._guarded = Guard(settings, self._kind.output.arming)
        self._memory = MemoryFile(settings.memory, self._say)
        self._output = self._kind.make(settings, lambda line: self.get_logger().info(line))
        self._output.open()
        self.hardware_id = self._output.hardware_id
        self._answers = self.create_lifecycle_publisher(Acknowledgement, "~/acknowledgement", COMMAND)
        self._statuses = self.create_lifecycle_publisher(OutputStatus, "~/status", EVENT)
        self._armed = self.create_lifecycle_publisher(Bool, "~/armed", LATCHED)
        self._events = self.create_lifecycle_publisher(EventMsg, f"{settings.commander}/events", EVENT)

    def activate(self) -> None:
        self._device.off()
        assert self.settings is not None
        self._guarded.budget.ended(time.monotonic())
        self._guarded = Guard(self.settings, self._kind.output.arming, self._guarded.budget)
        self._memory.resume(self._guarded)
        commands = self.create_subscription(CommandMsg, "~/command", self._on_command, COMMAND)
        self._commands = commands.topic_name
        topic = f"{self.settings.commander}/heartbeat"
        self._heartbeats = self.create_subscription(Heartbeat, topic, self._on_heartbeat, HEARTBEAT)
        timeout = self.settings.commander_timeout
        check_period = min(max(timeout / 10, 0.01), _LONGEST_CHECK_PERIOD) if timeout else _LONGEST_CHECK_PERIOD
        for subscription in (commands, self._heartbeats):
            self._closers.append(partial(self.destroy_subscription, subscription))
        for period, callback in ((check_period, self._check_deadlines), (_STATUS_PERIOD, self._publish_status)):
            self._closers.append(partial(self.destroy_timer, self.create_timer(period, callback)))
        for kind, name, answer in ((SetBool, "~/arm", self._on_arm), (TestOutput, "~/test", self._on_test)):
            self._closers.append(partial(self.destroy_service, self.create_service(kind, name, answer)))
        self._reported_armed: bool | None = None
        self._publish_status()

    def deactivate(self) -> None:
        self._device.off()
        self._publish_reports()
        self._guarded.disarm("its node is not active", lasts=False)
        self._publish_status()
        if self._end_timer is not None:
            self.destroy_timer(self._end_timer)
            self._end_timer = None
        while self._closers:
            self._closers.pop()()
        # What this process sent lies in memory that ends with it, and a recorder may be slow.
        self._answers.wait_for_all_acked(Duration(seconds=1))

    def is_needed(self) -> bool:
        """Off from the moment it has to end; still acknowledges the last "off" of commanders that are ending, too."""
        if not self._ending:
            self._ending = True
            self._off_now()
            with self._changes():
                self._guarded.disarm("its node is ending", lasts=False)
            self._off_after_failure()
        return self.count_publishers(self._commands) > 0

    def cleanup(self) -> None:
        if self._output is not None:
            self._output.close()
        self._output = None
        for name in ("_answers", "_statuses", "_armed", "_events"):
            if hasattr(self, name):
                self.destroy_lifecycle_publisher(getattr(self, name))
                delattr(self, name)

    def diagnose(self) -> Diagnosis:
        guard = self._guarded
        values = {"state": guard.state, "armed": guard.armed, "commands": self._count, "refused": self._refused}
        text = guard.state if guard.armed else f"{guard.state}, disarmed"
        if self._problem:
            return Diagnosis(Level.WARN, f"{text}; {self._problem}", values)
        return Diagnosis(Level.OK, text, values)

    @property
    def _device(self) -> Output[Any]:
        if self._output is None:
            raise DlstreamError("the output is not configured")
        return self._output

    @contextmanager
    def _changes(self) -> Iterator[None]:
        """Encloses whatever may change the guard: the new status is published at once."""
        yield
        self._publish_status()

    def _publish_status(self) -> None:
        guard = self._guarded
        self._memory.keep(guard)
        if self._reported_armed != guard.armed:
            self._reported_armed = guard.armed
            self._armed.publish(Bool(data=guard.armed))
        self._statuses.publish(status_of(guard, self.now()))

    def _say(self, text: str) -> None:
        self._problem = text
        self.get_logger().warning(text)

    # Commands.

    def _on_command(self, command: CommandMsg) -> None:
        order = order_of(command)
        answer = Acknowledgement(source=command.source, id=command.id, output=self.get_name())
        answer.received = stamp_to_message(self.now())
        with self._changes():
            try:
                answer.applied = stamp_to_message(self._in_own_time(self._apply(order)))
                answer.success = True
            except DlstreamError as error:
                ours = not isinstance(error, PartFault)
                answer.message = str(error) if ours else "a mistake in its code, after which its node ends"
            if command.arm == CommandMsg.DISARM:
                self._off_now()
                self._guarded.disarm(order.values.get("reason") or f"disarmed by {command.source}")
                self.get_logger().warning(f"off and disarmed by {command.source}: {self._guarded.reason}")
            self._answers.publish(answer)
        self._off_after_failure()
        self._problem = answer.message
        self._count += answer.success
        self._refused += not answer.success
        if not answer.success:
            self.get_logger().error(f"command '{command.action}' of {command.source} refused: {answer.message}")

    def _in_own_time(self, applied: int) -> int:
        """When a device did something, which it says by the computer's clock, in the node's time."""
        return applied + self.now() - now() if self.in_simulated_time else applied

    def _fail(self, fault: PartFault) -> None:
        """A mistake in the output's code: the device is switched off, and the node ends."""
        with suppress(DlstreamError):
            self._device.off()
        self._publish_event(self.now(), event_kinds.FAULT, {"reason": str(fault)})
        self.fail(fault)

    def _apply(self, order: Order) -> int:
        """Carries out an order; returns when it took effect.

        Raises:
            DlstreamError: it is refused, or the device failed.
        """
        if self._ending and order.action != OFF:
            raise OutputError(f"found '{order.action}' while the output is ending; expected only '{OFF}'")
        commander = self._clocks.of(self.settings.commander if self.settings else "")
        refusal = self._guarded.refusal(order, self.now(), commander.nanoseconds, commander.uncertainty)
        if refusal:
            raise OutputError(refusal)
        if order.action == OFF:
            applied = self._drive(OFF, self._device.off)
            self._guarded.carried_out(order, time.monotonic())
            return applied
        action = self._action(order)
        self._memory.expect(self._guarded, action)
        applied = self._drive(order.action, lambda: self._device.apply(action))
        self._guarded.carried_out(order, time.monotonic(), action)
        self._wake_at_end()
        return applied

    def _drive(self, action: str, step: Callable[[], int]) -> int:
        """What a command makes the device do. If it fails, nobody knows what the device does: `_off_after_failure`."""
        try:
            return step()
        except PartFault as fault:
            self._fail(fault)
            raise
        except DlstreamError as error:
            self._failure = f"'{action}' failed: {error}"
            raise

    def _action(self, order: Order) -> Action:
        assert self.settings is not None
        action = self.settings.read(order.action, order.values)
        if isinstance(action, Problem):
            raise OutputError(str(action))
        if exhausted := self._guarded.exhausted(action, time.monotonic(), order.by_hand):
            raise OutputError(exhausted)
        return action

    def _wake_at_end(self) -> None:
        """Looks at the deadlines just when the action is over, and not at the next turn of the check."""
        if self._end_timer is not None:
            self.destroy_timer(self._end_timer)
            self._end_timer = None
        left = self._guarded.ends_at - time.monotonic()
        if left < _LONGEST_TIMER:
            self._end_timer = self.create_timer(max(left, 0.001), self._check_deadlines)

    # Off without a command.

    def _on_heartbeat(self, message: Heartbeat) -> None:
        self._switch_off(self._guarded.heard(message.running, stamp_from_message(message.stamp), time.monotonic()))

    def _check_deadlines(self) -> None:
        guard = self._guarded
        self._switch_off(self._device_problem())
        if guard.finished(time.monotonic()):
            self._off_now()
            with self._changes():
                guard.went_off()
            if guard.order.source == "test":
                self.get_logger().info("the test has ended: off")
            self._off_after_failure()
        self._publish_reports()
        if not guard.due(time.monotonic()):
            return
        # On a busy machine heartbeats may have arrived while the node waited: read them before calling it silence.
        while (received := self._heartbeats.handle.take_message(Heartbeat, False)) is not None:
            self._on_heartbeat(received[0])
        self._switch_off(guard.due(time.monotonic()))

    def _publish_reports(self) -> None:
        """Publishes what the device measured; a remark of it is a fault, too, but ends nothing."""
        try:
            while (report := self._device.report()) is not None:
                self._publish_event(report.stamp, event_kinds.OUTPUT_REPORT, report.values)
                if report.remark:
                    self._say(report.remark)
                    self._publish_event(report.stamp, event_kinds.FAULT, {"reason": report.remark})
        except PartFault as fault:
            self._fail(fault)

    def _publish_event(self, stamp: int, kind: str, values: Mapping[str, str]) -> None:
        self._events.publish(event_to_message(Event(stamp, kind, self.get_name(), values)))

    def _device_problem(self) -> str:
        """What is wrong with the device; its watchdog is fed if nothing is."""
        try:
            problem = self._device.fault()
            if not problem and self._guarded.on:
                self._device.keep_alive()
        except PartFault as fault:
            self._fail(fault)
            return ""
        except DlstreamError as error:
            return str(error)
        return problem

    def _switch_off(self, reason: str, told: str = "") -> None:
        """Switches off without a command if there is a reason; status, event and diagnostics report it, as `told`."""
        if not reason:
            return
        guard = self._guarded
        told = told or (f"'{guard.state}' was switched off: {reason}" if guard.on else f"it was off already: {reason}")
        gone: DlstreamError | None = None
        try:
            self._device.off()
        except DlstreamError as error:
            gone, why = error, "" if str(error) in reason else f" ({error})"
            told = f"{reason}; it could not be switched off{why}, and its node ends"
        self._problem = told
        with self._changes():
            guard.went_off(told)
        self.get_logger().error(told)
        self._publish_event(self.now(), event_kinds.FAULT, {"reason": told})
        if gone is not None:
            self.fail(gone)

    def _off_now(self) -> None:
        """Switches off; a failure is kept for `_off_after_failure`."""
        with suppress(DlstreamError):
            self._drive(OFF, self._device.off)

    def _off_after_failure(self) -> None:
        """Switches off after a command that the device may or may not have carried out; its "off" gets a second try."""
        failure, self._failure = self._failure, ""
        self._switch_off(failure, f"{failure}; the output was switched off")

    # By hand.

    def _on_arm(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        with self._changes():
            if request.data and self._ending:
                response.message = "the output's node is ending"
                return response
            if request.data:
                self._guarded.arm()
            else:
                self._off_now()
                self._guarded.disarm("disarmed by hand")
        done = "armed" if request.data else "off and disarmed"
        response.success, response.message = not self._failure, self._failure or done
        self.get_logger().info(f"{response.message}, by hand")
        self._off_after_failure()
        return response

    def _on_test(self, request: TestOutput.Request, response: TestOutput.Response) -> TestOutput.Response:
        try:
            self._test(request)
            response.success, response.message = True, f"on for {request.seconds:g} s"
        except DlstreamError as error:
            response.message = str(error)
        self._off_after_failure()
        self.get_logger().info(f"test of '{request.action}' by hand: {response.message}")
        return response

    def _test(self, request: TestOutput.Request) -> None:
        if refusal := self._guarded.test_refusal(request.seconds, time.monotonic()):
            raise OutputError(refusal)
        values = {item.key: item.value for item in request.values}
        with self._changes():
            self._apply(Order("test", 0, request.action, values, by_hand=True))
            self._guarded.ends_after(request.seconds, time.monotonic())
            self._wake_at_end()


def main() -> None:
    """Entry point of `ros2 run dlstream_outputs output`."""
    sys.exit(run_node(OutputNode))


def screen() -> None:
    """Entry point of `ros2 run dlstream_outputs screen`."""
    sys.exit(run_node(lambda: OutputNode("screen", name="screen")))


if __name__ == "__main__":
    main()
