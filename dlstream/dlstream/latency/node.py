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
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image as ImageMsg
from std_msgs.msg import Bool

from dlstream.latency.detectors import Change
from dlstream_common import OFF, Frame, event_kinds, now
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


Seen = Frame | Change | Answer | PoseArrived | Fault


class LatencyNode:
    """Commands one output as the experiment would, with a heartbeat; what it sees waits in `seen`.

    Args:
        camera, output: names in the rig.
        with_pose: take the camera's poses.
        light: the input that sees the light; empty: the camera's pictures show it.
    """

    def __init__(self, camera: str, output: str, with_pose: bool, light: str = "", namespace: str = "") -> None:
        self.seen: queue.SimpleQueue[Seen] = queue.SimpleQueue()
        self._camera, self._light, self._count = camera, light, 0
        self._changed = False
        self._context = rclpy.Context()
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node(NAME, namespace=namespace, context=self._context, start_parameter_services=False)
        self._commands = self._node.create_publisher(Command, f"outputs/{output}/command", COMMAND)
        self._heartbeat = Heartbeat(self._node, lambda: True, now)
        self._node.create_subscription(Acknowledgement, f"outputs/{output}/acknowledgement", self._on_answer, COMMAND)
        self._node.create_subscription(Event, f"{NAME}/events", self._on_event, EVENT)
        self._node.create_subscription(Event, "experiment/events", self._on_event, EVENT)
        self._needed: list[tuple[str, Subscription]] = []
        if light:
            levels = self._node.create_subscription(Bool, f"inputs/{light}/level", self._on_level, EVENT)
            self._needed.append((f"input '{light}'", levels))
        else:
            qos = image_qos(_FRAMES)
            qos.reliability = ReliabilityPolicy.BEST_EFFORT  # it hears drivers of either reliability
            images = self._node.create_subscription(ImageMsg, f"{camera}/image_raw", self._on_image, qos)
            self._needed.append(("the camera", images))
        if with_pose:
            poses = self._node.create_subscription(FramePoses, f"{camera}/pose", self._on_pose, POSE)
            self._needed.append(("the pose node", poses))
        self._node.create_timer(_BEAT, self._heartbeat.turn)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name=NAME, daemon=True)
        self._thread.start()

    @property
    def lacks(self) -> str:
        """What is not there yet; empty when the measurement can begin."""
        for what, subscription in self._needed:
            if not subscription.get_publisher_count():
                return f"{what}, {subscription.topic_name}"
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

    def _on_level(self, message: Bool) -> None:
        """Only so that the level is known before its first change, which has a stamp."""
        if not self._changed:
            self.seen.put(Change(message.data, 0))

    def _on_pose(self, message: FramePoses) -> None:
        self.seen.put(PoseArrived(stamp_from_message(message.header.stamp), now()))

    def _on_answer(self, message: Acknowledgement) -> None:
        if message.source == NAME:
            problem = "" if message.success else message.message
            self.seen.put(Answer(message.id, stamp_from_message(message.applied), problem))

    def _on_event(self, message: Event) -> None:
        values = {item.key: item.value for item in message.values}
        if message.name == self._light and message.kind in (event_kinds.INPUT_ROSE, event_kinds.INPUT_FELL):
            self._changed = True
            uncertainty = float(values.get("uncertainty_us", "nan"))
            rose = message.kind == event_kinds.INPUT_ROSE
            self.seen.put(Change(rose, stamp_from_message(message.stamp), uncertainty))
        elif message.kind == event_kinds.FAULT:
            reported = " ".join(values.values())
            self.seen.put(Fault(f"{message.name}: {reported}"))
