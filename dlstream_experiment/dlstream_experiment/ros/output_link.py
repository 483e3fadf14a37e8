"""The experiment node's end of the line to one output."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rclpy.lifecycle import LifecycleNode

from dlstream_common import OFF, Command
from dlstream_common.ros import COMMAND, command_to_message, stamp_to_message
from dlstream_experiment.model.names import SECOND
from dlstream_msgs.msg import Acknowledgement
from dlstream_msgs.msg import Command as CommandMsg


@dataclass(frozen=True)
class _Pending:
    command: Command
    sent: int
    asked: bool


_RECORDER_TIMEOUT = 10 * SECOND
"""How long to wait for a recorder before the first command; after that an output is enough."""


class OutputLink:
    """Sends commands to one output and waits for its acknowledgements.

    An output is ready once it has acknowledged an "off": `ask` sends it until it does. So a stimulus that another
    life of this node left on goes off, and a run starts only with outputs that answer.
    """

    def __init__(
        self,
        node: LifecycleNode,
        output: str,
        clock: Callable[[], int],
        complain: Callable[[str, str], None],
        listeners: int = 1,
    ) -> None:
        self.output = output
        self.ready = False
        self._began = clock()
        self._listeners = listeners  # to wait for before the first command: the output, and a recorder
        self._node, self._clock, self._complain = node, clock, complain
        self._source = node.get_name()
        self._count = 0
        self._pending: dict[int, _Pending] = {}
        self._topic = f"/outputs/{output}/acknowledgement"
        self._publisher = node.create_lifecycle_publisher(CommandMsg, f"/outputs/{output}/command", COMMAND)
        self._subscription = node.create_subscription(Acknowledgement, self._topic, self._acknowledged, COMMAND)

    def activate(self) -> None:
        """Publishes from here on: for a link that is made while its node is active."""
        self._publisher.on_activate(None)

    def send(self, command: Command, decided: int) -> None:
        """Sends a command that was decided at a time."""
        self._send(command, decided, asked=False)

    def _send(self, command: Command, decided: int, asked: bool) -> None:
        self._count += 1
        message = command_to_message(command, self._source, self._count, decided)
        sent = self._clock()
        message.sent = stamp_to_message(sent)
        self._publisher.publish(message)
        self._pending[self._count] = _Pending(command, sent, asked)

    def ask(self) -> None:
        """Where the output has not answered yet and no answer is being waited for, asks it to be off."""
        if self.ready or any(pending.asked for pending in self._pending.values()):
            return
        heard = min(self._publisher.get_subscription_count(), self._node.count_subscribers(self._topic))
        patient = self._clock() - self._began < _RECORDER_TIMEOUT
        # All that are known must be connected: the first one that is need not be the output.
        wanted = max(self._listeners, self._node.count_subscribers(self._publisher.topic_name)) if patient else 1
        if heard >= wanted and self._node.count_publishers(self._topic):
            self._listeners = 1
            stamp = self._clock()
            self._send(Command(stamp, self.output, OFF), stamp, asked=True)

    @property
    def answers(self) -> bool:
        """Whether the output has answered, and is still there."""
        return self.ready and self._node.count_publishers(self._topic) > 0

    def overdue(self, timeout: int) -> None:
        """Complains of commands that were not acknowledged in time (nanoseconds)."""
        stamp = self._clock()
        for identity, pending in list(self._pending.items()):
            if stamp - pending.sent > timeout:
                del self._pending[identity]
                self.ready = False
                if not pending.asked:
                    action, seconds = pending.command.action, timeout / SECOND
                    within = f" within {seconds:g} s" if seconds else " before the end"
                    reason = f"output '{self.output}' did not acknowledge '{action}'{within}"
                    self._complain(self.output, reason)

    def settle(self, deadline: float) -> None:
        """Waits until the output has acknowledged all commands, is gone, or the monotonic clock reaches the deadline.

        Takes the acknowledgements itself: as the node ends, no executor does. What this process sent lies in shared
        memory that ends with it, so that an output which has not read it yet would never see its "off".
        """
        while any(not pending.asked for pending in self._pending.values()):
            taken = self._subscription.handle.take_message(Acknowledgement, False)
            if taken is not None:
                self._acknowledged(taken[0])
            elif time.monotonic() > deadline or not self._node.count_publishers(self._topic):
                self.overdue(0)
            else:
                time.sleep(0.001)

    def close(self) -> None:
        """Lets go of the topics."""
        self._node.destroy_lifecycle_publisher(self._publisher)
        self._node.destroy_subscription(self._subscription)

    def _acknowledged(self, message: Acknowledgement) -> None:
        pending = self._pending.pop(message.id, None) if message.source == self._source else None
        if pending is None:
            return
        if message.success:
            self.ready = self.ready or pending.command.action == OFF
        else:
            reason = f"output '{self.output}' refused '{pending.command.action}': {message.message}"
            self._complain(self.output, reason)
