"""Triggers: conditions on poses. Each file of this folder is one type, with its settings, check and words."""

from typing import TYPE_CHECKING

from dlstream_experiment.model._registry import any_of, find_types
from dlstream_experiment.model.triggers._base import (
    Built,
    Context,
    MeasuredSettings,
    PoseSettings,
    Trigger,
    TriggerSettings,
)

TRIGGERS = find_types(__name__, __path__, TriggerSettings)

if TYPE_CHECKING:
    AnyTrigger = TriggerSettings
else:
    AnyTrigger = any_of(TRIGGERS)

__all__ = [
    "TRIGGERS",
    "AnyTrigger",
    "Built",
    "Context",
    "MeasuredSettings",
    "PoseSettings",
    "Trigger",
    "TriggerSettings",
]
