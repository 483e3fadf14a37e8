"""The topics of the experiment node: poses and values come in, commands go to the outputs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from rclpy.lifecycle import LifecycleNode

from dlstream_common import Command
from dlstream_common.ros import POSE, HostClocks, poses_from_message
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.external import ExternalSource
from dlstream_experiment.ros.external_topics import ExternalTopics, message_type
from dlstream_experiment.ros.output_link import OutputLink
from dlstream_experiment.ros.pose_sources import PoseSources
from dlstream_experiment.runtime.inputs import Input, Poses, Value
from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet
from dlstream_msgs.msg import FramePoses as FramePosesMsg

_ON_ITS_WAY = 0.3
"""Seconds for which the value of a dead input may be on its way: it does not say when it was measured."""


class Connections:
    """Subscribes to poses and external values, and opens a link to each output.

    Args:
        sources: of the values from outside; see `sources_of`.
        on_input: called with every frame's poses, and every value from outside that the triggers need.
        complain: called with an output's name and a reason.
        recovered: called with an output's name, what is well again, and for how many seconds.
    """

    def __init__(
        self,
        node: LifecycleNode,
        experiment: Experiment,
        sources: Collection[ExternalSource],
        clock: Callable[[], int],
        on_input: Callable[[Input], None],
        complain: Callable[[str, str], None],
        recovered: Callable[[str, str, float], None],
        listeners: int = 1,
        silence: float = 1.0,
    ) -> None:
        self.keypoints: dict[str, tuple[str, ...]] = {}
        """Of the newest pose of each camera that sent one."""
        self._last_pose = dict.fromkeys(experiment.cameras, -math.inf)
        self._any_age = experiment.max_age == 0
        self._taken = dict.fromkeys(experiment.cameras, -math.inf)  # the newest frame of each, by the monotonic clock
        self._node, self._clock, self._on_input = node, clock, on_input
        self._complain, self._recovered, self._cameras = complain, recovered, experiment.cameras
        self._links = {
            output: OutputLink(node, output, clock, complain, listeners, silence) for output in experiment.outputs
        }
        self._publishers = PoseSources(node, experiment.cameras, complain)
        self._subscriptions = [
            node.create_subscription(FramePosesMsg, f"{camera}/pose", partial(self._receive, camera), POSE)
            for camera in experiment.cameras
        ]
        self._clocks = HostClocks(node, node.get_namespace())
        self._values = ExternalTopics(node, sources, clock, on_input, complain)

    def activate(self) -> None:
        """Publishes from here on: for connections that are made while their node is active."""
        for link in self._links.values():
            link.activate()

    def begin(self) -> None:
        """A run begins."""
        self._publishers.begin()

    def complain_of_publishers(self) -> None:
        """Complains, once in a run, of poses that come of several publishers."""
        self._publishers.look()

    def send(self, command: Command, decided: int, arm: bool = False) -> None:
        """Sends a command that was decided at a time; `arm`: with it begins a run."""
        self._links[command.output].send(command, decided, arm)

    def ask(self) -> None:
        """Asks the outputs that have not answered yet."""
        for link in self._links.values():
            link.ask()

    @property
    def since_last_pose(self) -> float:
        """Seconds since the last pose of the camera that sent none for longest; infinite before its first."""
        return time.monotonic() - min(self._last_pose.values())

    def complain_of_overdue(self, timeout: float) -> None:
        """Complains of commands that were not acknowledged in time (seconds)."""
        for link in self._links.values():
            link.overdue(timeout)

    def values(self) -> list[Value]:
        """The newest value from each source outside that sent one, with its age now."""
        return self._values.last()

    def supervise(self, again: bool) -> str:
        """Complains of outputs that do not follow their last command; why the first of them does not, empty if all do.

        Args:
            again: whether the command is sent again, where nobody else commands them.
        """
        first = ""
        for output, link in self._links.items():
            reason, command = link.supervise(again)
            if (back := link.newly_back()) is not None:
                self._recovered(output, f"output '{output}' is back: its node was restarted, and is off", back)
            if owed := link.owed(min(*self._taken.values(), self._values.heard - _ON_ITS_WAY)):
                self._node.get_logger().info(f"all cameras and inputs are back: output '{output}' gets '{owed.action}'")
                self._tell_again(link, owed)
            if not reason and command is not None:
                self._node.get_logger().info(f"sending '{command.action}' to output '{output}' again, which came late")
                self._tell_again(link, command)
            if not reason:
                continue
            first = first or reason
            if not again or command is None:
                self._complain(output, reason)
                continue
            self._complain(output, f"{reason}; the command is sent again")
            self._tell_again(link, command)
        return first

    def _tell_again(self, link: OutputLink, command: Command) -> None:
        stamp = self._clock()
        link.send(replace(command, stamp=stamp), stamp, arm=True)

    @property
    def cameras(self) -> str:
        """The cameras whose poses are taken, in words."""
        names = ", ".join(f"'{camera}'" for camera in self._cameras)
        return f"camera{'s' if len(self._cameras) > 1 else ''} {names}"

    @property
    def obstacles(self) -> list[str]:
        """Which outputs keep a run from beginning, and why."""
        reasons = {output: link.obstacle for output, link in self._links.items()}
        return [f"output '{output}': {reason}" for output, reason in reasons.items() if reason]

    @property
    def undecided(self) -> bool:
        """Whether it isn't known yet if all outputs answer."""
        return any(link.undecided for link in self._links.values())

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
        self._clocks.close()
        self._values.close()

    def _receive(self, camera: str, message: FramePosesMsg, info: Mapping[str, Any]) -> None:
        arrived = self._clock()
        self._publishers.add(camera, info)
        poses = poses_from_message(message)
        if poses.camera != camera:  # another's node may leave the name empty; the topic has it
            poses = replace(poses, camera=camera)
        self.keypoints[camera] = poses.keypoints
        ahead = self._clocks.of(f"{self._node.get_namespace().rstrip('/')}/{camera}/camera")
        age = (arrived - poses.stamp + ahead.nanoseconds + ahead.uncertainty) / 1e9
        self._last_pose[camera] = time.monotonic()
        if self._any_age:  # stamps that may be of another clock: that the pose came is all that is known
            age = 0.0
        self._taken[camera] = self._last_pose[camera] - max(0.0, age)
        self._on_input(Poses(poses, arrived, ahead.nanoseconds, ahead.uncertainty))


def sources_of(experiment: Experiment) -> Collection[ExternalSource]:
    """The sources of the values from outside on which an experiment decides.

    Raises:
        DlstreamError: a type of message is not there, or a class of the user's own fails.
    """
    sources = TriggerSet(experiment.triggers, experiment.context).external_sources
    for source in sources:
        message_type(source.message)
    return sources
