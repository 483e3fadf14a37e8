"""Triggers: conditions on poses. Each file of this folder is one type of trigger."""

from typing import TYPE_CHECKING

from dlstream_experiment._registry import any_of, find_types
from dlstream_experiment.triggers._base import Context, ExternalSource, Mistake, PoseSettings, Trigger, TriggerSettings
from dlstream_experiment.triggers._order import cycles
from dlstream_experiment.triggers._set import TriggerSet
from dlstream_experiment.triggers._watch import prepare

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
