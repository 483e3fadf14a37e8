"""A trigger of the user's own, written in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field, PrivateAttr, model_serializer

from dlstream_common import Problem
from dlstream_experiment.model.extension import Owner, on_frame
from dlstream_experiment.model.names import Location
from dlstream_experiment.model.own_class import OwnClassSettings, as_written
from dlstream_experiment.model.pose_array import PoseArray
from dlstream_experiment.model.triggers._base import Context, Trigger, TriggerSettings, builder_of
from dlstream_experiment.model.triggers._bounds import Threshold


class PythonTriggerSettings(OwnClassSettings, TriggerSettings):
    """A subclass of TriggerSettings in a Python file beside the experiment file, or installed as an entry point."""

    type: Literal["python"]
    class_: str = Field(alias="class")
    """file.py:Class beside this file (needs --allow-python), or an entry point of the group dlstream.triggers."""
    _name: str = PrivateAttr(default="")
    base = TriggerSettings
    group = "dlstream.triggers"

    @classmethod
    def lacking(cls, kind: Any) -> str:
        return "" if builder_of(kind) is not None else "build"

    @property
    def own(self) -> TriggerSettings:
        """The user's settings."""
        assert isinstance(self.options, TriggerSettings)
        return self.options

    @property
    def owner(self) -> Owner:
        """Whose the user's objects are."""
        what = f"trigger '{self._name}'" if self._name else "a trigger"
        return Owner.of(what, ("triggers", self._name, self.class_key), self.class_, self.own)

    def set_name(self, name: str) -> None:
        self._name = name

    def build(self, context: Context) -> Trigger:
        own, owner = self.own, self.owner
        method = builder_of(type(own)) or "build"
        made = owner.ask(method, lambda: getattr(own, method)(context), Trigger, "an object of Trigger")
        return GuardedTrigger(made, owner)

    def camera_in(self, context: Context) -> str:
        own = self.own
        return self.owner.ask(
            "camera_in", lambda: own.camera_in(context) or context.camera, str, "a camera's name, or None"
        )

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return self._places("keypoints_used", self.own.keypoints_used)

    def regions_used(self) -> list[tuple[Location, str]]:
        return self._places("regions_used", self.own.regions_used)

    def problems(self, context: Context) -> Iterator[Problem]:
        with self.owner.guard("problems"):
            yield from [item.below(*self.fields_below) for item in self.own.problems(context)]

    def in_words(self) -> str:
        return f"{self.owner.ask('in_words', self.own.in_words, str, 'text')}{self.shape_in_words()}"

    def shown_bounds(self) -> Threshold | None:
        with self.owner.guard("shown_bounds"):
            found = self.own.shown_bounds()
        if found is not None and not isinstance(found, Threshold):
            raise self.owner.wrong("shown_bounds", found, "a Threshold, or None")
        return found

    def _places(self, method: str, call: Callable[[], list[tuple[Location, str]]]) -> list[tuple[Location, str]]:
        with self.owner.guard(method):
            return self.placed(call())


class InstalledTriggerSettings(PythonTriggerSettings):
    """A trigger of an installed package under its own name: `type: NAME`, and the fields of its class beside it."""

    type: str  # type: ignore[assignment]
    fields_below = ()
    class_key = "type"

    @classmethod
    def of(cls, name: str, own: TriggerSettings) -> InstalledTriggerSettings:
        """From valid settings of the package's class."""
        values: dict[str, Any] = {key: getattr(own, key) for key in TriggerSettings.model_fields}
        return cls.model_construct(**{**values, "type": name, "class": name, "options": own})

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        return as_written(self)


class GuardedTrigger(Trigger):
    """A trigger of the user's own: whatever it does wrong is an ExtensionError with the place."""

    def __init__(self, own: Trigger, owner: Owner) -> None:
        self._own, self._owner = own, owner

    def bind(self, keypoints: Sequence[str]) -> None:
        with self._owner.guard("bind"):
            self._own.bind(keypoints)

    def decide(self, scene: PoseArray) -> bool | None:
        try:
            decided = self._own.decide(scene)
        except (Exception, SystemExit) as error:
            raise self._owner.error("decide", error, on_frame(scene.stamp)) from error
        if decided is None or isinstance(decided, bool):
            return decided
        if isinstance(decided, np.bool_):
            return bool(decided)
        raise self._owner.wrong("decide", decided, "True, False or None", on_frame(scene.stamp))

    @property
    def measured(self) -> float:
        with self._owner.guard("measured"):
            return float(self._own.measured)
