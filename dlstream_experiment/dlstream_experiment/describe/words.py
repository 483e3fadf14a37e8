"""Triggers and regions in words, for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dlstream_experiment.model.regions import Region
from dlstream_experiment.model.triggers import TriggerSettings
from dlstream_experiment.model.triggers._base import MeasuredSettings, PoseSettings


def trigger_in_words(trigger: TriggerSettings) -> str:
    """When a trigger is true: completes "true when ..."."""
    return trigger.in_words()


def usual_in_words(triggers: Iterable[TriggerSettings]) -> str:
    """The defaults that apply to these triggers, as a sentence; empty where there are none."""
    kinds = list(triggers)
    sentences = []
    if any(isinstance(item, PoseSettings) for item in kinds):
        least = PoseSettings.model_fields["min_confidence"].default
        sentences.append(f"a keypoint is seen from a confidence of {least:g}")
    if any(isinstance(item, MeasuredSettings) for item in kinds):
        sentences.append("a trigger that can't be measured stays as it was")
    return f"Unless stated otherwise, {', and '.join(sentences)}." if sentences else ""


def region_in_words(region: Region, camera: str) -> str:
    """The type of a region and its measures, such as "circle: center (550, 163), radius 87.5"."""
    given = region.model_dump(exclude={"type", "camera", "beyond_image"}, exclude_defaults=True)
    measures = [f"{key} {_plain(value)}" for key, value in given.items()]
    where = f"; camera '{region.camera}'" if region.camera not in (None, camera) else ""
    beyond = "; it may reach beyond the image" if region.beyond_image else ""
    return f"{region.type}: {', '.join(measures)}{where}{beyond}"


def _plain(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_plain(item) for item in value)
        return f"({inner})" if not any(isinstance(item, (list, tuple)) for item in value) else inner
    return f"{value:.9g}" if isinstance(value, float) else str(value)
