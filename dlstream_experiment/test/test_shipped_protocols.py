"""The protocols that come along, each against an independent telling of DeepLabStream's rules, or step by step."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import count

import pytest
from experiment_poses import brief, frame, individual, seconds
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_script import EXPERIMENTS, Script, shipped

from dlstream_experiment import Engine, load_experiment
from dlstream_experiment.protocols import Note


def walk_of(seed: int) -> list[tuple[bool | None, int]]:
    """Frames: what the trigger decided, if it did, and how many seconds after the one before."""
    chance = random.Random(seed)
    stay, value, walk = chance.choice([0.2, 0.6, 0.9]), False, []
    for _ in range(150):
        value = value if chance.random() < stay else not value
        walk.append((None if chance.random() < 0.1 else value, chance.choice([1, 1, 2, 3, 7])))
    return walk


walks = st.integers(0, 2**32).map(walk_of)


def decided(name: str, value: bool | None) -> dict[str, bool]:
    return {} if value is None else {name: value}


# Light within limits.


@dataclass
class Light:
    """DeepLabStream's optogenetic protocol, told by clocks; the longest time and the total hold on every frame."""

    shortest: int
    longest: int
    pause: int
    most: int
    session: int
    on_since: int | None = None
    off_since: int | None = None
    used: int = 0
    begun: int = 0
    over: bool = False

    def see(self, time: int, value: bool | None) -> None:
        used = self.used + (time - self.on_since if self.on_since is not None else 0)
        if time > self.session or used >= self.most:
            self.over, self.on_since = True, None
            return
        if self.on_since is not None:
            lasted = time - self.on_since
            if lasted > self.longest or (value is False and lasted >= self.shortest):
                self.used += lasted
                self.on_since, self.off_since = None, time
        elif value is True and (self.off_since is None or time - self.off_since > self.pause):
            self.on_since = time
            self.begun += 1


@pytest.mark.parametrize(
    ("name", "trigger", "rules"),
    [
        ("optogenetic", "points_there", {"shortest": 1, "longest": 5, "pause": 15, "most": 600, "session": 1800}),
        ("base_optogenetic", "condition", {"shortest": 3, "longest": 10, "pause": 40, "most": 500, "session": 3600}),
        ("optogenetic", "points_there", {"shortest": 1, "longest": 5, "pause": 15, "most": 12, "session": 99}),
    ],
)
@given(walk=walks)
@settings(max_examples=60, deadline=None)
def test_light_goes_on_and_off_by_the_rules_at_every_frame(name, trigger, rules, walk):
    stops = [{"longer_than": rules["session"]}, {"stimulated": "laser", "reaches": rules["most"]}]
    script, light = Script(shipped(name, stop=stops, limits={"laser": {"session": rules["most"]}})), Light(**rules)
    time = 0
    for value, pause in walk:
        time += pause
        script.frame(time, **decided(trigger, value))
        light.see(time, value)
        assert (script.ended is not None) == light.over
        if light.over:
            return
        assert ("laser" in script.on) == (light.on_since is not None)
        assert script.protocol.counts == {"stimulations": light.begun}


def test_the_files_have_deeplabstreams_limits():
    for name, (total, session) in {"optogenetic": (600, 1800), "base_optogenetic": (500, 3600)}.items():
        content = shipped(name).model_dump(by_alias=True)
        assert content["limits"] == {"laser": {"stimulus": None, "session": total}}
        assert content["stop"][0]["longer_than"] == session
        assert (content["stop"][1]["stimulated"], content["stop"][1]["reaches"]) == ("laser", total)


def test_optogenetic_at_its_boundaries():
    script = Script(shipped("optogenetic"))
    script.frame(1, points_there=True)
    script.frame(1.99, points_there=False)  # less than 1 s: stays on
    script.frame(2, points_there=False)  # not less than 1 s: off
    script.frame(17, points_there=True)  # 15 s are not more than 15 s
    script.frame(17.01, points_there=True)
    script.frame(22.01, points_there=True)  # 5 s are not more than 5 s
    script.frame(22.02, points_there=True)
    assert script.said == ["1: on laser on", "2: off laser", "17.01: on laser on", "22.02: off laser"]


def test_optogenetic_ends_by_its_time_with_the_light_off():
    script = Script(shipped("optogenetic"))
    script.frame(1799, points_there=True)
    script.frame(1800, points_there=True)
    assert script.ended is None
    script.frame(1800.01, points_there=True)
    assert script.ended == "more than 1800 s since start"
    assert script.on == {}


def test_optogenetic_light_goes_off_in_time_where_the_animal_is_not_seen():
    script = Script(shipped("optogenetic"))
    script.frame(1, points_there=True)
    for time in (2, 3, 4, 5, 6, 6.5):
        script.frame(time)
    assert script.said == ["1: on laser on", "6.5: off laser"]


# While, or when, the animal is somewhere.


@dataclass
class Conditional:
    """BaseConditionalExperiment told again: what is counted, and what is on."""

    until: int = 40
    most: int = 40
    session: int = 3600
    supply: bool = False
    event: int | None = None
    inside: bool = False
    begun: int = 0
    over: bool = False

    def see(self, time: int, value: bool | None) -> None:
        if time > self.session or self.begun >= self.most:
            self.over = True
            return
        if value is not None and not value:
            self.inside = False
        if value and (self.event is None or time - self.event > self.until):
            self.event, self.inside = time, True
            self.begun += 1

    def on(self, time: int) -> bool:
        if self.supply:
            return self.event is not None and time - self.event < 3.5
        return self.inside


@pytest.mark.parametrize(("name", "supply"), [("base_conditional", False), ("base_conditional_supply", True)])
@given(walk=walks, most=st.sampled_from([2, 40]))
@settings(max_examples=60, deadline=None)
def test_the_conditional_base_follows_its_rules_at_every_frame(name, supply, walk, most):
    stops = [{"longer_than": 3600}, {"if": f"stimulations >= {most}"}]
    script, rules = Script(shipped(name, stop=stops)), Conditional(most=most, supply=supply)
    output = "reward" if supply else "laser"
    time = 0
    for value, pause in walk:
        time += pause
        script.frame(time, **decided("condition", value))
        rules.see(time, value)
        assert (script.ended is not None) == rules.over
        if rules.over:
            return
        assert (output in script.on) == rules.on(time)
        assert script.protocol.counts == {"stimulations": rules.begun}


def test_the_conditional_base_stays_off_after_leaving_in_the_inter_trial_time():
    script = Script(shipped("base_conditional"))
    for time, inside in [(1, True), (3, False), (20, True), (41, True), (41.5, True)]:
        script.frame(time, condition=inside)
    assert script.said == ["1: on laser on", "3: off laser", "41.5: on laser on"]


@pytest.mark.parametrize("name", ["base_conditional", "base_conditional_supply"])
def test_the_conditional_base_ends_on_the_frame_after_the_fortieth(name):
    script = Script(shipped(name))
    for time in count(1):
        script.frame(time, condition=True)
        if script.protocol.counts["stimulations"] == 40:
            break
    assert time == 1 + 39 * 41, "one every 41 s on frames a second apart: 40 s are not more than 40 s"
    script.frame(time + 1, condition=True)
    assert script.ended == "stimulations >= 40"


def test_speed_switches_with_the_trigger_and_ends_by_its_time():
    script = Script(shipped("speed"))
    for time, value in [(1, False), (2, True), (3, True), (4, False), (5, True)]:
        script.frame(time, runs=value)
    script.frame(600)
    assert script.ended is None
    script.frame(600.1, runs=True)
    assert script.said == [
        "2: on laser on",
        "4: off laser",
        "5: on laser on",
        "600.1: end: more than 600 s since start",
    ]
    assert script.protocol.counts == {"runs": 2}


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
    assert began == time - 0.5, "as the twentieth visit begins"
    script.frame(began + 600, green_2=True, blue_2=False)
    assert script.on == {"screen": "show image=left"}
    script.frame(began + 600.1, green_2=True, blue_2=False)
    assert script.ended == "stage 2 took longer than 600 s"


def test_one_stage_alone_ends_on_the_tenth_visit_of_both_or_after_600_seconds():
    script = Script(shipped("staged_single"))
    for number in range(10):
        script.frame(number * 4 + 1, at_green=True, at_blue=False)
        assert script.on == {"screen": "show image=left"}
        script.frame(number * 4 + 2, at_green=True, at_blue=True)
        assert script.on == {"screen": "show image=left"}, "the place that it came to first stays"
        script.frame(number * 4 + 3, at_green=False, at_blue=True)
        assert script.on == ({"screen": "show image=right"} if number < 9 else {}), "without a gap"
        if number < 9:
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


# All of them.

ALL = sorted(path.stem for path in EXPERIMENTS.glob("*.yaml"))


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_odd_about_what_comes_along(name):
    assert shipped(name).findings() == []


@pytest.mark.parametrize("name", ALL)
def test_every_one_tells_itself_and_draws_itself(name):
    made = shipped(name)
    text = " ".join(made.in_words())
    for _, trigger in made.triggers_used():
        assert trigger in text
    for _, stimulus in made.stimuli_used():
        assert stimulus.output in text
    diagram = made.diagram()
    boxes = {box.name for box in diagram.boxes}
    assert len(boxes) == len(diagram.boxes)
    assert all({arrow.start, arrow.end} <= boxes for arrow in diagram.arrows)
    assert [box.kind for box in diagram.boxes].count("start") == 1
    assert "end" in boxes


@pytest.mark.parametrize("name", ["base_conditional", "reward_pretraining"])
def test_a_run_that_ended_can_be_started_again_and_goes_the_same_way(name):
    engine = Engine(load_experiment(EXPERIMENTS / f"{name}.yaml"))
    ways = []
    for begin in (0, 10_000):
        said = brief(engine.start(seconds(begin)))
        for number in range(5000):
            place = (570, 63) if number % 3 else (648, 38)
            said += brief(engine.poses(frame(begin + number, individual([place, (550, 63)]))))
        assert not engine.running
        assert said[-1].startswith("experiment_ended")
        ways.append(said)
    assert ways[0] == ways[1]
    assert len(ways[0]) > 40
