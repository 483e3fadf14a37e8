"""The conditions of one camera on the individuals that come and go."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dlstream_experiment.model.names import SECOND
from dlstream_experiment.model.pose_array import Scene
from dlstream_experiment.model.quantities import Condition, points

if TYPE_CHECKING:
    from dlstream_experiment.runtime.triggers.condition_table import Table

_AWAY = SECOND


def prepare() -> None:
    """Loads what decides on a frame, or compiles it: some seconds, once on a machine, that no frame should wait for."""
    importlib.import_module("dlstream_experiment.runtime.triggers.condition_table")


class Watch:
    """Puts each individual into a slot of its own, where it stays, and evaluates the conditions on all slots.

    An individual that was in no frame for more than a second is a new one when it comes back: where it was before does
    not count, and its slot may have gone to another. Two individuals with the same id are two.
    """

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._conditions = list(conditions)
        names = [name for item in conditions for name in (item.individual, item.other) if name is not None]
        self._named = list(dict.fromkeys(names))
        self._slot_of: dict[str, int] = {name: slot for slot, name in enumerate(self._named)}
        self._slots = 0
        self._keypoints: tuple[str, ...] = ()
        self._ids: tuple[str, ...] | None = None
        self._stamp = 0
        self._gone: dict[str, int] = {}  # individuals with a slot that are not in the frame, and when they were last
        self._places: list[int] = []
        self._table: Table | None = None
        self._held: dict[int, bool] = {}
        self._block = np.empty(0, np.float32)

    def bind(self, keypoints: Sequence[str]) -> None:
        """Takes up the names and the order of the keypoints.

        Raises:
            KeyError: one that a condition needs is not among them.
        """
        for condition in self._conditions:
            for test in (*condition.tests, *(condition.release or ())):
                for point in points(test.quantity):
                    if point.keypoint not in keypoints:
                        raise KeyError(point.keypoint)
        self._keypoints = tuple(keypoints)
        self._ids = None
        self._slots = max(self._slots, 1, len(self._named))
        self._build()

    def evaluate(self, scene: Scene) -> NDArray[np.uint8]:
        """What is known of each condition: TRUE, FALSE, or neither."""
        if scene.ids != self._ids:
            self._settle(scene.ids, scene.stamp)
        self._stamp = scene.stamp
        assert self._table is not None, "bind comes first"
        if self._in_order:
            return self._table.evaluate(scene.block.reshape(3, -1), scene.stamp)
        self._block[:, self._places] = scene.block
        return self._table.evaluate(self._flat, scene.stamp)

    def release(self, number: int, held: bool) -> None:
        """Whether a condition is true, so that it looks at its release from the next frame on."""
        self._held[number] = held
        if self._table is not None:
            self._table.release(number, held)

    def measured(self, number: int) -> tuple[float, tuple[str, ...]]:
        """What a condition measured in the last frame, in its own unit, and of which individuals; NaN, ()."""
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
        anew: list[int] = []
        for key in keys:
            away = stamp - self._gone.pop(key, stamp)
            if key not in self._slot_of:
                self._slot_of[key] = self._free_slot(stamp)
                away = _AWAY + 1
            if away > _AWAY:
                anew.append(self._slot_of[key])
        self._ids = ids
        self._places = [self._slot_of[key] for key in keys]
        if self._table is None or self._table.slots != self._slots:
            self._build()
        assert self._table is not None
        self._table.forget(anew)
        self._block.fill(np.nan)
        self._in_order = self._places == list(range(self._slots))

    def _free_slot(self, stamp: int) -> int:
        taken = set(self._slot_of.values())
        for slot in range(self._slots):
            if slot not in taken:
                return slot
        for key, since in self._gone.items():
            if stamp - since > _AWAY and key not in self._named:
                del self._gone[key]
                return self._slot_of.pop(key)
        self._slots += 1
        return self._slots - 1

    def _build(self) -> None:
        from dlstream_experiment.runtime.triggers.condition_table import Table  # and with it a compiler: see `prepare`

        old, named = self._table, {name: self._slot_of[name] for name in self._named}
        self._table = Table(self._conditions, self._keypoints, self._slots, named)
        for number, held in self._held.items():
            self._table.release(number, held)
        if old is not None:
            self._table.adopt(old)
        self._block = np.full((3, self._slots, len(self._keypoints)), np.nan, np.float32)
        self._flat = self._block.reshape(3, -1)
        self._in_order = False
