"""The protocols of trials, stages and rewards that come along, step by step."""

from __future__ import annotations

import pytest
from protocol_script import Script, shipped

from dlstream_experiment.model.protocols import Note

# Trials with a current one and a lock-out: the rules are those of region_trials, which has its own tests.


@pytest.mark.parametrize(
    ("name", "trigger", "lockout", "hits", "time"),
    [
        ("multiple_animals", "in_green", 10, 10, 600),
        ("social_interaction", "near", 10, 999, 600),
        ("behaviour_pool", "behaviour", 0, 999, 9999),
        ("behaviour_class", "behaviour", 10, 10, 600),
    ],
)
def test_trials_with_a_lockout_have_deeplabstreams_numbers(name, trigger, lockout, hits, time):
    script = Script(shipped(name))
    script.frame(1, **{trigger: True})
    assert "screen" in script.on
    script.frame(2, **{trigger: False})
    assert script.on == {}
    script.frame(2 + lockout, **{trigger: True})
    assert script.on == {}, "the lock-out runs while not more time has passed"
    script.frame(2.1 + lockout, **{trigger: True})
    assert "screen" in script.on
    (trial,) = script.protocol.counts
    assert script.protocol.counts == {trial: 2}

    script = Script(shipped(name, max_time=1e6))
    for number in range(hits):
        script.frame(100 * number, **{trigger: True})
        if number < hits - 1:
            script.frame(100 * number + 50, **{trigger: False})
    assert script.ended is None
    script.frame(100 * hits, **{trigger: True})
    assert script.ended is None, "the last one lasts until the animal leaves"
    assert "screen" in script.on
    script.frame(100 * hits + 1, **{trigger: False})
    assert script.ended == f"trial '{trial}' was started {hits} times"

    script = Script(shipped(name))
    script.frame(time, **{trigger: True})
    assert script.ended is None
    script.frame(time + 0.1, **{trigger: True})
    assert script.ended == f"{time} s are over"


# Stages.


def visit(script: Script, begin: float, *triggers: str) -> float:
    """Comes to each of these and leaves again, half a second each; the time afterwards."""
    everything = {"green": False, "blue": False}
    for trigger in triggers:
        place, _, stage = trigger.rpartition("_")
        for value in (True, False):
            begin += 0.5
            if script.ended is None:
                script.frame(begin, **{f"{name}_{stage}": value and name == place for name in everything})
    return begin


def test_the_stages_follow_each_other_when_both_places_have_been_visited_ten_times():
    script = Script(shipped("staged"))
    time = visit(script, 0, *["green_1", "blue_1"] * 9, "green_1")
    assert script.protocol.counts == {"green": 10, "blue": 9}
    assert script.protocol.state == "search_1"
    time = visit(script, time, *["green_1"] * 3)
    assert script.protocol.state == "search_1", "ten of each, not twenty in all"
    time = visit(script, time, "blue_1")
    assert script.protocol.state == "search_2"
    assert script.protocol.counts == {"green": 0, "blue": 0}
    assert script.on == {}
    time = visit(script, time, "green_1")
    assert script.protocol.counts == {"green": 0, "blue": 0}, "the first stage's conditions no longer count"
    time = visit(script, time, *["green_2", "blue_2"] * 10)
    assert script.protocol.state == "search_3"
    visit(script, time, *["green_3", "blue_3"] * 10)
    assert script.ended == "all three stages are done"


def test_each_stage_has_600_seconds():
    script = Script(shipped("staged"))
    time = visit(script, 500, *["green_1", "blue_1"] * 10)
    began = next(at for at, step in script.steps if isinstance(step, Note) and step.name == "stage_2")
    assert began == time, "as the twentieth visit ends"
    script.frame(began + 600, green_2=True, blue_2=False)
    assert script.on == {"screen": "show image=left"}
    script.frame(began + 600.1, green_2=True, blue_2=False)
    assert script.ended == "stage 2 took longer than 600 s"


def test_one_stage_alone_ends_with_the_tenth_visit_of_both_or_after_600_seconds():
    script = Script(shipped("staged_single"))
    for number in range(10):
        script.frame(number * 4 + 1, at_green=True, at_blue=False)
        assert script.on == {"screen": "show image=left"}
        script.frame(number * 4 + 2, at_green=True, at_blue=True)
        assert script.on == {"screen": "show image=left"}, "the place that it came to first stays"
        script.frame(number * 4 + 3, at_green=False, at_blue=True)
        assert script.on == {"screen": "show image=right"}, "without a gap, and the last one too"
        script.frame(number * 4 + 4, at_green=False, at_blue=False)
    assert script.ended == "the stage is done"
    assert script.protocol.counts == {"green": 10, "blue": 10}

    script = Script(shipped("staged_single"))
    script.frame(600, at_green=True, at_blue=False)
    assert script.ended is None
    script.frame(600.1)
    assert script.ended == "more than 600 s since start"


# Rewards.


def test_reward_pretraining_waits_for_the_taking_and_for_the_leaving():
    script = Script(shipped("reward_pretraining"), seed=4, states=True)
    script.frame(10, at_port=False)
    assert script.protocol.state == "first_pause", "10 s are not more than 10 s"
    script.frame(11, at_port=True)
    assert script.protocol.state == "away", "at the port: no reward yet"
    script.frame(12, at_port=False)
    assert script.on == {"reward": "on"}
    script.frame(15.4, at_port=False)
    assert script.on == {"reward": "on"}
    script.frame(15.5, at_port=False)
    assert script.on == {}
    script.frame(500, at_port=False)
    assert script.protocol.state == "offered", "it waits to be taken"
    script.frame(501, at_port=True)
    pause = next(step for _, step in reversed(script.steps) if isinstance(step, Note) and step.name == "pause")
    drawn = float(pause.values["drawn.0"])
    assert drawn == int(drawn)
    assert 0 <= drawn <= 31
    script.frame(501 + drawn, at_port=False)
    assert script.protocol.counts == {"rewards": 1}
    script.frame(501.1 + drawn, at_port=True)
    assert script.protocol.counts == {"rewards": 1}, "the snout is at the port"
    script.frame(501.2 + drawn)
    assert script.protocol.counts == {"rewards": 1}, "not seen is not away"
    script.frame(501.3 + drawn, at_port=False)
    assert script.protocol.counts == {"rewards": 2}


def test_reward_pretraining_counts_a_reward_as_taken_while_the_pump_runs():
    script = Script(shipped("reward_pretraining"))
    script.frame(11, at_port=False)
    script.frame(12, at_port=True)
    assert script.protocol.state == "pause"
    assert script.on == {"reward": "on"}, "and the pump goes on"
    script.frame(14.5, at_port=True)
    assert script.on == {}


def test_reward_pretraining_ends_after_the_pause_of_the_thirtieth():
    script = Script(shipped("reward_pretraining", stop=[]), seed=11)
    time = 10.0
    while script.ended is None and time < 5000:
        time += 0.5
        offered = script.protocol.state == "offered" and "reward" not in script.on
        script.frame(time, at_port=offered)
    assert script.ended == "30 rewards were delivered"
    assert script.protocol.counts == {"rewards": 30}
    assert [word for word in script.said if "on reward" in word][-1] != script.said[-1]
    pauses = {
        float(step.values["drawn.0"]) for _, step in script.steps if isinstance(step, Note) and step.name == "pause"
    }
    assert len(pauses) > 8


def test_reward_pretraining_ends_by_its_time_and_never_leaves_the_pump_on():
    script = Script(shipped("reward_pretraining"))
    script.frame(1799, at_port=False)
    assert script.on == {"reward": "on"}
    script.frame(1800.1)
    assert script.ended == "more than 1800 s since start"
    assert script.on == {}


# Trials that the animal starts.


def test_base_trial_step_by_step():
    script = Script(shipped("base_trial"))
    script.frame(1, begin=False, task=True)
    script.frame(2, begin=True, task=False)  # a trial starts
    script.frame(5, begin=False, task=True)  # met
    script.frame(6, begin=False, task=False)
    script.frame(12, begin=False, task=False)  # 10 s: the picture goes, the trial has not lasted longer than that
    script.frame(12.5, begin=False, task=False)  # success
    script.frame(52.5, begin=True, task=True)  # the pause has not lasted longer than 40 s
    script.frame(53, begin=True, task=False)  # the next trial
    script.frame(62, begin=True, task=False)
    script.frame(63.5, begin=True, task=True)  # too late: failure
    script.frame(104, begin=False, task=True)
    assert script.said == [
        "2: trial_started trial",
        "2: on screen show image=left",
        "12: off screen",
        "12.5: trial_ended trial",
        "53: trial_started trial",
        "53: on screen show image=left",
        "63.5: trial_ended trial",
        "63.5: off screen",
    ]
    results = [step.values["result"] for _, step in script.steps if isinstance(step, Note) and "result" in step.values]
    assert results == ["success", "failure"]
    assert script.protocol.counts == {"success": 1, "failure": 1, "trials": 2, "trials_left": 38}
    assert script.protocol.state == "ready"


def run_trials(script: Script, task: bool) -> None:
    for time in range(1, 6001):
        if script.ended is None:
            script.frame(time, begin=True, task=task)


def test_base_trial_ends_with_the_twentieth_success_at_once():
    script = Script(shipped("base_trial"))
    run_trials(script, task=True)
    assert script.ended == "20 trials were successful"
    assert script.protocol.counts == {"success": 20, "failure": 0, "trials": 20, "trials_left": 20}
    assert script.said[-2].partition(": ")[2] == "trial_ended trial"


def test_base_trial_ends_after_the_pause_of_the_fortieth_trial():
    script = Script(shipped("base_trial"))
    run_trials(script, task=False)
    assert script.ended == "all trials are done"
    assert script.protocol.counts == {"success": 0, "failure": 40, "trials": 40, "trials_left": 0}
    ended = [float(word.partition(":")[0]) for word in script.said if "trial_ended" in word]
    assert float(script.said[-1].partition(":")[0]) == ended[-1] + 41


def test_base_trial_ends_by_its_time():
    script = Script(shipped("base_trial"))
    script.frame(6000, begin=True, task=True)
    assert script.ended is None
    script.frame(6000.1, begin=True, task=True)
    assert script.ended == "more than 6000 s since start"
