"""What a camera's poses show of the triggers on them, as individuals come and go."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dlstream_experiment.model.classification import PoseClassification
from dlstream_experiment.model.names import SECOND
from dlstream_experiment.model.plane import CameraPlane
from dlstream_experiment.model.pose_array import PoseArray
from dlstream_experiment.model.quantities import Condition, keypoints_of
from dlstream_experiment.model.triggers import Trigger
from dlstream_experiment.runtime.triggers.added_columns import AddedColumns, DepthColumns, PlaneColumns
from dlstream_experiment.runtime.triggers.classifier import ClassifierTrigger
from dlstream_experiment.runtime.triggers.trigger_state import TriggerState

if TYPE_CHECKING:
    from dlstream_experiment.runtime.triggers.condition_table import ConditionTable

_AWAY = SECOND
"""An individual that was away for longer is a new one when it comes back."""


def prepare() -> None:
    """Loads (on a machine's first run: compiles, for some seconds) what decides on a frame, before frames come."""
    importlib.import_module("dlstream_experiment.runtime.triggers.condition_table")


class CameraEvaluator:
    """Evaluates the triggers on a camera's poses: conditions all together, the others one by one.

    Args:
        states: those of this camera's triggers.
        plane: what the camera is calibrated for; None where no trigger needs it.
        in_cm: the keypoints whose places in the plane the triggers need.
        in_depth: the keypoints whose depth the triggers need.
    """

    def __init__(
        self,
        states: Sequence[TriggerState],
        plane: CameraPlane | None,
        in_cm: Sequence[str],
        in_depth: Sequence[str] = (),
    ) -> None:
        self._conditions: list[TriggerState] = []
        self._own: list[tuple[TriggerState, Trigger]] = []
        conditions: list[Condition] = []
        for state in states:
            if isinstance(state.built, Condition):
                self._conditions.append(state)
                conditions.append(state.built)
            else:
                self._own.append((state, _decider(state)))
        self._place_of = {state.number: place for place, state in enumerate(self._conditions)}
        self._with_release = {place for place, condition in enumerate(conditions) if condition.release is not None}
        self._undecided: list[tuple[int, TriggerState]] = []  # with a release, newly known on the last frame
        self._slots = SlotTracker(conditions) if conditions else None
        self._added: list[AddedColumns] = [PlaneColumns(plane, in_cm)] if plane is not None and in_cm else []
        self._added += [DepthColumns(in_depth)] if in_depth else []
        self._last = np.zeros(0, np.uint8)

    def bind(self, keypoints: Sequence[str]) -> None:
        """Receives the names of the keypoints in their order; see Trigger.bind."""
        known = list(keypoints)
        keypoints = [*keypoints, *(name for columns in self._added for name in columns.bind(known))]
        if self._slots is not None:
            self._apply_releases()
            self._slots.bind(keypoints)
            self._last = np.full(len(self._conditions), 255, np.uint8)  # so that each of them is new
        for _, trigger in self._own:
            trigger.bind(keypoints)

    def forget_motion(self) -> None:
        """The clock was set back: what was before has no place in time."""
        if self._slots is not None:
            self._slots.forget_motion()
        for _, trigger in self._own:
            if isinstance(trigger, ClassifierTrigger):
                trigger.forget()

    def evaluate(self, poses: PoseArray) -> list[tuple[TriggerState, bool | None]]:
        """The triggers of which something else is known than on the last frame, each with what is known."""
        news: list[tuple[TriggerState, bool | None]] = []
        if self._added:
            added = [columns.of(poses) for columns in self._added]
            poses = replace(poses, block=np.concatenate((poses.block, *added), axis=2))
        if self._slots is not None:
            if self._undecided:
                self._apply_releases()
            known = self._slots.evaluate(poses)
            changed = (known != self._last).nonzero()[0]
            if len(changed):
                values = known[changed]
                self._last[changed] = values
                for place, value in zip(changed.tolist(), values.tolist(), strict=True):
                    state = self._conditions[place]
                    news.append((state, _KNOWN.get(value)))
                    if place in self._with_release:
                        self._undecided.append((place, state))
        for state, trigger in self._own:
            if isinstance(trigger, ClassifierTrigger):
                trigger.held = bool(state.condition)
            news.append((state, trigger.decide(poses)))
        return news

    def _apply_releases(self) -> None:
        """While a condition is true, its release takes the place of its tests: on the frames after it changed."""
        if self._slots is not None:
            for place, state in self._undecided:
                self._slots.release(place, bool(state.condition))
        self._undecided.clear()

    def measured(self, state: TriggerState) -> float:
        """What a trigger measured on the last frame, in the unit of its type; NaN: nothing.

        By the bounds that decided there: a release that the decision brings applies from the next frame on.
        """
        if state.number in self._place_of and self._slots is not None:
            return self._slots.measured(self._place_of[state.number])[0]
        return next(trigger.measured for other, trigger in self._own if other is state)

    def individuals(self, state: TriggerState) -> tuple[str, ...]:
        """The individual (or the two of a pair) for which a trigger measured that; () where there is none."""
        if state.number in self._place_of and self._slots is not None:
            return self._slots.measured(self._place_of[state.number])[1]
        return ()


_KNOWN = {3: True, 1: False}
"""kernel.TRUE and kernel.FALSE, without loading the kernel."""


def _decider(state: TriggerState) -> Trigger:
    if isinstance(state.built, PoseClassification):
        return ClassifierTrigger(state.built)
    assert isinstance(state.built, Trigger), f"trigger '{state.name}' looks at poses and is built into {state.built}"
    return state.built


class SlotTracker:
    """Gives each individual a slot that it keeps, and evaluates the conditions on all slots.

    An individual that was in no frame for more than a second (also where none came at all) is a new one when it comes
    back: its earlier places do not count, and its slot may belong to another. Two individuals with the same id are two.
    """

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._conditions = list(conditions)
        names = [name for item in conditions for name in (item.individual, item.other) if name is not None]
        self._named = list(dict.fromkeys(names))
        self._slot_of: dict[str, int] = {name: slot for slot, name in enumerate(self._named)}
        self._count = 0
        self._keypoints: tuple[str, ...] = ()
        self._ids: tuple[str, ...] | None = None
        self._stamp = 0
        self._gone: dict[str, int] = {}  # individuals with a slot that are not in the frame, and when they last were
        self._places: list[int] = []
        self._table: ConditionTable | None = None
        self._held: dict[int, bool] = {}
        self._block = np.empty(0, np.float32)

    def bind(self, keypoints: Sequence[str]) -> None:
        """Receives the names of the keypoints in their order.

        Raises:
            KeyError: a keypoint that a condition needs is missing.
        """
        for condition in self._conditions:
            for test in (*condition.tests, *(condition.release or ())):
                for point in keypoints_of(test.quantity):
                    if point.name not in keypoints:
                        raise KeyError(point.name)
        self._keypoints = tuple(keypoints)
        self._ids = None
        self._count = max(self._count, 1, len(self._named))
        self._build()

    def evaluate(self, poses: PoseArray) -> NDArray[np.uint8]:
        """What is known of each condition: kernel.TRUE, kernel.FALSE, or neither."""
        assert self._table is not None, "bind comes first"
        if poses.stamp - self._stamp > _AWAY:
            self._table.forget(range(self._count))  # nobody was in a frame, even if the ids are the same again
        if poses.ids != self._ids:
            self._settle(poses.ids, poses.stamp)
        self._stamp = poses.stamp
        if self._in_order:
            return self._table.evaluate(poses.block.reshape(3, -1), poses.stamp)
        self._block[:, self._places] = poses.block
        return self._table.evaluate(self._flat, poses.stamp)

    def forget_motion(self) -> None:
        """Forgets where everybody was before."""
        if self._table is not None:
            self._table.history.clear()

    def release(self, number: int, held: bool) -> None:
        """Sets whether a condition is true, so that its release applies from the next frame on."""
        self._held[number] = held
        if self._table is not None:
            self._table.release(number, held)

    def measured(self, number: int) -> tuple[float, tuple[str, ...]]:
        """What a condition measured on the last frame, in its trigger's unit, and of which individuals; NaN and ()."""
        if self._table is None:
            return float("nan"), ()
        value, group = self._table.measured(number)
        if group is None:
            return value, ()
        names = {slot: name for name, slot in self._slot_of.items()}
        return value, tuple(names[slot].partition("\0")[0] for slot in dict.fromkeys(group))

    def _settle(self, ids: tuple[str, ...], stamp: int) -> None:
        keys = [name if name not in ids[:place] else f"{name}\0{place}" for place, name in enumerate(ids)]
        for key in self._slot_of:
            if key not in keys:
                self._gone.setdefault(key, self._stamp)
        new: list[int] = []
        for key in keys:
            away = stamp - self._gone.pop(key, stamp)
            if key not in self._slot_of:
                self._slot_of[key] = self._free_slot(stamp)
                away = _AWAY + 1
            if away > _AWAY:
                new.append(self._slot_of[key])
        self._ids = ids
        self._places = [self._slot_of[key] for key in keys]
        if self._table is None or self._table.slots != self._count:
            self._build()
        assert self._table is not None
        self._table.forget(new)
        self._block.fill(np.nan)
        self._in_order = self._places == list(range(self._count))

    def _free_slot(self, stamp: int) -> int:
        taken = set(self._slot_of.values())
        for slot in range(self._count):
            if slot not in taken:
                return slot
        for key, since in self._gone.items():
            if stamp - since > _AWAY and key not in self._named:
                del self._gone[key]
                return self._slot_of.pop(key)
        self._count += 1
        return self._count - 1

    def _build(self) -> None:
        from dlstream_experiment.runtime.triggers.condition_table import ConditionTable  # and a compiler: see `prepare`

        old, named = self._table, {name: self._slot_of[name] for name in self._named}
        self._table = ConditionTable(self._conditions, self._keypoints, self._count, named)
        for number, held in self._held.items():
            self._table.release(number, held)
        if old is not None:
            self._table.adopt(old)
        self._block = np.full((3, self._count, len(self._keypoints)), np.nan, np.float32)
        self._flat = self._block.reshape(3, -1)
        self._in_order = False
