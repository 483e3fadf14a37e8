"""A commander of one output, for tests of its node."""

from __future__ import annotations

from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from std_msgs.msg import Bool
from std_srvs.srv import SetBool

from dlstream_common import now
from dlstream_common.ros import COMMAND, EVENT, HEARTBEAT, LATCHED, key_values, stamp_to_message
from dlstream_msgs import srv
from dlstream_msgs.msg import Acknowledgement, Command, Event, Heartbeat, OutputStatus

MAX_COMMAND_AGE = 60.0
"""Of an output that is commanded: a busy machine may hold its node or the test up for longer than the default."""


class Commander:
    """Sends commands to /outputs/screen, and states how the experiment is."""

    def __init__(self, observer: Any, wait_for: Any) -> None:
        self.answers = observer.collect(Acknowledgement, "/outputs/screen/acknowledgement", COMMAND)
        self.events: list[Event] = []
        self._heard = observer.node.create_subscription(Event, "/experiment/events", self.events.append, EVENT)
        self._reports = observer.collect(DiagnosticArray, "/diagnostics", 10)
        self._commands = observer.node.create_publisher(Command, "/outputs/screen/command", COMMAND)
        self._heartbeats = observer.node.create_publisher(Heartbeat, "/experiment/heartbeat", HEARTBEAT)
        self.statuses = observer.collect(OutputStatus, "/outputs/screen/status", EVENT)
        self.armed = observer.collect(Bool, "/outputs/screen/armed", LATCHED)
        self._observer = observer
        self._wait_for = wait_for
        self._count = 0

    @property
    def faults(self) -> list[Event]:
        """The faults so far; a screen also reports its refreshes."""
        return [event for event in self.events if event.kind == "fault"]

    def ready(self) -> None:
        """Waits until the output takes commands and its answers arrive."""
        self._wait_for(lambda: self._commands.get_subscription_count(), "the output's subscription")
        self._wait_for(lambda: self._heartbeats.get_subscription_count(), "the output's subscription to the heartbeat")
        self._wait_for(self._heard.get_publisher_count, "the output's faults")
        before = self._count

        def answered() -> bool:
            self._send("off")
            return any(answer.id > before for answer in list(self.answers))

        self._wait_for(answered, "the first answer")
        self.tell("off")  # so that none of those is on its way any more

    def tell(self, action: str, source: str = "experiment", age: float = 0.0, arm: int = 0, **values: str) -> Any:
        """Sends a command that was sent `age` seconds ago and waits for its answer."""
        number = self._send(action, source, age, arm, **values)
        self._wait_for(lambda: self._answer(number), f"an answer to {action}")
        return self._answer(number)

    def _send(self, action: str, source: str = "experiment", age: float = 0.0, arm: int = 0, **values: str) -> int:
        self._count += 1
        sent = stamp_to_message(now() - int(age * 1e9))
        self._commands.publish(
            Command(source=source, id=self._count, action=action, values=key_values(values), sent=sent, arm=arm)
        )
        return self._count

    def arm(self, wanted: bool) -> Any:
        """The answer of ~/arm."""
        return self._observer.call(SetBool, "/outputs/screen/arm", SetBool.Request(data=wanted))

    def test(self, action: str, seconds: float, **values: str) -> Any:
        """The answer of ~/test."""
        request = srv.TestOutput.Request(action=action, values=key_values(values), seconds=seconds)
        return self._observer.call(srv.TestOutput, "/outputs/screen/test", request)

    def _answer(self, number: int) -> Acknowledgement | None:
        return next((answer for answer in list(self.answers) if answer.id == number), None)

    def heartbeat(self, running: bool, stamp: int | None = None, uptime: int = 0) -> None:
        """A sign of life; `uptime`: when it was sent, if that is said."""
        stamp = now() if stamp is None else stamp
        self._heartbeats.publish(Heartbeat(running=running, stamp=stamp_to_message(stamp), uptime=uptime))

    def says(self, **wanted: Any) -> None:
        """Waits until the output's newest status has these values."""
        self._wait_for(
            lambda: self.statuses and all(getattr(self.statuses[-1], key) == value for key, value in wanted.items()),
            f"a status with {wanted}",
        )

    @property
    def state(self) -> str:
        """What the output says that it does, by its newest diagnosis."""
        own = [item for report in list(self._reports) for item in report.status if item.name == "/outputs/screen"]
        return next((pair.value for pair in own[-1].values if pair.key == "state"), "") if own else ""
