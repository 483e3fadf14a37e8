"""Mutated experiment files: each is accepted whole, or refused with a line for every problem. Never anything else.

DLSTREAM_MUTATIONS says how many are tried; 10000 take some minutes.
"""

from __future__ import annotations

import io
import os
import random
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dlstream_common import InputError
from dlstream_experiment import check_experiment, load_experiment
from dlstream_experiment.runtime.protocols import create_protocol
from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet

EXPERIMENTS = sorted((Path(__file__).parents[2] / "config" / "experiments").rglob("*.yaml"))
COUNT = int(os.environ.get("DLSTREAM_MUTATIONS", "300"))
SCALARS: list[Any] = [
    *(None, True, False, 0, -1, 1, 3.5, 1e9, 10**30, float("inf"), float("nan")),
    *(
        "",
        "any",
        "all",
        "end",
        "trial",
        "top",
        "neck",
        "screen",
        "show",
        "off",
        "region",
        "circle",
        "states",
        "0 to 10",
    ),
    *([], {}, [[]], [1, 2], {"type": "region"}, "x" * 5000, "\u00e9\u00df", "a: b", "*x", "!!python/name:os.system"),
]
TEXTS = [
    "{",
    "}",
    "[",
    "]",
    ": ",
    "\n",
    "\t",
    "- ",
    "# ",
    "&a ",
    "*a",
    "? ",
    "| ",
    "'",
    '"',
    "---\n",
    "<<: ",
    "!x ",
    "%",
]


def places(data: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of everything below the top."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*place, key)
        yield from places(value, (*place, key))


def mutate(data: Any, chance: random.Random) -> None:
    """One key or value deleted, doubled, renamed, retyped, moved or changed."""
    found = list(places(data))
    if not found:
        return
    *outer, key = chance.choice(found)
    parent = data
    for part in outer:
        parent = parent[part]
    kind = chance.randrange(7)
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, dict):
        parent[f"{key}{chance.choice(['', '_', 's', ' 2'])}" if chance.random() < 0.7 else str(key)[:-1]] = parent[key]
    elif kind == 2 and isinstance(parent, list):
        parent.append(parent[key])
    elif kind == 3 and isinstance(parent, dict):
        parent[str(key)[:-1] or "k"] = parent.pop(key)
    elif kind == 4:
        parent[key] = [parent[key]] if chance.random() < 0.5 else {"value": parent[key]}
    elif kind == 5:
        *other, name = chance.choice(found)
        source = data
        for part in other:
            source = source[part]
        parent[key] = source[name] if not isinstance(source[name], (dict, list)) else str(source[name])[:50]
    else:
        value = parent[key]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        parent[key] = (
            value * chance.choice([-1, 1000, 0.001])
            if number and chance.random() < 0.5
            else deepcopy(chance.choice(SCALARS))  # or a later change would be one of all files to come
        )


def text_of(seed: int) -> str:
    """A mutated file."""
    chance = random.Random(seed)
    text = chance.choice(EXPERIMENTS).read_text(encoding="utf-8")
    if chance.random() < 0.8:
        data = YAML(typ="safe", pure=True).load(text)
        for _ in range(chance.choice([1, 1, 1, 2, 3, 6])):
            mutate(data, chance)
        stream = io.StringIO()
        yaml = YAML(typ="safe", pure=True)
        yaml.sort_base_mapping_type_on_output = False
        yaml.dump(data, stream)
        text = stream.getvalue()
    for _ in range(chance.choice([0, 0, 0, 1, 2])):
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(TEXTS) + text[at + chance.choice([0, 0, 3, 40]) :]
    return text


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ruamel.yaml.error.ReusedAnchorWarning")
def test_every_mutated_file_is_accepted_or_refused_with_a_line(tmp_path: Path):
    path = tmp_path / "mutated.yaml"
    accepted = 0
    for seed in range(COUNT):
        path.write_text(text_of(seed), encoding="utf-8")
        try:
            experiment = load_experiment(path)
            check_experiment(experiment)
        except InputError as error:
            assert error.problems, seed
            for problem in error.problems:
                assert problem.line, (seed, str(error))
                assert problem.expected, (seed, str(error))
                assert "Input should" not in str(problem), (seed, str(error))
                assert "found found" not in str(problem), (seed, str(error))
        except Exception as error:  # the point of the test, told with the seed
            pytest.fail(f"seed {seed}: {type(error).__name__}: {error}")
        else:
            accepted += 1
            assert experiment.protocol.in_words()
            assert experiment.protocol.diagram().boxes
            assert all(trigger.in_words() for trigger in experiment.triggers.values())
            create_protocol(experiment.protocol)
            TriggerSet(experiment.triggers, experiment.context)
    assert COUNT / 50 < accepted < COUNT * 0.8, "neither all nor none"
