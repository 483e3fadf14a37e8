"""Triggers: conditions on poses. A new one is a module here, or a class in a package of one's own.

Each brings its settings, check and words.
"""

from functools import cache
from typing import Annotated, Any, cast

from dlstream_common.part_faults import Author, guarded_settings
from dlstream_common.picking import a_class
from dlstream_common.plugins import PartError, Registry
from dlstream_common.tagged import Tagged, tagged
from dlstream_experiment.model.triggers._base import (
    Built,
    Context,
    MeasuredSettings,
    PoseSettings,
    Trigger,
    TriggerSettings,
    builder_of,
)
from dlstream_experiment.model.triggers._bounds import Threshold

TRIGGERS: Registry[type[TriggerSettings]] = Registry(
    "trigger",
    __name__,
    __path__,
    a_class(TriggerSettings, tag="type"),
    group="dlstream.triggers",
    bundles={
        "composition": ("and", "or", "not", "sequence", "count"),
        "direction": ("direction", "head_direction", "ego_head_direction", "head_direction_region"),
        "motion": ("speed", "freeze", "acceleration"),
        "posture": ("distance", "angle", "ratio"),
    },
)


def trigger_settings(name: str) -> type[TriggerSettings]:
    """The settings of the trigger of that name, with the key `type`.

    Raises:
        PartError: there is no such trigger, or it can't be used.
    """
    kind, origin = TRIGGERS.load(name), TRIGGERS.origin(name)
    if builder_of(kind) is None:
        raise PartError(f"trigger '{name}'", f"{origin}, which has no method build", "a class that has all it needs")
    if issubclass(kind, PoseSettings) and not origin.is_ours:
        kind = _guarded_class(kind, TRIGGERS.author(name))
    return cast(type[TriggerSettings], tagged(kind, "type", name))


@cache
def _guarded_class(kind: Any, author: Author) -> Any:
    """A class of others that decides on poses as dlstream's do: it stays a PoseSettings, and its mistakes are named."""
    guarded = guarded_settings(kind, author, _RESULTS)

    def build(self: Any, context: Context) -> Built:
        from dlstream_experiment.model.extension import Owner
        from dlstream_experiment.model.triggers.python import GuardedTrigger

        made = guarded.build(self, context)
        owner = Owner.of(author.part, ("triggers",), author.package, self)
        return GuardedTrigger(made, owner) if isinstance(made, Trigger) else made

    about = {name: getattr(kind, name) for name in ("__module__", "__qualname__", "__doc__")}
    return type(kind)(kind.__name__, (guarded,), {**about, "build": build})


def _are_places(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, tuple) and len(item) == 2 for item in value)


_PLACES = "a list of names, each with its place: [(place, name)]"
_RESULTS = (
    ("build", lambda value: isinstance(value, Built), "a Condition, a Rule or a Trigger"),
    ("in_words", lambda value: isinstance(value, str), "text"),
    ("camera_in", lambda value: isinstance(value, str), "a camera's name"),
    ("keypoints_used", _are_places, _PLACES),
    ("regions_used", _are_places, _PLACES),
    ("triggers_used", _are_places, _PLACES),
    ("shown_bounds", lambda value: value is None or isinstance(value, Threshold), "a Threshold, or None"),
)
"""What checks and runs ask of a trigger's settings."""


def _guarded(name: str, settings: TriggerSettings) -> TriggerSettings:
    """Triggers of others that decide by themselves: whatever they do wrong is reported with its place in the file."""
    if TRIGGERS.origin(name).is_ours or isinstance(settings, PoseSettings):
        return settings
    from dlstream_experiment.model.triggers.python import InstalledTriggerSettings

    return InstalledTriggerSettings.of(name, settings)


AnyTrigger = Annotated[TriggerSettings, Tagged("type", TRIGGERS, trigger_settings, TRIGGERS, _guarded)]

__all__ = [
    "TRIGGERS",
    "AnyTrigger",
    "Built",
    "Context",
    "MeasuredSettings",
    "PoseSettings",
    "Threshold",
    "Trigger",
    "TriggerSettings",
    "trigger_settings",
]
