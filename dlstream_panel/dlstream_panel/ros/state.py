"""What the rig's nodes say of themselves, for the board. Its subscriptions last as long as the panel."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from std_msgs.msg import String

from dlstream_common.ros import EVENT, LATCHED, DlstreamNode, stamp_from_message
from dlstream_msgs.msg import Acknowledgement, Command, Event, ExperimentStatus, OutputStatus, Regions, Skeleton
from dlstream_panel.clients import Hub
from dlstream_panel.ros.pictures import UNRELIABLE, Post
from dlstream_panel.settings import PanelSettings

_LEVELS = {
    DiagnosticStatus.OK: "ok",
    DiagnosticStatus.WARN: "warn",
    DiagnosticStatus.ERROR: "error",
    DiagnosticStatus.STALE: "stale",
}
_PHASES = {
    ExperimentStatus.IDLE: "idle",
    ExperimentStatus.RUNNING: "running",
    ExperimentStatus.FINISHED: "finished",
    ExperimentStatus.FAULT: "fault",
    ExperimentStatus.WAITING: "waiting",
}
_EVENTS = "experiment/events"


class State:
    """Listens; calls the board in the server's thread. Names are relative: they lie in the rig's namespace."""

    def __init__(self, node: DlstreamNode[Any], settings: PanelSettings, hub: Hub, post: Post) -> None:
        self._node, self._hub, self._board, self._post = node, hub, hub.board, post
        self._namespace = node.get_namespace().rstrip("/")
        self._decided: dict[str, int] = {}
        self._active: dict[str, frozenset[str]] = {}
        self._subscriptions: list[Any] = []
        # Events before regions: both come of one decision, and the event has the frame's stamp.
        self._listen(Event, _EVENTS, self._on_event, EVENT)
        self._listen(String, "experiment/protocol", self._on_protocol, LATCHED)
        self._listen(Regions, "experiment/regions", self._on_regions, LATCHED)
        self._listen(ExperimentStatus, "experiment/status", self._on_status, UNRELIABLE)
        self._listen(DiagnosticArray, "/diagnostics", self._on_diagnostics, UNRELIABLE)
        for camera in settings.cameras:
            self._listen(Skeleton, f"{camera}/skeleton", partial(self._on_skeleton, camera), LATCHED)
        for output in settings.outputs:
            topic = f"outputs/{output}"
            self._listen(OutputStatus, f"{topic}/status", partial(self._on_output, output), UNRELIABLE)
            self._listen(Command, f"{topic}/command", partial(self._on_command, output), UNRELIABLE)
            self._listen(Acknowledgement, f"{topic}/acknowledgement", partial(self._on_answer, output), UNRELIABLE)

    def _listen(self, kind: type, topic: str, callback: Any, quality: Any) -> None:
        self._subscriptions.append(self._node.create_subscription(kind, topic, callback, quality))

    def _on_event(self, message: Event) -> None:
        if message.camera:
            stamp = stamp_from_message(message.frame_stamp)
            self._decided[message.camera] = max(stamp, self._decided.get(message.camera, 0))
        values = {item.key: item.value for item in message.values}
        name = self._in_rig(message.name)
        self._post(self._board.event, message.kind, name, values, _milliseconds(message.stamp))

    def _in_rig(self, name: str) -> str:
        """The name of a node without the rig's namespace; any other name as it is."""
        return name.removeprefix(self._namespace) if name.startswith(f"{self._namespace}/") else name

    def _on_protocol(self, message: String) -> None:
        self._post(self._board.course, message.data)

    def _on_regions(self, message: Regions) -> None:
        outlines = {item.name: list(zip(item.x, item.y, strict=False)) for item in message.regions}
        active = [item.name for item in message.regions if item.active]
        self._post(self._board.regions, message.camera, outlines)
        self._post(self._hub.regions_changed, message.camera, self._decided.get(message.camera, 0), active)

    def _on_status(self, message: ExperimentStatus) -> None:
        status = {
            "status": _PHASES.get(message.status, "unknown"),
            "name": message.experiment,
            "state": message.state,
            "elapsed": round(message.elapsed, 2),
            "reason": message.reason,
            "triggers": list(message.active_triggers),
            "counts": {item.key: item.value for item in message.counts},
            "at": _milliseconds(message.stamp),
        }
        self._post(lambda: self._board.experiment(**status))

    def _when(self, stamp: Time) -> float:
        """When a node said something, in milliseconds; in simulated time when it came: the page has another clock."""
        return time.time() * 1000 if self._node.in_simulated_time else _milliseconds(stamp)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        stamp = self._when(message.header.stamp)
        for item in message.status:
            values = {pair.key: pair.value for pair in item.values}
            if not item.name.startswith(f"{self._namespace}/"):
                continue  # of another rig
            name = self._in_rig(item.name)
            self._post(self._board.diagnosis, name, _LEVELS[item.level], item.message, values, stamp)

    def _on_skeleton(self, camera: str, message: Skeleton) -> None:
        self._post(self._board.skeleton, camera, message.network, list(message.keypoints), list(message.edges))

    def _on_output(self, output: str, message: OutputStatus) -> None:
        status = {name: getattr(message, name) for name in ("on", "state", "source", "armed", "armable", "reason")}
        status["at"] = self._when(message.stamp)
        self._post(lambda: self._board.output(output, **status))

    def _on_command(self, output: str, message: Command) -> None:
        sent = _milliseconds(message.sent)
        self._post(self._board.command, output, message.source, message.id, message.action, sent)

    def _on_answer(self, output: str, message: Acknowledgement) -> None:
        answer = (message.source, message.id, message.success, message.message, _milliseconds(message.applied))
        self._post(self._board.acknowledged, output, *answer)

    def close(self) -> None:
        """Ends every subscription."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []


def _milliseconds(stamp: Any) -> float:
    return stamp_from_message(stamp) / 1e6
