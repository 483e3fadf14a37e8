"""What is known of the rig, as its nodes say it: never what somebody clicked. One thread uses it; stamps are in ms."""

from __future__ import annotations

import itertools
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from dlstream_common import event_kinds
from dlstream_common.node_faults import NOT_ENDED

_EXPERIMENT = frozenset({"/experiment", "/together"})
"""The processes that an experiment node runs in; of the second one with `together: true`."""
_LOG = 500
_QUIET_KINDS = frozenset({event_kinds.TRIGGER_ROSE, event_kinds.TRIGGER_FELL})
"""Events that have a place of their own: in the log they would hide the others."""


class Board:
    """Collects the state; `version` grows with every change that a page has to show."""

    def __init__(self, cameras: Sequence[str], outputs: Sequence[str], nodes: Sequence[str]) -> None:
        self.version = 0
        self.panel = secrets.token_hex(8)
        """Tells this panel from the next one on the same port, which may serve another rig."""
        self.stops = 0
        self._nodes: dict[str, dict[str, Any]] = {name: {} for name in nodes}
        self._experiment: dict[str, Any] = {}
        self._outputs: dict[str, dict[str, Any]] = {name: {} for name in outputs}
        self._cameras: dict[str, dict[str, Any]] = {name: {} for name in cameras}
        self._triggers: dict[str, dict[str, Any]] = {}
        self._counts = False
        """Whether this run was heard from its start: a panel that was started in it does not know what was before."""
        self._bounds: dict[str, dict[str, str]] = {}
        self.course_text = ""
        self._courses = 0
        self._sent: dict[tuple[str, str, int], tuple[str, float]] = {}
        self._log: deque[dict[str, Any]] = deque(maxlen=_LOG)
        self._numbers = itertools.count(1)
        self._saves = self._rig_saves = 0
        self._job = {"number": 0, "running": False}

    # What the nodes say.

    def diagnosis(self, node: str, level: str, message: str, values: Mapping[str, str], stamp: float) -> None:
        """A node's own word on itself, once a second; those of other nodes in the ROS domain are left out."""
        if node not in self._nodes:
            return
        before = self._nodes[node]
        if before and before["level"] != level and (level != "ok" or before["level"] in ("error", "stale")):
            self.note(level if level != "ok" else "recovered", node, message, stamp)
        self._nodes[node] = {"level": level, "message": message, "values": dict(values), "at": stamp}
        self.version += 1

    def experiment(self, **status: Any) -> None:
        """The experiment's status; `triggers`: those that are true."""
        self._experiment = status
        if status["status"] in ("idle", "waiting") and not self._counts:
            self._counts_from_here()
        for name, trigger in self._triggers.items():
            trigger["active"] = name in status["triggers"]
        for name in status["triggers"]:
            self._triggers.setdefault(name, {"active": True, "value": "", "at": status["at"], "count": 0})
        self.version += 1

    def course(self, text: str) -> None:
        """The course of the protocol that the experiment node uses from now on, as JSON."""
        if text != self.course_text:
            self.course_text = text
            self._courses += 1
            self._triggers.clear()
            self._bounds.clear()
            self.version += 1

    def bounds(self, bounds: Mapping[str, Mapping[str, str]]) -> None:
        """The bounds of what triggers measure, with their units, by the trigger's name."""
        for name, own in bounds.items():
            if self._bounds.get(name) != own:
                self._bounds[name] = dict(own)
                self.version += 1

    def event(self, kind: str, name: str, values: Mapping[str, str], stamp: float) -> None:
        """An event of the experiment, a node or the operator."""
        if kind == event_kinds.EXPERIMENT_STARTED:
            self._counts_from_here()
        if kind in _QUIET_KINDS:
            trigger = self._triggers.setdefault(name, {"active": False, "value": "", "at": stamp, "count": 0})
            trigger["active"], trigger["at"] = kind == event_kinds.TRIGGER_ROSE, stamp
            trigger["value"] = values.get("value", trigger["value"])
            trigger["count"] += kind == event_kinds.TRIGGER_ROSE
            self.version += 1
            return
        if kind == event_kinds.FAULT and name in _EXPERIMENT and NOT_ENDED not in values.get("text", ""):
            self._experiment_gone(f"{name} {values.get('text', '')}", stamp)
        text = values.get("text") or values.get("reason") or " ".join(f"{key}={value}" for key, value in values.items())
        self.note(kind, name, text, stamp)

    def _counts_from_here(self) -> None:
        self._triggers.clear()
        self._counts = True

    def _experiment_gone(self, reason: str, stamp: float) -> None:
        """Its node has ended, and will never say that its run has; started again, it says what it does."""
        if self._experiment:
            self._experiment |= {"status": "fault", "state": "", "reason": reason, "triggers": [], "at": stamp}
        for trigger in self._triggers.values():
            trigger["active"] = False

    def note(self, kind: str, name: str, text: str, stamp: float) -> None:
        """A line of the log."""
        number = next(self._numbers)
        self._log.append({"n": number, "kind": kind, "name": name, "text": text, "at": stamp})
        self.version += 1

    def output(self, name: str, **status: Any) -> None:
        """An output's status."""
        known = self._outputs.setdefault(name, {})
        changed = any(known.get(key) != value for key, value in status.items() if key != "at")
        known.update(status)
        self.version += changed

    def command(self, output: str, source: str, number: int, action: str, sent: float) -> None:
        """A command on its way to an output, to know how late it took effect."""
        self._sent[output, source, number] = action, sent
        while len(self._sent) > 64:
            del self._sent[next(iter(self._sent))]

    def acknowledged(self, output: str, source: str, number: int, success: bool, message: str, applied: float) -> None:
        """An output's answer."""
        action, sent = self._sent.pop((output, source, number), ("", 0.0))
        late = applied - sent if sent and applied else None
        self._outputs.setdefault(output, {})["answer"] = {
            "source": source, "action": action, "success": success, "message": message, "late": late, "at": applied
        }  # fmt: skip
        self.version += 1

    def skeleton(self, camera: str, network: str, keypoints: Sequence[str], edges: Sequence[int]) -> None:
        """What the poses of a camera consist of; `edges`: flattened pairs of indices."""
        pairs = [list(pair) for pair in zip(edges[::2], edges[1::2], strict=False)]
        self._cameras.setdefault(camera, {}).update(network=network, keypoints=list(keypoints), edges=pairs)
        self.version += 1

    def regions(self, camera: str, outlines: Mapping[str, Sequence[tuple[float, float]]]) -> None:
        """The outlines of a camera's regions, in pixels."""
        rounded = [
            {"name": name, "points": [[round(x, 1), round(y, 1)] for x, y in points]}
            for name, points in outlines.items()
        ]
        known = self._cameras.setdefault(camera, {})
        if known.get("regions") != rounded:
            known["regions"] = rounded
            self.version += 1

    def file_saved(self) -> None:
        """A page has written the experiment file: others read it again."""
        self._saves += 1
        self.version += 1

    def rig_file_saved(self) -> None:
        """A page has written the rig file: others read it again."""
        self._rig_saves += 1
        self.version += 1

    def stopped(self) -> None:
        """Somebody has pressed STOP: what was pressed before it is void."""
        self.stops += 1
        self.version += 1

    def is_off(self, output: str, since: float) -> bool:
        """Whether an output has said, after a time (ms), that it is off and disarmed."""
        known = self._outputs.get(output, {})
        return known.get("at", 0.0) > since and not known["on"] and not known["armed"]

    def job_changed(self, running: bool) -> None:
        """A command that a page has started began, printed something or ended."""
        self._job = {"number": self._job["number"] + 1, "running": running}
        self.version += 1

    @property
    def run_is_on(self) -> bool:
        """Whether the experiment runs, or waits to begin a run; also where its node is silent: it may go on."""
        return self._experiment.get("status") in ("running", "waiting")

    # What the page gets.

    def state(self) -> dict[str, Any]:
        """Everything but the log."""
        return {
            "nodes": self._nodes,
            "experiment": self._experiment,
            "outputs": self._outputs,
            "cameras": self._cameras,
            "triggers": self._known_triggers(),
            "course": self._courses,
            "saves": self._saves,
            "rig_saves": self._rig_saves,
            "run": self.run_is_on,
            "stops": self.stops,
            "job": self._job,
        }

    def _known_triggers(self) -> dict[str, dict[str, Any]]:
        """In the order of the experiment file, where that is known; the count is None where it is not."""
        names = dict.fromkeys([*self._bounds, *self._triggers])
        unknown: dict[str, Any] = {"active": False, "value": "", "at": 0.0, "count": 0}
        known = {name: self._triggers.get(name, unknown) for name in names}
        return {
            name: {**trigger, "count": trigger["count"] if self._counts else None, "bounds": self._bounds.get(name, {})}
            for name, trigger in known.items()
        }

    def log_after(self, number: int) -> list[dict[str, Any]]:
        """The lines of the log after one of that number; 0: all that are kept."""
        return [line for line in self._log if line["n"] > number]
