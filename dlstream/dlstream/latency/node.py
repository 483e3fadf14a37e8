"""The node that commands the output and watches the light: it stands in for the experiment."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image as ImageMsg

from dlstream_common import OFF, Frame, now
from dlstream_common.ros import (
    COMMAND,
    EVENT,
    POSE,
    frame_from_message,
    image_qos,
    key_values,
    stamp_from_message,
    stamp_to_message,
)
from dlstream_experiment.ros.heartbeat import Heartbeat
from dlstream_msgs.msg import Acknowledgement, Command, Event, FramePoses

NAME = "latency"
_BEAT = 0.05
_FRAMES = 30


@dataclass(frozen=True)
class Answer:
    """The output's acknowledgement of a command; `problem`: why it was refused."""

    id: int
    applied: int
    problem: str


@dataclass(frozen=True)
class PoseArrived:
    """The pose of the frame with this stamp has arrived; both in nanoseconds since the epoch."""

    frame: int
    arrived: int


@dataclass(frozen=True)
class Fault:
    """A fault that a node of the rig reported."""

    text: str


Seen = Frame | Answer | PoseArrived | Fault


class LatencyNode:
    """Commands one output as the experiment would, with a heartbeat; what it sees waits in `seen`."""

    def __init__(self, camera: str, output: str, with_pose: bool, namespace: str = "") -> None:
        self.seen: queue.SimpleQueue[Seen] = queue.SimpleQueue()
        self._camera, self._with_pose, self._count = camera, with_pose, 0
        self._context = rclpy.Context()
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node(NAME, namespace=namespace, context=self._context, start_parameter_services=False)
        self._commands = self._node.create_publisher(Command, f"outputs/{output}/command", COMMAND)
        self._heartbeat = Heartbeat(self._node, lambda: True, now)
        self._node.create_subscription(Acknowledgement, f"outputs/{output}/acknowledgement", self._on_answer, COMMAND)
        self._node.create_subscription(Event, f"{NAME}/events", self._on_event, EVENT)
        self._node.create_subscription(Event, "experiment/events", self._on_event, EVENT)
        qos = image_qos(_FRAMES)
        qos.reliability = ReliabilityPolicy.BEST_EFFORT  # it hears drivers of either reliability
        self._images = self._node.create_subscription(ImageMsg, f"{camera}/image_raw", self._on_image, qos)
        self._poses = self._node.create_subscription(FramePoses, f"{camera}/pose", self._on_pose, POSE)
        self._node.create_timer(_BEAT, self._heartbeat.turn)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name=NAME, daemon=True)
        self._thread.start()

    @property
    def lacks(self) -> str:
        """What is not there yet; empty when the measurement can begin."""
        if not self._images.get_publisher_count():
            return f"the camera, {self._images.topic_name}"
        if self._with_pose and not self._poses.get_publisher_count():
            return f"the pose node, {self._poses.topic_name}"
        if not self._commands.get_subscription_count():
            return f"the output, {self._commands.topic_name}"
        heartbeat = f"{self._node.get_fully_qualified_name()}/heartbeat"
        return "" if self._node.count_subscribers(heartbeat) else f"the output, {heartbeat}"

    def send(self, action: str, values: Mapping[str, str]) -> tuple[int, int]:
        """Sends a command; returns its number and when it was sent, in nanoseconds since the epoch."""
        self._count += 1
        sent = now()
        stamp = stamp_to_message(sent)
        command = Command(source=NAME, id=self._count, action=action, decided=stamp, sent=stamp, value=math.nan)
        command.values = key_values(dict(values))
        command.arm = Command.KEEP if action == OFF else Command.ARM
        self._commands.publish(command)
        return self._count, sent

    def close(self) -> None:
        """Switches the output off and leaves the ROS graph: without the heartbeat it would go off by itself, too."""
        self.send(OFF, {})
        time.sleep(2 * _BEAT)
        self._heartbeat.close()
        self._executor.shutdown()
        self._thread.join()
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    def _spin(self) -> None:
        with suppress(ExternalShutdownException):
            self._executor.spin()

    def _on_image(self, message: ImageMsg) -> None:
        self.seen.put(frame_from_message(message, self._camera, 0))

    def _on_pose(self, message: FramePoses) -> None:
        self.seen.put(PoseArrived(stamp_from_message(message.header.stamp), now()))

    def _on_answer(self, message: Acknowledgement) -> None:
        if message.source == NAME:
            problem = "" if message.success else message.message
            self.seen.put(Answer(message.id, stamp_from_message(message.applied), problem))

    def _on_event(self, message: Event) -> None:
        if message.kind == Event.FAULT:
            values = {item.key: item.value for item in message.values}
            reported = " ".join(values.values())
            self.seen.put(Fault(f"{message.name}: {reported}"))
