"""The state machine: lists of trials."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_script import Script, machine

from dlstream_experiment.model.protocols import Note

# Trials.


def order(trials: dict[str, Any], seed: int = 0) -> list[str]:
    states = {"ready": [{"after": 1, "go": "trial"}], "one": [{"after": 1, "go": "ready"}]}
    conditions = {name: {"state": "one", **more} for name, more in trials.pop("conditions").items()}
    script = Script(machine(states, trials={"conditions": conditions, **trials}), seed)
    time = 0
    while script.ended is None:
        time += 1
        script.frame(time)
    assert script.ended == f"all {script.protocol.counts['trials']} trials are done"
    return [step.name for _, step in script.steps if isinstance(step, Note) and step.kind == "trial_started"]


def test_trial_lists():
    abc = {"a": {}, "b": {"times": 2}, "c": {}}
    assert order({"conditions": abc, "order": "fixed", "repeat": 2}) == list("abbcabbc")
    assert order({"conditions": abc, "order": "fixed", "sequence": ["c", "a", "c"]}) == list("cac")
    shuffled = order({"conditions": abc, "order": "shuffled", "repeat": 10})
    assert Counter(shuffled) == {"a": 10, "b": 20, "c": 10}
    assert shuffled != order({"conditions": abc, "order": "shuffled", "repeat": 10}, seed=1)
    blocked = order({"conditions": abc, "order": "blocked", "repeat": 10})
    blocks = ["".join(blocked[i : i + 4]) for i in range(0, 40, 4)]
    assert all(sorted(block) == list("abbc") for block in blocks)
    assert len(set(blocks)) > 3
    drawn = order({"conditions": abc, "order": "random", "length": 1000})
    assert len(drawn) == 1000
    assert 440 < drawn.count("b") < 560


@given(st.integers(0, 10**6), st.integers(1, 3), st.sampled_from(["shuffled", "blocked", "random"]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_no_more_in_a_row_than_allowed(seed, limit, kind, uneven):
    conditions: dict[str, Any] = {"a": {"times": 2 if uneven and limit > 1 else 1}, "b": {}, "c": {}}
    how = {"length": 60} if kind == "random" else {"repeat": 15}
    trials = order({"conditions": conditions, "order": kind, "max_in_a_row": limit, **how}, seed)
    assert max(len(list(group)) for _, group in groupby(trials)) <= limit
    if kind != "random":
        assert Counter(trials) == {name: 15 * item.get("times", 1) for name, item in conditions.items()}


def told(**trials: Any) -> str:
    """The sentence on these trials in the explanation of an experiment."""
    states = {"ready": [{"after": 1, "go": "trial"}], "one": [{"after": 1, "go": "ready"}]}
    two = {"b": {"state": "one", "times": 3}, "a": {"state": "ready"}}
    return machine(states, trials={"conditions": two, **trials}).in_words()[1]


def test_the_explanation_says_where_each_kind_of_trial_begins_and_how_often_it_comes():
    begin = "They begin: 'b' in the state 'one', 'a' in the state 'ready'."
    fixed = told(order="fixed", repeat=2)
    assert fixed == f"There are 8 trials: 'b' (3 times), 'a', 2 repetitions, in this order. {begin}"
    drawn = told(order="random", length=10, max_in_a_row=4)
    several = "'b' (3 of 4), 'a' (1 of 4); at most 4 of a kind in a row"
    assert drawn == f"There are 10 trials, each drawn by itself from {several}. {begin}"
    equal = told(order="random", length=10, conditions={name: {"state": "one"} for name in "ab"})
    assert "each drawn by itself from 'a', 'b'. They begin" in equal
    spelled = told(order="blocked", repeat=3, sequence=["b", "b"])
    assert spelled.endswith(
        "6 trials: the given sequence, 3 repetitions, each repetition mixed in itself. "
        "They begin: 'b' in the state 'one'."
    )


def test_a_result_is_counted_once_for_each_trial_and_not_without_one():
    states = {
        "ready": {
            "enter": [{"result": "success"}],
            "transitions": [{"when": "x", "is": "rose", "go": "trial"}],
        },
        "one": {
            "transitions": [{"after": 1, "do": [{"result": "success"}, {"result": "failure"}], "go": "ready"}],
        },
    }
    trials = {"conditions": {"only": {"state": "one"}}, "repeat": 3}
    script = Script(machine(states, trials=trials, stop=[{"after": 50}]))
    for time in range(1, 10):
        script.frame(time, x=time % 4 == 1)
    ended = [dict(step.values)["result"] for _, step in script.steps if getattr(step, "kind", "") == "trial_ended"]
    assert ended == ["success", "success"]
    assert script.protocol.counts == {"success": 2, "failure": 0, "trials": 3, "trials_left": 0}


def test_a_trial_ends_with_its_result_or_with_the_next_one_or_with_the_run():
    states = {
        "ready": [{"when": "x", "go": "trial"}],
        "one": [{"when": "y", "do": [{"result": "success"}], "go": "ready"}, {"when": "x", "is": False, "go": "ready"}],
    }
    script = Script(
        machine(states, trials={"conditions": {"only": {"state": "one"}}, "repeat": 3}, stop=[{"after": 10}])
    )
    script.frame(1, x=True)
    script.frame(3, y=True)
    script.frame(4, x=True)
    script.frame(5, x=False)
    script.frame(6, x=True)
    script.frame(10)
    trials = [
        (time, step.kind, dict(step.values))
        for time, step in script.steps
        if isinstance(step, Note) and step.name == "only"
    ]
    assert trials == [
        (1, "trial_started", {"trial": "1"}),
        (3, "trial_ended", {"trial": "1", "result": "success", "duration": "2.000000"}),
        (4, "trial_started", {"trial": "2"}),
        (6, "trial_ended", {"trial": "2", "result": "", "duration": "2.000000"}),
        (6, "trial_started", {"trial": "3"}),
        (10, "trial_ended", {"trial": "3", "result": "", "duration": "4.000000"}),
    ]
    assert script.protocol.counts == {"success": 1, "trials": 3, "trials_left": 0}
