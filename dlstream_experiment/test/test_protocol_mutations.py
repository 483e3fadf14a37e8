"""Files with random changes: accepted, or refused with a line; never a traceback."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_script import EXPERIMENTS
from protocol_text import TEXT

from dlstream_common import InputError
from dlstream_experiment import Engine, check_experiment, load_experiment

# Anything else.

WORDS = [
    "go",
    "when",
    "after",
    "end",
    "trial",
    "ready",
    "lit",
    "laser",
    "0",
    "-1",
    "1e9",
    "true",
    "null",
    "[]",
    "{}",
    "~",
    "*x",
]
WORDS += ["hits >= 1", "{uniform: [1, 2]}", "'", "\\"]
SHIPPED = sorted(EXPERIMENTS.glob("*.yaml"))


def mutated(seed: int, count: int) -> str:
    """One of the files with pieces removed, doubled, exchanged or replaced, as a person's slips would."""
    chance = random.Random(seed)
    text = chance.choice([TEXT, TEXT, *(path.read_text() for path in SHIPPED)])
    for _ in range(count):
        lines = text.splitlines()
        index = chance.randrange(len(lines))
        kind = chance.randrange(6)
        if kind == 0:
            del lines[index]
        elif kind == 1:
            lines.insert(index, chance.choice(lines))
        elif kind == 2:
            lines[index] = "  " * chance.randrange(4) + lines[index].lstrip()
        else:
            parts = lines[index].replace("{", " { ").replace("}", " } ").replace(",", " , ").split(" ")
            place = chance.randrange(len(parts))
            parts[place] = chance.choice(WORDS) if kind < 5 else ""
            lines[index] = " ".join(parts)
        text = "\n".join(lines) + "\n"
    return text


@pytest.mark.filterwarnings("ignore::ruamel.yaml.error.ReusedAnchorWarning")
@given(st.integers(0, 2**32), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_a_mutated_file_is_accepted_or_refused_with_a_line(tmp_path_factory, seed, count):
    path = tmp_path_factory.getbasetemp() / "mutated.yaml"
    path.write_text(mutated(seed, count), encoding="utf-8")
    try:
        experiment = load_experiment(path)
    except InputError as error:
        assert error.problems
        assert any(problem.line for problem in error.problems)
    else:
        check_experiment(experiment)
        assert experiment.protocol.in_words()
        experiment.protocol.diagram()
        engine = Engine(experiment)
        engine.start(10**18)
        for number in range(20):
            engine.tick(10**18 + number * 2 * 10**9)
        engine.stop(10**18 + 41 * 10**9, "enough")
