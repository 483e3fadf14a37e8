"""All triggers of an experiment, decided together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlstream_experiment.scene import Scene
from dlstream_experiment.triggers._base import Context, Trigger, TriggerSettings


class TriggerSet:
    """The triggers of one run.

    Attributes:
        held: every trigger that has decided so far, at its last decision.
        changed: the triggers whose decision the last call changed; one that was not there counts as false.
        measured: what each of them measured at that decision, in the unit of its type; NaN where nothing.
    """

    def __init__(self, settings: Mapping[str, TriggerSettings], context: Context) -> None:
        self.held: dict[str, bool] = {}
        self.changed: dict[str, bool] = {}
        self.measured: dict[str, float] = {}
        self._triggers: dict[str, dict[str, Trigger]] = {}
        for name, trigger in settings.items():
            self._triggers.setdefault(trigger.camera_in(context), {})[name] = trigger.create(context)

    def bind(self, camera: str, keypoints: Sequence[str]) -> None:
        """Takes up the keypoints of a camera's poses; called before its first scene, and when they change.

        Raises:
            KeyError: a keypoint that a trigger needs is not among them.
        """
        for trigger in self._triggers.get(camera, {}).values():
            trigger.bind(keypoints)

    def decide(self, camera: str, scene: Scene) -> Mapping[str, bool]:
        """The triggers that decided on a frame of a camera, each with its decision."""
        decisions = {name: trigger.decide(scene) for name, trigger in self._triggers.get(camera, {}).items()}
        decided = {name: value for name, value in decisions.items() if value is not None}
        self.changed = {name: value for name, value in decided.items() if value != self.held.get(name, False)}
        self.held.update(decided)
        return decided

    def take_value(self, source: str, value: float | str, stamp: int) -> Mapping[str, bool]:
        """The triggers that decided on a value from outside, such as one of a ROS topic."""
        self.changed = {}
        return {}
