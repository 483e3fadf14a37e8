"""Second-order conditioning, step by step."""

from __future__ import annotations

from itertools import count

import pytest
from protocol_script import Script, shipped

from dlstream_experiment.model.protocols import Note

# Second-order conditioning.


def next_trial(name: str) -> tuple[Script, str]:
    """A run whose first trial is of this kind, begun at 41 s."""
    for seed in count():
        script = Script(shipped("second_order_conditioning"), seed=seed)
        script.frame(40, faces_screen=True, at_port=False)
        assert script.said == [], "40 s are not more than 40 s"
        script.frame(40.5, faces_screen=False, at_port=False)
        assert script.said == [], "it waits for the animal to face the screen"
        script.frame(41, faces_screen=True, at_port=False)
        if f"41: trial_started {name}" in script.said:
            script.said.clear()
            return script, name
    raise AssertionError


def test_cs_plus_visited_and_collected():
    script, _ = next_trial("cs_plus")
    for time, port in [(44, True), (45, False), (48, False), (48.1, False), (50, True), (51, False), (51.6, False)]:
        script.frame(time, at_port=port, faces_screen=False)
    assert script.said == ["48.1: on reward on", "51: off screen", "51.6: off reward"]
    script.frame(58.1, at_port=False, faces_screen=False)
    assert script.protocol.state == "plus_collected"
    script.frame(58.2, at_port=False, faces_screen=False)
    assert script.said[-1] == "58.2: trial_ended cs_plus"
    assert script.protocol.counts["success"] == script.protocol.counts["plus_success"] == 1
    assert script.protocol.counts["withdrawals"] == 0


def test_cs_plus_not_visited_and_not_collected_is_rewarded_all_the_same_and_withdrawn():
    script, _ = next_trial("cs_plus")
    for time in (48.1, 51, 51.6, 58.1, 58.2, 61.6, 61.7):
        script.frame(time, at_port=False, faces_screen=True)
    assert script.said == [
        "48.1: on reward on",
        "51: off screen",
        "51.6: off reward",
        "58.2: on withdrawal on",
        "61.7: trial_ended cs_plus",
        "61.7: off withdrawal",
    ]
    assert script.protocol.counts["failure"] == 1
    assert script.protocol.counts["withdrawals"] == 1


def test_a_visit_in_the_success_window_does_not_collect():
    script, _ = next_trial("cs_plus")
    script.frame(47, at_port=True)
    script.frame(48.1, at_port=False)
    script.frame(58.2, at_port=False)
    assert script.on == {"withdrawal": "on"}


@pytest.mark.parametrize("visits", [False, True])
def test_cs_minus_is_a_success_when_the_port_was_never_visited_in_its_window(visits):
    script, _ = next_trial("cs_minus")
    script.frame(47, at_port=visits)
    script.frame(48.1, at_port=False)
    assert script.on == {"screen": "show image=right", "shock": "on"}
    script.frame(51.6, at_port=True)
    assert script.on == {}, "a visit after the window changes nothing"
    script.frame(58.2, at_port=True)
    counts = script.protocol.counts
    assert (counts["success"], counts["minus_success"], counts["failure"]) == ((0, 0, 1) if visits else (1, 1, 0))
    assert script.protocol.state == "pause"


def run_conditioning(seed: int, at_port: bool, **changes: object) -> Script:
    script = Script(shipped("second_order_conditioning", **changes), seed=seed)
    time = 0.0
    while script.ended is None and time < 20_000:
        time += 0.5
        script.frame(time, faces_screen=True, at_port=at_port)
    return script


@pytest.mark.parametrize("seed", [1, 2])
def test_conditioning_ends_with_its_list_and_pauses_are_whole_seconds_from_10_to_41(seed):
    script = run_conditioning(seed, at_port=False, stop=[])
    assert script.ended == "all trials are done"
    assert script.protocol.counts["trials"] == 40
    pauses = [
        float(step.values["drawn.0"]) for _, step in script.steps if isinstance(step, Note) and step.name == "pause"
    ]
    assert len(pauses) == 40
    assert all(10 <= pause <= 41 and pause == int(pause) for pause in pauses)
    assert min(pauses) < 18 < 33 < max(pauses)
    kinds = {word.partition("started ")[2] for word in script.said if "trial_started" in word}
    assert kinds == {"cs_plus", "cs_minus"}


def test_conditioning_ends_after_twenty_successes_of_cs_plus():
    for seed in count():
        script = run_conditioning(seed, at_port=True, stop=[])
        counts = script.protocol.counts
        if counts["plus_success"] == 20 and counts["trials"] < 40:
            assert script.ended == "20 trials with cs_plus were successful"
            assert script.protocol.state == "ready", "after the pause"
            return


def test_conditioning_ends_by_its_time():
    script = run_conditioning(3, at_port=False, stop=[{"longer_than": 600}])
    assert script.ended == "more than 600 s since start"
    content = shipped("second_order_conditioning").model_dump()
    assert [stop["longer_than"] for stop in content["stop"]] == [3600]
