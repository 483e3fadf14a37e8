"""What the tests of the experiment node share: a watcher of all that it says, and the example's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from std_srvs.srv import Trigger

from dlstream_common.ros import COMMAND, EVENT, LATCHED
from dlstream_msgs.msg import Acknowledgement, Command, Event, ExperimentStatus, Regions
from dlstream_msgs.srv import GetExperimentStatus

MODULE, OUTPUT = "dlstream_experiment.ros.node", "dlstream_outputs.node"
CONFIG = Path(__file__).parents[2] / "config"
EXAMPLE = CONFIG / "experiments" / "example.yaml"
CUT_OFF = ("finish_last_trial: true ", "finish_last_trial: false ")
PICTURES = [f"left={CONFIG / 'images' / 'stripes.png'}", f"right={CONFIG / 'images' / 'checkers.png'}"]

PATIENT_OUTPUT = {"commander_timeout": 60.0, "max_command_age": 60.0}
"""For a machine that has much else to do: what must come in time comes in time."""
SOON_OFF = {**PATIENT_OUTPUT, "commander_timeout": 2.0}


def last_done(output: Any) -> str:
    """What an output's node of `type: log` says that it did last; other lines, such as DDS's own, may follow."""
    did = [line.rpartition(": ")[2] for line in list(output.lines)]
    return next((text for text in reversed(did) if text in ("off", "show image=left")), "")


class Watcher:
    """What the experiment and its output say."""

    def __init__(self, observer: Any, wait_for: Any) -> None:
        self._observer, self._wait_for = observer, wait_for
        self._subscriptions: list[Any] = []
        self.events: list[Event] = self._collect(Event, "/experiment/events", EVENT)
        self.statuses: list[ExperimentStatus] = self._collect(ExperimentStatus, "/experiment/status", EVENT)
        self.commands: list[Command] = self._collect(Command, "/outputs/screen/command", COMMAND)
        self.answers: list[Acknowledgement] = self._collect(Acknowledgement, "/outputs/screen/acknowledgement", COMMAND)
        self.regions: list[Regions] = observer.collect(Regions, "/experiment/regions", LATCHED)

    def _collect(self, kind: type, topic: str, qos: Any) -> list[Any]:
        messages: list[Any] = []
        self._subscriptions.append(self._observer.node.create_subscription(kind, topic, messages.append, qos))
        return messages

    def ready(self, publishers_of_events: int = 1) -> None:
        """Waits until all that the node and the output say arrives here.

        A run that starts by itself waits for poses: they come after this.
        """
        events, *others = self._subscriptions
        self._wait_for(lambda: events.get_publisher_count() >= publishers_of_events, "those who tell events")
        for item in others:
            self._wait_for(item.get_publisher_count, f"a publisher of {item.topic_name}")

    def call(self, name: str) -> Any:
        """The answer of ~/start or ~/stop."""
        return self._observer.call(Trigger, f"/experiment/{name}", Trigger.Request())

    def start(self) -> None:
        """Starts the run as soon as the node agrees and can be heard."""
        self.ready()
        self._wait_for(lambda: self.call("start").success, "the start of the experiment")

    def status(self) -> ExperimentStatus:
        """The status by service."""
        return self._observer.call(GetExperimentStatus, "/experiment/get_status", GetExperimentStatus.Request()).status

    def of_kind(self, kind: str) -> list[Event]:
        """The events of a kind so far."""
        return [event for event in list(self.events) if event.kind == kind]

    def wait_for_event(self, kind: str, name: str = "") -> Event:
        """Waits for an event of a kind (and name)."""

        def found() -> list[Event]:
            return [event for event in self.of_kind(kind) if name in ("", event.name)]

        self._wait_for(found, f"the event {kind} {name}")
        return found()[0]

    def reasons(self) -> list[str]:
        """Of the faults so far."""
        return [values(event)["reason"] for event in self.of_kind("fault")]

    def answered(self, action: str) -> bool:
        """Whether a command with that action was acknowledged."""
        sent = {command.id for command in list(self.commands) if command.action == action}
        return any(answer.id in sent and answer.success for answer in list(self.answers))

    def caused(self, action: str) -> list[Command]:
        """The commands with that action that a frame has caused so far."""
        return [command for command in list(self.commands) if command.action == action and command.camera]


def values(message: Any, field: str = "values") -> dict[str, str]:
    return {item.key: item.value for item in getattr(message, field)}


def experiment_file(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """The example, with no lock-out, with time for a machine that has much else to do, and with pieces replaced."""
    text = EXAMPLE.read_text()
    patient = (("# pose_timeout: 1 ", "pose_timeout: 60 "), ("# max_age: 0.5 ", "max_age: 30 "))
    for old, new in (("lockout: 10 ", "lockout: 0 "), *patient, *changes):
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "experiment.yaml"
    path.write_text(text)
    return path
