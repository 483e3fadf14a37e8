"""The experiment node's end of the line to one output."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode

from dlstream_common import OFF, Command
from dlstream_common.ros import COMMAND, EVENT, command_to_message, stamp_to_message
from dlstream_experiment.ros.agreement import Agreement, OutputState
from dlstream_msgs.msg import Acknowledgement, OutputStatus
from dlstream_msgs.msg import Command as CommandMsg


@dataclass(frozen=True)
class _Pending:
    """A command that is not answered; `sent`: when, in seconds of the monotonic clock."""

    command: Command
    sent: float
    asked: bool


_RECORDER_TIMEOUT = 30.0
"""Seconds to wait for a recorder before the first command; after that an output is enough."""


class OutputLink:
    """Sends commands to one output and waits for its acknowledgements.

    An output is ready once it has acknowledged an "off": `ask` sends it until it does. So a stimulus that another
    life of this node left on goes off, and a run starts only with outputs that answer.

    Args:
        complain: called with the output's name and a reason.
        listeners: subscribers to wait for before the first command: the output, and a recorder.
        silence: seconds without a status of the output until that is a fault.
    """

    def __init__(
        self,
        node: LifecycleNode,
        output: str,
        clock: Callable[[], int],
        complain: Callable[[str, str], None],
        listeners: int = 1,
        silence: float = 1.0,
    ) -> None:
        self.output = output
        self.ready = False
        # By the monotonic clock, as devices answer: the time of a bag that is played again jumps back.
        self._began = time.monotonic()
        self._listeners, self._recorders = listeners, listeners - 1
        self._node, self._clock, self._complain = node, clock, complain
        self._source = node.get_name()
        self._agreement = Agreement(output, self._source, silence)
        self._count = self._unanswered = 0
        self._late_told = False
        self._pending: dict[int, _Pending] = {}
        own = f"outputs/{output}"
        self._publisher = node.create_lifecycle_publisher(CommandMsg, f"{own}/command", COMMAND)
        self._subscription = node.create_subscription(
            Acknowledgement, f"{own}/acknowledgement", self._acknowledged, COMMAND
        )
        self._statuses = node.create_subscription(OutputStatus, f"{own}/status", self._on_status, EVENT)
        self._command_topic, self._topic = self._publisher.topic_name, self._subscription.topic_name

    def activate(self) -> None:
        """Publishes from here on: for a link that is made while its node is active."""
        self._publisher.on_activate(None)

    def send(self, command: Command, decided: int, arm: bool = False) -> None:
        """Sends a command that a run decided at a time; `arm`: with it begins the run.

        An output whose node was started again in the run is armed by the first command that it gets.
        """
        known = self._agreement.known
        arm = arm or (known is not None and known.waits_for_run and command.action != OFF)
        self._send(command, decided, asked=False, arm=arm)

    def _send(self, command: Command, decided: int, asked: bool, arm: bool = False) -> None:
        self._count += 1
        message = command_to_message(command, self._source, self._count, decided)
        message.arm = CommandMsg.ARM if arm else CommandMsg.KEEP
        message.sent = stamp_to_message(self._clock())
        self._publisher.publish(message)
        self._pending[self._count] = _Pending(command, time.monotonic(), asked)
        self._agreement.sent(self._count, command, arm)

    def ask(self) -> None:
        """Where the output has not answered yet and no answer is being waited for, asks it to be off."""
        if self.ready or any(pending.asked for pending in self._pending.values()):
            return
        if self._recorder_connected and not self.lacks:
            self._listeners = 1
            stamp = self._clock()
            self._send(Command(stamp, self.output, OFF), stamp, asked=True)

    @property
    def _recorder_connected(self) -> bool:
        """Whether all who are to hear the commands do, as far as they are waited for."""
        heard = min(self._publisher.get_subscription_count(), self._node.count_subscribers(self._topic))
        patient = time.monotonic() - self._began < _RECORDER_TIMEOUT
        # All that are known must be connected: the first one that is need not be the output.
        wanted = max(self._listeners, self._node.count_subscribers(self._command_topic)) if patient else 1
        return heard >= wanted

    @property
    def lacks(self) -> str:
        """What the output needs that it can answer; empty where nothing is known to lack."""
        answered, listening = self._node.count_publishers(self._topic), self._publisher.get_subscription_count()
        if not listening or (not answered and listening <= self._recorders):
            return self._node_state() or f"nobody listens on {self._command_topic}"
        return "" if answered else f"nobody answers on {self._topic}"

    def _node_state(self) -> str:
        """What an output's node is doing that is there and takes no commands yet; empty where it is not there."""
        namespace, _, name = self._command_topic.removesuffix("/command").rpartition("/")
        if (name, namespace or "/") not in self._node.get_node_names_and_namespaces():
            return ""
        return f"its node is there, and has not opened its device yet: nobody listens on {self._command_topic}"

    @property
    def obstacle(self) -> str:
        """Why no run can begin with this output; empty where one can."""
        if self.lacks or not self.ready:
            return self.lacks or f"no answer on {self._topic}"
        known = self._agreement.known
        if known is None or known.armed or known.armable:
            return ""
        why = f" ({known.reason})" if known.reason else ""
        service = self._command_topic.removesuffix("command") + "arm"
        return f"it is disarmed{why}; arm it by hand: `dlstream output arm {self.output}` (service {service})"

    @property
    def undecided(self) -> bool:
        """Whether nobody knows yet if the output answers: it is there, and was not asked, or may still answer."""
        return not self.lacks and not self.ready and not self._unanswered

    def owed(self, known_until: float) -> Command | None:
        """See Agreement.owed."""
        return self._agreement.owed(known_until)

    def newly_back(self) -> float | None:
        """See Agreement.newly_back."""
        return self._agreement.newly_back(time.monotonic())

    def supervise(self, again: bool = True) -> tuple[str, Command | None]:
        """What is wrong with what the output does, once each time, and the command to send again.

        To be asked again and again while a run is in progress.

        Args:
            again: whether a command that came late is sent again, without a word: its refusal was told.
        """
        if self._agreement.is_silent(time.monotonic()) or self._agreement.differs:
            # A node that a busy machine kept waiting finds here what came meanwhile, before it takes it for silence
            # or for a command that was lost.
            while (taken := self._statuses.handle.take_message(OutputStatus, False)) is not None:
                self._on_status(taken[0])
        steady = time.monotonic()
        silent = self._agreement.newly_silent(steady)
        if silent or self._pending:
            return silent, None
        if again and self._agreement.is_late:
            return "", self._agreement.late(steady)
        difference = self._agreement.difference(steady)
        return (difference.reason, difference.again) if difference else ("", None)

    def overdue(self, timeout: float) -> None:
        """Complains of commands that were not acknowledged in time (seconds)."""
        steady = time.monotonic()
        for identity, pending in list(self._pending.items()):
            if steady - pending.sent > timeout:
                del self._pending[identity]
                self.ready = False
                self._unanswered += pending.asked
                if not pending.asked:
                    within = f" within {timeout:g} s" if timeout else " before the end"
                    reason = f"output '{self.output}' did not acknowledge '{pending.command.action}'{within}"
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
        """Lets go of the topics, once a recorder, which may be slower than the output, has the commands, too."""
        self._publisher.wait_for_all_acked(Duration(seconds=1))
        self._node.destroy_lifecycle_publisher(self._publisher)
        self._node.destroy_subscription(self._subscription)
        self._node.destroy_subscription(self._statuses)

    def _on_status(self, message: OutputStatus) -> None:
        state = OutputState(
            message.on,
            message.state,
            message.source,
            message.id,
            message.armed,
            message.armable,
            message.reason,
            message.limited,
        )
        self._agreement.heard(state, time.monotonic())

    def _acknowledged(self, message: Acknowledgement) -> None:
        pending = self._pending.pop(message.id, None) if message.source == self._source else None
        if pending is None:
            return
        if message.success:
            self.ready = self.ready or pending.command.action == OFF
            self._late_told = self._late_told and pending.command.action == OFF
            return
        told, self._late_told = self._late_told, message.again
        if message.again:
            self._agreement.came_late(message.id, time.monotonic())
        else:
            self._agreement.refused(message.id)
        if not (message.again and told):  # each second, as long as the way is slow
            again = "; it is sent again" if self._agreement.is_late else ""
            reason = f"output '{self.output}' refused '{pending.command.action}': {message.message}{again}"
            self._complain(self.output, reason)
