"""One camera's share of a set of triggers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dlstream_experiment.model.plane import CameraPlane, PlaneView
from dlstream_experiment.model.pose_array import Scene
from dlstream_experiment.model.triggers._base import Context, PoseSettings, Trigger
from dlstream_experiment.runtime.triggers.trigger_state import Node
from dlstream_experiment.model.quantities import FALSE, TRUE, Condition
from dlstream_experiment.runtime.triggers.slot_tracker import Watch

_TOLD = {TRUE: True, FALSE: False}


class View:
    """The triggers on a camera's poses, and the compositions that use them.

    Attributes:
        due: when one of the triggers is to be looked at though nothing new is known; None: never.
        decided: the decisions on a frame as things stand.
    """

    def __init__(self, camera: str, everything: Sequence[Node], context: Context) -> None:
        nodes = [node for node in everything if node.camera == camera]
        self._camera, self._all = camera, everything
        self.due: int | None = None
        self.decided: dict[str, bool] = {}
        self._together: list[Node] = []
        self._alone: list[tuple[Node, Trigger]] = []
        self._places: dict[int, int] = {}
        conditions: list[Condition] = []
        for node in nodes:
            condition = node.settings.condition(context)
            if condition is not None:
                self._places[node.number] = len(conditions)
                conditions.append(condition)
                self._together.append(node)
            else:
                trigger = node.settings.create_alone(context)
                assert trigger is not None, f"{type(node.settings).__name__} says nothing of how it decides"
                self._alone.append((node, trigger))
        self._with_release = {
            node.number
            for node, condition in zip(self._together, conditions, strict=True)
            if condition.release is not None
        }
        self._watch = Watch(conditions) if conditions else None
        self._plane = _plane_view(nodes, context.calibration.get(camera))
        self._waiting: dict[int, Node] = {}
        self._uses = dict.fromkeys((number for node in nodes for number in node.above), 0)
        self._last = np.zeros(0, np.uint8)

    def bind(self, keypoints: Sequence[str]) -> None:
        """See TriggerSet.bind."""
        if self._plane is not None:
            keypoints = self._plane.bind(keypoints)
        if self._watch is not None:
            self._watch.bind(keypoints)
            self._last = np.full(len(self._together), 255, np.uint8)  # so that each is looked at
        for _, trigger in self._alone:
            trigger.bind(keypoints)

    def look(self, scene: Scene) -> list[tuple[Node, bool | None]]:
        """The triggers of which something else is known than in the last frame, each with what is known."""
        touched: list[tuple[Node, bool | None]] = []
        if self._plane is not None:
            scene = replace(scene, block=self._plane.extend(scene.block))
        if self._watch is not None:
            raw = self._watch.evaluate(scene)
            places = (raw != self._last).nonzero()[0]
            if len(places):
                told = raw[places]
                self._last[places] = told
                touched = [
                    (self._together[place], _TOLD.get(known))
                    for place, known in zip(places.tolist(), told.tolist(), strict=True)
                ]
        for node, trigger in self._alone:
            touched.append((node, trigger.decide(scene)))
        return touched

    def take_up(self, touched: Sequence[tuple[Node, bool | None]], stamp: int, evaluation: int) -> list[Node]:
        """The triggers that this changed, and those that time changed."""
        changed, looked_at = [], set()
        for node, told in touched:
            known = node.known
            looked_at.add(node.number)
            if node.measure(told, stamp, evaluation):
                changed.append(node)
            if node.number in self._with_release and self._watch is not None:
                self._watch.release(self._places[node.number], bool(node.condition))
            if known != node.known:
                self._count(node)
            self._wait_for(node)
        for node in [node for node in self._waiting.values() if node.is_due(stamp)]:
            if node.number not in looked_at:
                if node.wait(stamp, evaluation):
                    changed.append(node)
                self._wait_for(node)
        self.due = min([node.due for node in self._waiting.values() if node.due is not None], default=None)
        return changed

    def _wait_for(self, node: Node) -> None:
        if node.due is not None:
            self._waiting[node.number] = node
        else:
            self._waiting.pop(node.number, None)

    def _count(self, node: Node) -> None:
        """A trigger began or ceased to decide, and with it perhaps what is composed of it."""
        step = 1 if node.known else -1
        self._decides(node, node.known)
        for number in node.above:
            self._uses[number] = uses = self._uses[number] + step
            if uses == (1 if node.known else 0):
                self._decides(self._all[number], node.known)

    def _decides(self, node: Node, does: bool) -> None:
        if not does:
            self.decided.pop(node.name, None)
        elif node.value is not None:
            self.decided[node.name] = node.value

    def write_down(self, node: Node) -> None:
        """Keeps the decisions up to date with a trigger that changed."""
        if node.value is not None and (
            node.known if node.camera == self._camera else self._uses.get(node.number, 0) > 0
        ):
            self.decided[node.name] = node.value

    def measured(self, node: Node) -> float:
        """See TriggerSet.measured."""
        if node.number in self._places:
            return self._watch.measured(self._places[node.number])[0] if self._watch is not None else float("nan")
        return next(trigger.measured for other, trigger in self._alone if other is node)

    def whose(self, node: Node) -> tuple[str, ...]:
        """See TriggerSet.whose."""
        if node.number in self._places and self._watch is not None:
            return self._watch.measured(self._places[node.number])[1]
        return ()


def _plane_view(nodes: Sequence[Node], calibration: float | CameraPlane | None) -> PlaneView | None:
    """What adds the places in the plane that the triggers need; None where they need none."""
    metric = [node.settings for node in nodes if isinstance(node.settings, PoseSettings) and node.settings.metric]
    if not isinstance(calibration, CameraPlane) or not metric:
        return None
    return PlaneView(calibration, list(dict.fromkeys(name for item in metric for _, name in item.keypoints_used())))
