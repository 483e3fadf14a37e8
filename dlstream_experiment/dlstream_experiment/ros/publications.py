"""What the experiment node publishes of a run: events, status, regions and the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from rclpy.duration import Duration
from std_msgs.msg import String

from dlstream_common import Event, event_kinds
from dlstream_common.ros import EVENT, JOURNAL, LATCHED, DlstreamNode, event_to_message
from dlstream_experiment.journal.journal import Journal
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.ros.messages import regions_to_message
from dlstream_experiment.runtime.effects import Effect, RegionStates
from dlstream_experiment.runtime.inputs import Input
from dlstream_experiment.settings import ExperimentSettings
from dlstream_msgs.msg import Event as EventMsg
from dlstream_msgs.msg import ExperimentStatus, Regions

_LOGGED = {
    event_kinds.EXPERIMENT_STARTED,
    event_kinds.EXPERIMENT_ENDED,
    event_kinds.TRIAL_STARTED,
    event_kinds.TRIAL_ENDED,
    event_kinds.RECOVERED,
}


class Publications:
    """The topics of the node, from its configuration to `close`.

    Attributes:
        faults: how many were published.
        last_fault: the reason of the last one; empty if there was none.
    """

    def __init__(self, node: DlstreamNode[ExperimentSettings]) -> None:
        self.faults, self.last_fault = 0, ""
        self._log = node.get_logger()
        self._events = node.create_lifecycle_publisher(EventMsg, "~/events", EVENT)
        self._statuses = node.create_lifecycle_publisher(ExperimentStatus, "~/status", EVENT)
        self._regions = node.create_lifecycle_publisher(Regions, "~/regions", LATCHED)
        self._journal = Journal()
        self._journals = node.create_lifecycle_publisher(String, "~/journal", JOURNAL)
        self._closers: list[Callable[[], object]] = [
            partial(node.destroy_lifecycle_publisher, publisher)
            for publisher in (self._events, self._statuses, self._regions, self._journals)
        ]

    def event(self, event: Event) -> None:
        """Publishes an event; faults, starts and ends stand in the log, too."""
        self._events.publish(event_to_message(event))
        text = " ".join([event.kind, event.name, *(f"{key}={value}" for key, value in event.values.items())])
        if event.kind == event_kinds.FAULT:
            self.faults += 1
            self.last_fault = event.values.get("reason", event.name)
            self._log.error(f"fault: {self.last_fault}")
        elif event.kind in _LOGGED:
            self._log.info(text)

    def regions(self, states: Iterable[RegionStates], experiment: Experiment) -> None:
        """Publishes the regions of each camera, with whether an animal is in them."""
        for item in states:
            self._regions.publish(regions_to_message(item, experiment))

    def status(self, message: ExperimentStatus) -> None:
        """Publishes a status."""
        self._statuses.publish(message)

    def journal(self, item: Input, effects: list[Effect], experiment: Experiment) -> None:
        """Publishes the journal's lines about an input and what followed from it."""
        self._journals.publish(String(data="\n".join(self._journal.lines(item, effects, experiment))))

    def wait_for_delivery(self) -> None:
        """Waits up to a second for each reader: what was sent lies in memory that ends with this process."""
        for publisher in (self._events, self._statuses, self._journals):
            publisher.wait_for_all_acked(Duration(seconds=1))

    def close(self) -> None:
        """Gives the topics back."""
        while self._closers:
            self._closers.pop()()
