"""Parts of an experiment in words, for people who read them in a terminal."""

from __future__ import annotations

from typing import Any

from dlstream_experiment.regions import Region
from dlstream_experiment.triggers import TriggerSettings


def trigger_in_words(trigger: TriggerSettings) -> str:
    """When a trigger is true: completes "true when ..."."""
    return trigger.in_words()


def region_in_words(region: Region, camera: str) -> str:
    """The kind of a region and its measures, such as "circle: center (550, 163), radius 87.5"."""
    told = region.model_dump(exclude={"type", "camera"}, exclude_defaults=True)
    measures = [f"{key} {_plain(value)}" for key, value in told.items()]
    where = f"; camera '{region.camera}'" if region.camera not in (None, camera) else ""
    return f"{region.type}: {', '.join(measures)}{where}"


def _plain(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_plain(item) for item in value)
        return f"({inner})" if not any(isinstance(item, (list, tuple)) for item in value) else inner
    return f"{value:g}" if isinstance(value, float) else str(value)
