"""What is published for people who watch a run: the course of the protocol, and what each trigger measures."""

from __future__ import annotations

import json
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from std_msgs.msg import String

from dlstream_common import DlstreamError
from dlstream_common.ros import EVENT, LATCHED, DlstreamNode, key_values, stamp_to_message
from dlstream_experiment.describe.course import course
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.names import SECOND
from dlstream_experiment.runtime.engine import Engine
from dlstream_experiment.runtime.inputs import Input, Poses, Value

_PERIOD = SECOND // 10
"""Between two messages of the values on one camera's frames."""


class Watched:
    """Publishes `~/protocol` when another experiment is used, and `~/triggers` while somebody subscribes to it."""

    def __init__(self, node: DlstreamNode[Any]) -> None:
        self._node = node
        self._protocols = node.create_lifecycle_publisher(String, "~/protocol", LATCHED)
        self._triggers = node.create_lifecycle_publisher(DiagnosticArray, "~/triggers", EVENT)
        self._last: dict[str, int] = {}
        self._bounds: dict[str, dict[str, str]] = {}
        self._cameras: dict[str, str | None] = {}
        self._course = ""

    def use(self, experiment: Experiment) -> None:
        """Another experiment, or another version of its file.

        Raises:
            DlstreamError: a class of the user's own fails; what was watched before remains.
        """
        shown, limits = json.dumps(course(experiment)), {name: bounds(experiment, name) for name in experiment.triggers}
        cameras = {name: item.camera_in(experiment.context) for name, item in experiment.triggers.items()}
        self._course, self._bounds, self._cameras = shown, limits, cameras
        self.repeat()

    def repeat(self) -> None:
        """Publishes the course of the protocol; before the node is active, nobody gets it."""
        self._protocols.publish(String(data=self._course))

    def after(self, item: Input, engine: Engine, now: int) -> None:
        """Publishes what the triggers measured on an input; does nothing where nobody watches, or too soon."""
        if not isinstance(item, Poses | Value) or not self._triggers.get_subscription_count():
            return
        camera = item.poses.camera if isinstance(item, Poses) else ""
        if abs(now - self._last.get(camera, 0)) < _PERIOD:  # also where the clock was set back
            return
        self._last[camera] = now
        stamp = item.poses.stamp if isinstance(item, Poses) else item.stamp
        self._triggers.publish(self._values(engine, camera, stamp))

    def _values(self, engine: Engine, camera: str, stamp: int) -> DiagnosticArray:
        names = [name for name, own in self._cameras.items() if own in (None, camera)]
        active = engine.status(stamp).active_triggers
        message = DiagnosticArray()
        message.header.stamp, message.header.frame_id = stamp_to_message(stamp), camera
        for name, value in measured(engine, names).items():
            status = DiagnosticStatus(name=name, message="true" if name in active else "false", hardware_id=camera)
            status.values = key_values({"value": value, **self._bounds[name]})
            message.status.append(status)
        return message

    def close(self) -> None:
        """Takes the publishers down."""
        self._node.destroy_lifecycle_publisher(self._protocols)
        self._node.destroy_lifecycle_publisher(self._triggers)


def measured(engine: Engine, names: list[str]) -> dict[str, str]:
    """What these triggers measured last, as text: `nan` where nothing could be measured."""
    try:
        values = engine.measured()
    except DlstreamError:  # of a class of the user's own: the run ends with this fault as soon as it decides by it
        values = {}
    return {name: f"{values.get(name, float('nan')):.6g}" for name in names}


def bounds(experiment: Experiment, name: str) -> dict[str, str]:
    """The bounds of a trigger as texts, those that it has, and their unit."""
    found = experiment.triggers[name].shown_bounds()
    if found is None:
        return {}
    numbers = {"at_least": found.at_least, "at_most": found.at_most, "release": found.release}
    texts = {key: f"{value:.6g}" for key, value in numbers.items() if value is not None}
    return {**texts, **({"unit": found.unit} if found.unit else {})}
