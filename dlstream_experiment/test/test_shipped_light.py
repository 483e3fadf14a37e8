"""The protocols that switch while, or when, a trigger is true, against DeepLabStream's rules told once more."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_script import Script, shipped


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
        done = self.event is not None and time - self.event > (3.5 if self.supply else self.until)
        if time > self.session or (self.begun >= self.most and done):
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
    last = {"if": f"stimulations >= {most}", "since": "stimulus", "longer_than": 3.5 if supply else 40}
    stops = [{"longer_than": 3600}, last]
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


@pytest.mark.parametrize(("name", "lasts"), [("base_conditional", 40), ("base_conditional_supply", 3.5)])
def test_the_conditional_base_ends_when_the_fortieth_has_lasted_as_long_as_the_others(name, lasts):
    script = Script(shipped(name))
    for time in count(1):
        script.frame(time, condition=True)
        if script.protocol.counts["stimulations"] == 40:
            break
    assert time == 1 + 39 * 41, "one every 41 s on frames a second apart: 40 s are not more than 40 s"
    script.frame(time + 1, condition=True)
    assert script.on, "it is not cut off"
    script.frame(time + lasts, condition=True)
    assert script.ended is None
    script.frame(time + lasts + 1, condition=True)
    assert script.ended == f"more than {lasts:g} s since stimulus and stimulations >= 40"


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
