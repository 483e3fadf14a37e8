"""What helps to answer a question: explanations, completed names, and values in place of those that don't fit."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel

from dlstream.authoring.draft import Draft
from dlstream.authoring.explain import Known
from dlstream_common import Place, nearest
from dlstream_experiment import Experiment
from dlstream_experiment.model.protocols import (
    PROTOCOLS,
    Action,
    Condition,
    Limit,
    Planned,
    Sham,
    State,
    Stimulus,
    StopCondition,
    Transition,
    Trials,
    Yoked,
)
from dlstream_experiment.model.protocols.region_trials import Trial
from dlstream_experiment.model.regions import REGIONS
from dlstream_experiment.model.triggers import TRIGGERS


@cache
def _words() -> dict[str, str]:
    """The description of every key below `protocol`."""
    models: tuple[type[BaseModel], ...] = (
        Planned,
        Condition,
        Trials,
        Limit,
        Sham,
        Yoked,
        Action,
        StopCondition,
        Transition,
        State,
        Trial,
        Stimulus,
    )
    found: dict[str, str] = {}
    for model in (*models, *PROTOCOLS.importable().values()):
        for name, field in model.model_fields.items():
            found[field.alias or name] = field.description or ""
    return found


def about_place(draft: Draft, place: Place) -> str:
    """What the key at a place means; empty if that is not known."""
    section, key = place[0], str(next((part for part in reversed(place) if isinstance(part, str)), ""))
    if section == "protocol":
        return " ".join(_words().get(key, "").split())
    model: Any = Experiment
    if section in ("regions", "triggers") and len(place) > 2:
        kinds = REGIONS if section == "regions" else TRIGGERS.importable()
        model = kinds.get(str(draft.get((*place[:2], "type"))))
    fields = {field.alias or name: field for name, field in model.model_fields.items()} if model else {}
    return " ".join((fields[key].description or "").split()) if key in fields else ""


def completed(value: Any, choices: list[str]) -> Any:
    """A value with abbreviated names written out: `ne` is `neck` where no other name begins with it."""
    if isinstance(value, list):
        return [completed(item, choices) for item in value]
    if not isinstance(value, str) or value in choices:
        return value
    found = [name for name in choices if value and name.lower().startswith(value.lower())]
    return found[0] if len(found) == 1 else value


def substitute(draft: Draft, known: Known, place: Place) -> Any:
    """A value that can stand in place of the template's, which does not fit; None if there is none."""
    value, choices = draft.get(place), draft.choices(place)
    if choices:
        if isinstance(value, list):
            return list(dict.fromkeys(_nearest(str(item), choices) for item in value))
        beside = [str(draft.get(leaf)) for leaf in draft.leaves(place[:-1]) if leaf != place]
        return _nearest(str(value), [name for name in choices if name not in beside] or choices)
    camera = str(draft.get(("camera",)))
    size = known.sizes.get(camera) or known.asked.get(camera)
    if size is None or place[0] != "regions":
        return None
    width, height = size
    return {
        "center": [width // 2, height // 2],
        "radius": min(width, height) // 4,
        "left": 0,
        "top": 0,
        "right": width - 1,
        "bottom": height - 1,
        "points": [[width // 4, height // 4], [3 * width // 4, height // 4], [width // 2, 3 * height // 4]],
    }.get(str(place[-1]))


def working_command(output: Any) -> tuple[str, dict[str, str]]:
    """An action with values that an output of the rig takes."""
    images = [str(item).partition("=")[0] for item in getattr(output, "images", None) or ()]
    tries = [("show", {"image": images[0]})] if images else []
    for action, values in [*tries, ("on", {}), ("pulse", {}), ("show", {})]:
        if output is None or output.check_command(action, values) is None:
            return action, values
    return "on", {}


def _nearest(name: str, choices: list[str]) -> str:
    return name if name in choices else nearest(name, choices) or choices[0]
