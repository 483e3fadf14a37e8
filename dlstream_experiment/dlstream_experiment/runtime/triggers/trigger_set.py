"""All triggers of an experiment, decided together."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping, Sequence

from dlstream_experiment.model.pose_array import Scene
from dlstream_experiment.model.triggers._base import Context, ExternalSource, Trigger, TriggerSettings
from dlstream_experiment.runtime.triggers.trigger_state import Node
from dlstream_experiment.model.order import in_order
from dlstream_experiment.runtime.triggers.camera_evaluator import View
from dlstream_experiment.model.triggers.topic import TopicSettings


class TriggerSet:
    """The triggers of one run.

    Attributes:
        held: every trigger that has decided so far, at its last decision.
        changed: the triggers whose decision the last call changed (one that was not there counts as false), in the
            order of the file.
        measured: what each of them measured in the last frame of its camera (or its last value), in the unit of its
            type; NaN where nothing. Worked out only when asked for.
    """

    def __init__(self, settings: Mapping[str, TriggerSettings], context: Context) -> None:
        self.held: dict[str, bool] = {}
        self.changed: dict[str, bool] = {}
        self.measured: Mapping[str, float] = _Measured(self)
        self._nodes = [Node(number, name, item, context) for number, (name, item) in enumerate(settings.items())]
        self._by_name = {node.name: node for node in self._nodes}
        order = in_order({name: [used for _, used in item.triggers_used()] for name, item in settings.items()})
        self._composed = [self._by_name[name] for name in order if self._by_name[name].rule is not None]
        for node in self._composed:
            node.inputs = [self._by_name[used] for _, used in node.settings.triggers_used()]
        for rank in reversed(range(len(self._composed))):
            node = self._composed[rank]
            for used in dict.fromkeys(node.inputs):
                used.used_by.append(rank)
                used.above = sorted({*used.above, node.number, *node.above})
        self._views = {
            camera: View(camera, self._nodes, context)
            for camera in dict.fromkeys(node.camera for node in self._nodes if node.camera is not None)
        }
        self._outside: dict[str, list[Node]] = {}
        for node in self._nodes:
            if isinstance(node.settings, TopicSettings):
                self._outside.setdefault(node.settings.source, []).append(node)
        self._waiting: dict[int, Node] = {}  # compositions with a timer, by rank
        self._values: dict[str, tuple[float | str, int]] = {}
        self._evaluation = 0
        self._due: int | None = None  # the earliest timer of compositions and topics

    @property
    def external_sources(self) -> tuple[ExternalSource, ...]:
        """The values from outside that the triggers need; each comes in by `take_value`."""
        return tuple(dict.fromkeys(nodes[0].settings.external for nodes in self._outside.values()))  # type: ignore[attr-defined]

    def bind(self, camera: str, keypoints: Sequence[str]) -> None:
        """Takes up the keypoints of a camera's poses; called before its first scene, and when they change.

        Raises:
            KeyError: a keypoint that a trigger needs is not among them.
        """
        if camera in self._views:
            self._views[camera].bind(keypoints)

    def decide(self, camera: str, scene: Scene) -> Mapping[str, bool]:
        """The triggers that decided on a frame of a camera, each with its decision; `changed` tells which are new.

        Compositions decide with any trigger that they use. One that a timer alone changed is among them.
        """
        stamp = scene.stamp
        self.changed = {}
        view = self._views.get(camera)
        touched = view.look(scene) if view is not None else []
        timed = self._due is not None and self._due <= stamp
        if touched or timed or (view is not None and view.due is not None and view.due <= stamp):
            self._evaluate(stamp, (), touched, view)
        if view is None:
            return dict(self.changed)
        return {**view.decided, **self.changed} if timed else view.decided.copy()

    def take_value(self, source: str, value: float | str, stamp: int) -> Mapping[str, bool]:
        """The triggers that decided on a value from outside, such as one of a ROS topic; `stamp`: its arrival."""
        self.changed = {}
        nodes = self._outside.get(source, [])
        if not nodes:
            return {}
        self._values[source] = (value, stamp)
        self._evaluate(stamp, nodes, [], None)
        numbers = sorted({number for node in nodes if node.known for number in (node.number, *node.above)})
        decided = [self._nodes[number] for number in numbers]
        return {node.name: node.value for node in decided if node.value is not None} | self.changed

    def whose(self, name: str) -> tuple[str, ...]:
        """The individual (or the two of a pair) of which a trigger measured what it measured; () where of none."""
        node = self._by_name[name]
        return self._views[node.camera].whose(node) if node.camera is not None else ()

    # From what is measured to decisions.

    def _evaluate(
        self, stamp: int, values: Sequence[Node], touched: Sequence[tuple[Node, bool | None]], view: View | None
    ) -> None:
        self._evaluation += 1
        changed = [node for node in values if self._take_up(node, stamp)]
        if view is not None:
            changed += view.take_up(touched, stamp, self._evaluation)
        due = self._due is not None and self._due <= stamp
        for nodes in self._outside.values() if due else ():
            changed += [node for node in nodes if node.is_due(stamp) and self._take_up(node, stamp)]
        ranks = {rank for node in changed for rank in node.used_by}
        if due:
            ranks.update([rank for rank, node in self._waiting.items() if node.is_due(stamp)])
        todo = sorted(ranks)
        for rank in todo:  # grows as it goes: each composition comes after what it is made of
            node = self._composed[rank]
            if node.compose(stamp, self._evaluation):
                changed.append(node)
                for other in node.used_by:
                    if other not in ranks:
                        ranks.add(other)
                        insort(todo, other)
            if node.due is not None:
                self._waiting[rank] = node
            else:
                self._waiting.pop(rank, None)
        outside = [node for nodes in self._outside.values() for node in nodes] if self._outside else []
        dues = [node.due for node in (*self._waiting.values(), *outside) if node.due is not None]
        self._due = min(dues, default=None)
        if changed:
            self._write_down(changed)

    def _take_up(self, node: Node, stamp: int) -> bool:
        """A trigger looks at its source's last value."""
        settings = node.settings
        assert isinstance(settings, TopicSettings)
        value, since = self._values[settings.source]
        changed = node.measure(settings.holds(value, stamp - since, bool(node.condition)), stamp, self._evaluation)
        expires = settings.expires(since)
        if expires is not None and expires > stamp and (node.due is None or expires < node.due):
            node.due = expires
        return changed

    def _write_down(self, changed: Sequence[Node]) -> None:
        for node in sorted(changed, key=_number) if len(changed) > 1 else changed:
            if node.value is None:
                continue
            if node.value != self.held.get(node.name, False):
                self.changed[node.name] = node.value
            self.held[node.name] = node.value
            for view in self._views.values():
                view.write_down(node)

    def _measured(self, node: Node) -> float:
        if node.camera is not None:
            return self._views[node.camera].measured(node)
        if isinstance(node.settings, TopicSettings):
            value = self._values.get(node.settings.source, (float("nan"), 0))[0]
            return float("nan") if isinstance(value, str) else float(value)
        return float("nan")


def _number(node: Node) -> int:
    return node.number


class _Measured(Mapping[str, float]):
    def __init__(self, triggers: TriggerSet) -> None:
        self._triggers = triggers

    def __getitem__(self, name: str) -> float:
        return self._triggers._measured(self._triggers._by_name[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._triggers._by_name)

    def __len__(self) -> int:
        return len(self._triggers._by_name)


class Single(Trigger):
    """One trigger by itself."""

    def __init__(self, settings: TriggerSettings, context: Context) -> None:
        camera = settings.camera_in(context)
        if camera is None:
            raise TypeError(f"a trigger of type '{settings.type}' looks at no poses: it belongs into a set")
        self._set = TriggerSet({"": settings}, context)
        self._camera = camera

    def bind(self, keypoints: Sequence[str]) -> None:
        self._set.bind(self._camera, keypoints)

    def decide(self, scene: Scene) -> bool | None:
        return self._set.decide(self._camera, scene).get("")

    @property
    def measured(self) -> float:
        return self._set.measured[""]
