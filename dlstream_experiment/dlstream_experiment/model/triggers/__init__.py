"""Triggers: conditions on poses. Each file of this folder is one type of trigger."""

from typing import TYPE_CHECKING

from dlstream_experiment.model._registry import any_of, find_types
from dlstream_experiment.model.triggers._base import Context, ExternalSource, Mistake, PoseSettings, Trigger, TriggerSettings
from dlstream_experiment.model.order import cycles
from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet
from dlstream_experiment.runtime.triggers.slot_tracker import prepare

TRIGGERS = find_types(__name__, __path__, TriggerSettings)

if TYPE_CHECKING:
    AnyTrigger = TriggerSettings
else:
    AnyTrigger = any_of(TRIGGERS)

__all__ = [
    "TRIGGERS",
    "AnyTrigger",
    "Context",
    "ExternalSource",
    "Mistake",
    "PoseSettings",
    "Trigger",
    "TriggerSet",
    "TriggerSettings",
    "cycles",
    "prepare",
]
