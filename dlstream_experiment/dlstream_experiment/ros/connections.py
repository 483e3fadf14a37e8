"""The topics of the experiment node: poses and values come in, commands go to the outputs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from rclpy.lifecycle import LifecycleNode

from dlstream_common import Command
from dlstream_common.ros import POSE, poses_from_message
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.external import ExternalSource
from dlstream_experiment.ros.external_topics import ExternalTopics
from dlstream_experiment.ros.output_link import OutputLink
from dlstream_experiment.runtime.inputs import Input, Poses
from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet
from dlstream_msgs.msg import FramePoses as FramePosesMsg


class Connections:
    """Subscribes to poses and external values, and opens a link to each output.

    Args:
        on_input: called with every frame's poses, and every value from outside that the triggers need.
        complain: called with an output's name and a reason.
    """

    def __init__(
        self,
        node: LifecycleNode,
        experiment: Experiment,
        clock: Callable[[], int],
        on_input: Callable[[Input], None],
        complain: Callable[[str, str], None],
        listeners: int = 1,
    ) -> None:
        self.keypoints: dict[str, tuple[str, ...]] = {}
        """Of the newest pose of each camera that sent one."""
        self.last_pose = 0
        """When the last pose came."""
        self._node, self._clock, self._on_input = node, clock, on_input
        self._links = {output: OutputLink(node, output, clock, complain, listeners) for output in experiment.outputs}
        self._subscriptions = [
            node.create_subscription(FramePosesMsg, f"/{camera}/pose", partial(self._receive, camera), POSE)
            for camera in experiment.cameras
        ]
        self._values = ExternalTopics(node, _sources(experiment), clock, on_input, complain)

    def activate(self) -> None:
        """Publishes from here on: for connections that are made while their node is active."""
        for link in self._links.values():
            link.activate()

    def send(self, command: Command, decided: int) -> None:
        """Sends a command that was decided at a time."""
        self._links[command.output].send(command, decided)

    def ask(self) -> None:
        """Asks the outputs that have not answered yet."""
        for link in self._links.values():
            link.ask()

    def complain_of_overdue(self, timeout: int) -> None:
        """Complains of commands that were not acknowledged in time (nanoseconds)."""
        for link in self._links.values():
            link.overdue(timeout)

    @property
    def values(self) -> dict[str, float | str]:
        """The newest value from each source outside that sent one."""
        return self._values.last

    @property
    def unanswering(self) -> list[str]:
        """The outputs that do not answer."""
        return [output for output, link in self._links.items() if not link.answers]

    def settle(self, seconds: float) -> None:
        """Waits, at most so long, until the outputs have acknowledged what was sent; for when no executor runs."""
        deadline = time.monotonic() + seconds
        for link in self._links.values():
            link.settle(deadline)

    def close(self) -> None:
        """Lets go of all topics."""
        for link in self._links.values():
            link.close()
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._values.close()

    def _receive(self, camera: str, message: FramePosesMsg) -> None:
        arrived = self._clock()
        poses = poses_from_message(message)
        if poses.camera != camera:  # another's node may leave the name empty; the topic has it
            poses = replace(poses, camera=camera)
        self.keypoints[camera] = poses.keypoints
        self.last_pose = arrived
        self._on_input(Poses(poses, arrived))


def _sources(experiment: Experiment) -> Iterable[ExternalSource]:
    return TriggerSet(experiment.triggers, experiment.context).external_sources
