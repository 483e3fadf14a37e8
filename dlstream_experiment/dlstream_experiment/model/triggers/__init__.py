"""Triggers: conditions on poses. A new one is a module here, or a class in a package of one's own.

Each brings its settings, check and words.
"""

from typing import Annotated, cast

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
    return cast(type[TriggerSettings], tagged(kind, "type", name))


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
    "Trigger",
    "TriggerSettings",
    "trigger_settings",
]
