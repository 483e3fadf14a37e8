"""The output node: one device, commanded by topic; it answers every command with an acknowledgement."""

from __future__ import annotations

import sys
import time
from typing import Any

import rclpy

from dlstream_common import OFF, DlstreamError, Event, Problem, now
from dlstream_common.plugins import PartError
from dlstream_common.ros import (
    COMMAND,
    EVENT,
    Diagnosis,
    DlstreamNode,
    Level,
    event_to_message,
    run_node,
    stamp_from_message,
    stamp_to_message,
)
from dlstream_msgs.msg import Acknowledgement, ExperimentStatus
from dlstream_msgs.msg import Command as CommandMsg
from dlstream_msgs.msg import Event as EventMsg
from dlstream_outputs.outputs import OUTPUTS, Output, OutputError, OutputSettings, output_settings

_LOOK_EVERY = 0.1


class OutputNode(DlstreamNode[OutputSettings]):
    """Carries out ~/command, newest last, and answers on ~/acknowledgement.

    It fails to off: when it is deactivated or told to end, when the commander's status says that no experiment is
    running, and when the commander falls silent while something is on.
    """

    default_name = "output"
    linger = 3.0

    def __init__(self, default_type: str = "") -> None:
        name = _type_asked_for(default_type)
        try:
            self._kind = OUTPUTS.usable(name)
        except PartError as error:
            raise OutputError(str(Problem(("type",), error.found, error.expected, error.suggestion))) from error
        super().__init__(output_settings(name), namespace="/outputs")
        self._output: Output[Any] | None = None
        self._made: list[Any] = []

    # The life cycle.

    def configure(self, settings: OutputSettings) -> None:
        self._commander = settings.commander
        self._timeout = settings.commander_timeout
        self._state, self._by_commander, self._commanded = OFF, False, 0
        self._heard = time.monotonic()
        self._count = self._refused = 0
        self._ending = False
        self._problem = ""
        self._output = self._kind(settings, lambda line: self.get_logger().info(line))
        self._output.open()
        self.hardware_id = self._output.hardware_id
        self._answers = self.create_lifecycle_publisher(Acknowledgement, "~/acknowledgement", COMMAND)
        self._faults = self.create_lifecycle_publisher(EventMsg, f"{self._commander}/events", EVENT)

    def activate(self) -> None:
        self._device.off()
        self._made = [
            (commands := self.create_subscription(CommandMsg, "~/command", self._on_command, COMMAND)),
            self.create_subscription(ExperimentStatus, f"{self._commander}/status", self._on_status, EVENT),
        ]
        self._commands = commands.topic_name
        self._watch = self.create_timer(_LOOK_EVERY, self._look_at_commander)

    def deactivate(self) -> None:
        for subscription in self._made:
            self.destroy_subscription(subscription)
        self.destroy_timer(self._watch)
        self._device.off()
        self._state = OFF

    def is_needed(self) -> bool:
        """Told to end, it is off from then on, and acknowledges the last "off" of commanders that end meanwhile."""
        if not self._ending:
            self._ending = True
            self._device.off()
            self._state = OFF
        return self.count_publishers(self._commands) > 0

    def cleanup(self) -> None:
        if self._output is not None:
            self._output.close()
        self._output = None
        for name in ("_answers", "_faults"):
            if hasattr(self, name):
                self.destroy_lifecycle_publisher(getattr(self, name))
                delattr(self, name)

    def diagnose(self) -> Diagnosis:
        values = {"state": self._state, "commands": self._count, "refused": self._refused}
        if self._problem:
            return Diagnosis(Level.WARN, f"{self._state}; {self._problem}", values)
        return Diagnosis(Level.OK, self._state, values)

    @property
    def _device(self) -> Output[Any]:
        if self._output is None:
            raise DlstreamError("the output is not configured")
        return self._output

    # Commands.

    def _on_command(self, command: CommandMsg) -> None:
        answer = Acknowledgement(source=command.source, id=command.id, output=self.get_name())
        answer.received = stamp_to_message(now())
        try:
            answer.applied = stamp_to_message(self._apply(command))
            answer.success = True
        except DlstreamError as error:
            answer.message = str(error)
        self._answers.publish(answer)
        if answer.success:
            self._count += 1
            self._problem = ""
        else:
            self._refused += 1
            self._problem = answer.message
            self.get_logger().error(f"command '{command.action}' of {command.source} refused: {answer.message}")

    def _apply(self, command: CommandMsg) -> int:
        if self._ending and command.action != OFF:
            raise DlstreamError(f"found '{command.action}' as the output ends; expected nothing but '{OFF}'")
        values = {item.key: item.value for item in command.values}
        device = self._device
        applied = device.off() if command.action == OFF else device.apply(command.action, values)
        self._state = " ".join([command.action, *(f"{key}={value}" for key, value in values.items())])
        self._by_commander = command.source == self._commander.rpartition("/")[2]
        self._commanded = stamp_from_message(command.sent)
        self._heard = time.monotonic()
        return applied

    # The commander.

    def _on_status(self, status: ExperimentStatus) -> None:
        self._heard = time.monotonic()
        if status.status != ExperimentStatus.RUNNING and stamp_from_message(status.stamp) > self._commanded:
            self._switch_off(f"{self._commander} runs no experiment")

    def _look_at_commander(self) -> None:
        silence = time.monotonic() - self._heard
        if self._timeout and silence > self._timeout:
            self._switch_off(f"{self._commander} has been silent for {silence:.1f} s")

    def _switch_off(self, reason: str) -> None:
        """Off without a command, where what is on was commanded by the commander; an event and diagnostics say so."""
        if self._state == OFF or not self._by_commander:
            return
        self._device.off()
        self._problem = f"'{self._state}' was switched off: {reason}"
        self._state = OFF
        self.get_logger().error(self._problem)
        self._faults.publish(event_to_message(Event(now(), "fault", self.get_name(), {"reason": self._problem})))


def _type_asked_for(default: str) -> str:
    """The parameter `type`, which decides what other parameters the node has."""
    node = rclpy.create_node("output", namespace="/outputs", start_parameter_services=False, enable_rosout=False)
    try:
        return str(node.declare_parameter("type", default).value)
    finally:
        node.destroy_node()


def main() -> None:
    """Entry point of `ros2 run dlstream_outputs output`."""
    sys.exit(run_node(OutputNode))


def screen() -> None:
    """Entry point of `ros2 run dlstream_outputs screen`."""
    sys.exit(run_node(ScreenNode))


class ScreenNode(OutputNode):
    """An output node that is a screen unless it is told otherwise."""

    default_name = "screen"

    def __init__(self) -> None:
        super().__init__("screen")


if __name__ == "__main__":
    main()
