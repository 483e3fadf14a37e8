"""Random valid experiments and what an animal, an operator and a clock might do to them.

Triggers are made from the registry alone: a new type takes part by being there. Protocols are those of the shipped
experiment files, with other numbers in them.
"""

from __future__ import annotations

import json
import math
import random
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML

from dlstream_common import FramePoses, Individual, InputError
from dlstream_common.plugins import own_parts_only
from dlstream_experiment import Experiment, load_experiment
from dlstream_experiment.model.regions import REGIONS
from dlstream_experiment.model.triggers import TRIGGERS
from dlstream_experiment.runtime.inputs import Fault, Input, Poses, Start, Stop, Tick, Value

FILES = sorted((Path(__file__).resolve().parents[2] / "config" / "experiments").glob("*.yaml"))
SECOND = 1_000_000_000
NOON = 1_700_000_000 * SECOND
KEYPOINTS = ("snout", "leftear", "rightear", "neck", "tailbase")
with own_parts_only():  # whoever runs the tests may have installed others
    _TRIGGERS = list(TRIGGERS)
_WORDS = {"message": "std_msgs/msg/Float64", "topic": "/scale", "field": "data", "individual": "any"}


class Impossible(Exception):
    """A setting of which no random one can be made, such as a file."""


class Maker:
    """Makes settings by their annotations."""

    def __init__(self, rng: random.Random, regions: list[str]) -> None:
        self.rng, self.regions, self.triggers = rng, regions, list[str]()

    def settings(self, model: type[BaseModel], most: bool = False) -> dict[str, Any]:
        """Values for a model's fields; of those with a default some."""
        values: dict[str, Any] = {}
        for name, field in model.model_fields.items():
            if field.is_required() or self.rng.random() < (0.7 if most else 0.35):
                try:
                    values[name] = self.value(field.annotation, tuple(field.metadata), name)
                except Impossible:
                    if field.is_required():
                        raise
        return {name: value for name, value in values.items() if value is not None}

    def value(self, annotation: Any, metadata: tuple[Any, ...], name: str) -> Any:
        rng, origin = self.rng, get_origin(annotation)
        if origin is Annotated:
            inner, *more = get_args(annotation)
            return self.value(inner, (*metadata, *more), name)
        if origin is Literal:
            return rng.choice(get_args(annotation))
        if origin in (Union, UnionType):
            return self.value(rng.choice(get_args(annotation)), metadata, name)
        if annotation is type(None):
            return None
        if annotation is bool:
            return rng.random() < 0.5
        if annotation in (int, float):
            return self._number(annotation, metadata)
        if annotation is str:
            return self._word(name)
        if origin in (tuple, list):
            return self._several(annotation, metadata, name)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return self.settings(annotation)
        raise Impossible(f"{name}: {annotation}")

    def _several(self, annotation: Any, metadata: tuple[Any, ...], name: str) -> list[Any]:
        inner = get_args(annotation)
        if get_origin(annotation) is list or inner[-1] is Ellipsis:
            least = next((item.min_length for item in metadata if hasattr(item, "min_length")), 1)
            inner = (inner[0],) * max(self.rng.choice((1, 1, 2, 3)), least or 1)
        values = [self.value(item, (), name) for item in inner]
        return list(dict.fromkeys(values)) if all(isinstance(item, str) for item in values) else values

    def _number(self, kind: type, metadata: tuple[Any, ...]) -> float:
        low, high = -200.0, 400.0
        for item in metadata:
            for limit in (getattr(item, "ge", None), getattr(item, "gt", None)):
                low = low if limit is None else max(low, float(limit))
            for limit in (getattr(item, "le", None), getattr(item, "lt", None)):
                high = high if limit is None else min(high, float(limit))
        high = self.rng.choice([high, min(high, low + 2), min(high, low + 30)])
        value = self.rng.uniform(low, high)
        return math.ceil(value) if kind is int else round(value, 3)

    def _word(self, name: str) -> str:
        if "region" in name:
            return self.rng.choice(self.regions)
        if "trigger" in name or name in ("of", "all", "first", "then", "steps"):
            if not self.triggers:
                raise Impossible("no trigger yet")
            return self.rng.choice(self.triggers)
        if name == "camera":
            return "top"
        return _WORDS.get(name) or self.rng.choice(KEYPOINTS)


def experiment(rng: random.Random) -> Experiment:
    """A valid experiment, of one of the shipped ones, with random regions, triggers and numbers."""
    while True:
        made = _attempt(rng)
        if made is not None:
            return made


def _attempt(rng: random.Random) -> Experiment | None:
    data = YAML(typ="safe").load(rng.choice(FILES).read_text(encoding="utf-8"))
    data["camera"] = "top"
    maker = Maker(rng, list(data.get("regions") or {}) or ["somewhere"])
    data["regions"] = {name: _region(maker) for name in maker.regions}
    triggers: dict[str, Any] = {}
    for name in [*data["triggers"], *(f"extra_{number}" for number in range(rng.choice((0, 1, 4))))]:
        triggers[name] = trigger(maker, rng.choice(_TRIGGERS))
        maker.triggers.append(name)
    data["triggers"] = triggers
    data["protocol"] = _other_numbers(data["protocol"], rng)
    data["pose_timeout"] = rng.choice((0.2, 1.0, 3.0))
    if rng.random() < 0.3:
        data["seed"] = rng.randrange(1000)
    return valid(data)


def valid(data: Mapping[str, Any]) -> Experiment | None:
    """The experiment of this data, where it is one."""
    try:
        Experiment.model_validate(data)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "experiment.yaml"
            path.write_text(json.dumps(data), encoding="utf-8")  # JSON is YAML
            return load_experiment(path)
    except (ValidationError, ValueError, InputError):
        return None


def trigger(maker: Maker, kind: str) -> dict[str, Any]:
    """A valid trigger of a type; a plain one of a region where none comes out of many attempts."""
    for _ in range(60):
        try:
            values = maker.settings(TRIGGERS[kind], most=maker.rng.random() < 0.5) | {"type": kind}
            TRIGGERS[kind].model_validate(values)
        except (Impossible, ValidationError, ValueError):
            continue
        return values
    return {"type": "region", "region": maker.regions[0], "keypoints": ["neck"]}


def _region(maker: Maker) -> dict[str, Any]:
    x, y, size = (maker.rng.uniform(50, 300) for _ in range(3))
    circle = {"type": "circle", "center": [x, y], "radius": size}
    for _ in range(20):
        kind = maker.rng.choice(list(REGIONS))
        try:
            values = maker.settings(REGIONS[kind]) | {"type": kind}
            REGIONS[kind].model_validate(values)
        except (Impossible, ValidationError, ValueError):
            continue
        return values
    return circle


def _other_numbers(value: Any, rng: random.Random) -> Any:
    """The same with durations and counts that fit into some seconds."""
    if isinstance(value, dict):
        return {key: _other_numbers(item, rng) for key, item in value.items()}
    if isinstance(value, list):
        return [_other_numbers(item, rng) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, int):
        return rng.choice((value, min(value, 2), min(value, 5)))
    return round(value * rng.choice((1.0, 0.1, 0.02)), 4)


def inputs(rng: random.Random, frames: int = 120, clock_is_set: bool = False) -> list[Input]:
    """What might come in, in order: poses that walk, vanish, come late or not at all, ticks, values, operators."""
    made: list[Input] = [Start(NOON, rng.randrange(2**32))]
    animals = rng.choice((1, 1, 2, 4))
    places = np.array([[rng.uniform(50, 300), rng.uniform(50, 300)] for _ in range(animals)])
    stamp = NOON
    for number in range(frames):
        stamp += rng.choice((33_000_000,) * 20 + (100_000_000, 700_000_000, 2_500_000_000))
        if clock_is_set and rng.random() < 0.02:
            stamp -= rng.choice((400_000_000, 3_000_000_000, 60_000_000_000))
        last = made[-1]
        clock = last.arrived if isinstance(last, Poses) else last.stamp
        made += [Tick(time) for time in range((clock or stamp) + 50_000_000, stamp, 50_000_000)]
        places += np.array([[rng.gauss(0, 20), rng.gauss(0, 20)] for _ in range(animals)])
        poses = FramePoses(
            "top",
            number,
            stamp,
            KEYPOINTS,
            tuple(_animal(rng, f"animal_{index}", place) for index, place in enumerate(places) if rng.random() < 0.95),
            stale=rng.random() < 0.01,
        )
        made.append(Poses(poses, stamp + rng.choice((5_000_000, 20_000_000, 30_000_000))))
        if rng.random() < 0.1:
            made.append(Value(stamp + 31_000_000, "/scale:data", rng.choice((rng.uniform(-100, 100), math.nan))))
        if rng.random() < 0.01:
            made.append(Fault(stamp + 32_000_000, "screen", "no answer"))
        if rng.random() < 0.01:
            made.append(Stop(stamp + 32_000_000, "stopped by the operator"))
            made.append(Start(stamp + 32_500_000, rng.randrange(2**32)))
    return [*made, Stop(stamp + SECOND, "stopped by the operator")]


def _animal(rng: random.Random, name: str, place: Any) -> Individual:
    points = np.array([place + [rng.gauss(0, 15), rng.gauss(0, 15)] for _ in KEYPOINTS], np.float32)
    confidence = np.array([rng.choice((1.0, 0.9, rng.random())) for _ in KEYPOINTS], np.float32)
    if rng.random() < 0.05:
        points[rng.randrange(len(KEYPOINTS))] = np.nan
    return Individual(name, points[:, 0].copy(), points[:, 1].copy(), confidence, rng.random())
