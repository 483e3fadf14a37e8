"""State machines that are valid and can hardly be meant: what every check remarks."""

from __future__ import annotations

from itertools import pairwise

import pytest
from protocol_script import Script, machine, protocol, shipped

from dlstream_experiment.model.protocols import ProtocolSettings


def odd(**changes: object) -> list[str]:
    """What is found odd about a small state machine."""
    content = {"type": "states", "states": {"a": {"transitions": [{"after": 1, "go": "end"}]}}}
    made: ProtocolSettings = protocol(content | changes)
    return [f"{item.severity.value} {'.'.join(map(str, item.place))}: {item.found}" for item in made.problems()]


def test_what_can_not_be_meant_is_found():
    assert odd() == []
    lost = {"a": {"transitions": [{"after": 1, "go": "end"}]}, "b": {"transitions": [{"go": "a"}]}}
    assert odd(states=lost) == ["warning states.b: a state that is never entered"]
    assert odd(states={"a": {}}) == ["error states.a: a state that is never left"]
    assert odd(states={"a": {}}, stop=[{"after": 1}]) == []
    endless = {"a": {"transitions": [{"after": 1, "go": "b"}]}, "b": {"transitions": [{"after": 1, "go": "a"}]}}
    assert odd(states=endless) == [
        "warning states.a: a state from which no end is reached",
        "warning states.b: a state from which no end is reached",
    ]
    hidden = {"a": {"transitions": [{"go": "end"}, {"when": "x", "go": "end"}]}}
    assert odd(states=hidden) == ["warning states.a.transitions.1: a transition that is never reached"]
    lit = {"a": {"stimuli": [{"output": "laser", "action": "on"}]}}
    assert odd(states=lit, stop=[{"after": 900}]) == [
        "warning states.a: a state that is never left, with 'laser' on until a `stop` condition ends the experiment"
    ]
    assert odd(trials={"conditions": {"c": {"state": "a"}}}) == ["warning trials: a trial list that nothing begins"]


def test_states_that_lead_to_each_other_at_once_are_refused():
    def chase(*first: object, **more: object) -> list[str]:
        states = {"a": {"transitions": [*first, {"go": "b"}]}, "b": {"transitions": [{"after": 0, "go": "a"}]}}
        return odd(states={**states, **more}, stop=[{"after": 9}])

    found = "states.a.transitions.0: 'a' and 'b', which lead to each other at once, on every frame"
    assert chase() == [f"error {found}"]
    assert chase({"when": "x", "go": "end"}) == [f"warning {found.replace('0', '1')}"], "may be meant: it can end"
    lone = {"a": {"transitions": [{"go": "a"}]}}
    assert odd(states=lone, stop=[{"after": 9}]) == [
        "error states.a.transitions.0: 'a', which leads to itself at once, on every frame"
    ]
    drawn = {"a": {"transitions": [{"go": {"a": 1, "end": 1}}]}}
    assert [line.partition(" ")[0] for line in odd(states=drawn)] == ["warning"], "a draw ends it at some time"
    waiting = {"a": {"transitions": [{"go": "b"}]}, "b": {"transitions": [{"after": 1, "go": "a"}]}}
    assert odd(states=waiting, stop=[{"after": 9}]) == []
    counted = {"a": {"transitions": [{"go": "b"}]}, "b": {"transitions": [{"if": "n > 1", "go": "a"}]}}
    assert not [line for line in odd(states=counted, stop=[{"after": 9}]) if "at once" in line]


def toggled(dark: object, light: object, **more: object) -> list[str]:
    """What is remarked of a toggle; each is what leads on to the other state."""
    states = {
        "dark": {"transitions": [{**dark, "go": "light"}]},
        "light": {"stimuli": LIGHT, "transitions": [{**light, "go": "dark"}]},
    }
    return odd(states=states, stop=[{"after": 9}], **more)


def test_a_toggle_that_one_frame_takes_there_and_back_deserves_a_look():
    on, off, ways = (
        {"when": "t"},
        {"when": "t", "is": False},
        "states.dark.transitions.0: 'dark' and 'light', which lead to",
    )
    begin = f"warning {ways} each other on one frame while t is"
    for way, is_ in ((on, "true"), (off, "false"), ({**on, "after": 0}, "true")):
        (found,) = toggled(way, {**way})
        assert found.startswith(f"{begin} {is_}")
    assert toggled(on, {**on, "is": "rose"}) == toggled({**on, "is": "rose"}, {**on, "is": "rose"}) == []
    assert toggled(on, off) == toggled(on, {"when": "u"}) == toggled(on, {**on, "after": 1}) == []
    restarted = {"still": {"transitions": [{"when": "t", "go": "still"}, {"after": 5, "go": "end"}]}}
    assert odd(states=restarted) == [], "its time begins anew"

    counts = {"do": [{"count": "n"}]}
    few = {"if": "n < 3"}
    assert not [line for line in toggled({**few, **counts}, few) if "lead to each other" in line], "a count ends it"
    (found,) = (line for line in toggled(few, {**few}) if "lead to each other" in line)
    assert "while n < 3" in found


def test_what_is_remarked_of_a_toggle_is_so():
    for way, lit in (({"when": "t"}, []), ({"when": "t", "is": "rose"}, ["1: on laser on"])):
        states = {"dark": [{**way, "go": "light"}], "light": {"stimuli": LIGHT, "transitions": [{**way, "go": "dark"}]}}
        script = Script(machine(states, stop=[{"after": 9}]))
        for time in range(1, 5):
            script.frame(time, t=True)
        assert script.said == lit


def test_what_only_the_limit_ends_is_remarked():
    """Refused is what has a time of its own beyond the limit; what an animal ends is cut at run time, and told."""

    def lit(*ways: object, **limit: float) -> list[str]:
        states = {"a": {"stimuli": [{"output": "laser", "action": "on"}], "transitions": list(ways)}}
        return odd(states=states, stop=[{"after": 900}], limits={"laser": limit or {"stimulus": 5}})

    by_animal, on = (
        {"when": "t", "is": False, "go": "end"},
        "warning states.a.stimuli.0: 'laser' on for as long as 'a' lasts",
    )
    assert lit(by_animal) == [on]
    assert lit(by_animal, {"after": 5, "go": "end"}) == []
    refused = ["error states.a.stimuli.0: 'laser' on for up to 6 s"]
    assert lit({"after": 6, "go": "end"}) == refused
    assert lit({"after": 6, "go": "end"}, {"longer_than": 9, "go": "end"}) == refused
    assert lit(by_animal, {"after": 6, "go": "end"}) == [on], "the animal may end it, as without this time"
    assert lit({"after": 6, "go": "end"}, session=4) == refused
    assert lit(by_animal, {"after": 6, "go": "end"}, session=4) == lit(by_animal, session=4)
    assert lit({"after": 5, "since": "start", "go": "end"}) == [on], "of a mark it is not known how long ago it was"
    assert lit({"after": 5, "if": "n > 1", "go": "end"})[-1] == on
    assert lit(by_animal, session=60) == [], "the limit of a session is there to end it"
    given = {
        "a": {"enter": [{"give": {"output": "laser", "action": "on"}}], "transitions": [{"after": 1, "go": "end"}]}
    }
    assert odd(states=given, limits={"laser": {"stimulus": 5}}) == [
        "warning states.a.enter.0.give: 'laser' given until it is withdrawn"
    ]


@pytest.mark.parametrize("limit", [{"stimulus": 5}, {"session": 60}])
@pytest.mark.parametrize(
    ("action", "values", "found"),
    [
        ("pulse", {"width": "20 ms"}, None),
        ("pulse", {"volume": 3}, "for a time that this file doesn't tell"),
        ("play", {"sound": "bell"}, "for a time that this file doesn't tell"),
        ("play", {"sound": "bell", "duration": 2}, None),
        ("blink", {"count": 3}, "for a time that this file doesn't tell"),
        ("on", {"duration": "soon"}, "for a time that this file doesn't tell"),
        ("on", {"duration": "8 s"}, "for 8 s"),
    ],
)
def test_only_what_ends_by_itself_after_a_time_that_is_known_counts_right(limit, action, values, found):
    give = {"give": {"output": "laser", "action": action, "values": values}}
    states = {"a": {"enter": [give], "transitions": [{"after": 10, "go": "end"}]}}
    remarked = odd(states=states, limits={"laser": limit})
    if found is None or (found == "for 8 s" and "session" in limit):
        assert remarked == []
    else:
        (remark,) = remarked
        assert remark.startswith(f"warning states.a.enter.0.give: 'laser' given {found}")


def test_a_given_stimulus_without_an_end_deserves_a_look():
    laser = {"output": "laser", "action": "on"}

    def given(*actions: object, **more: object) -> list[str]:
        ways = [{"after": 1, "go": "end", "do": list(actions)}]
        return odd(states={"a": {"enter": [{"give": laser}], "transitions": ways}}, **more)

    assert given() == ["warning states.a.enter.0.give: 'laser' given until it is withdrawn, which nothing does"]
    assert given({"withdraw": "laser"}) == []
    assert given({"give": laser, "seconds": 2}) == []
    assert given(limits={"laser": {"session": 5}}) == []


@pytest.mark.parametrize(
    ("values", "seconds", "ended", "free"),
    [
        ({"volume": 3}, {}, [], False),
        ({"volume": 3}, {"seconds": 1}, [], True),
        ({"volume": 3}, {}, [{"withdraw": "pump"}], True),
        ({"width": 5}, {}, [], True),
    ],
)
def test_what_is_given_for_an_unknown_time_is_in_the_way_of_a_state(values, seconds, ended, free):
    drop = {"output": "pump", "action": "pulse", "values": values}
    states = {
        "cue": {"enter": [{"give": drop, **seconds}], "leave": ended, "transitions": [{"after": 9, "go": "rinse"}]},
        "rinse": {"stimuli": [{"output": "pump", "action": "on"}], "transitions": [{"after": 1, "go": "end"}]},
    }
    found = "warning states.cue.enter.0.give: 'pump' given for a time that this file doesn't tell, such as that of a "
    found += "volume: from then on 'rinse' can't have it on"
    assert odd(states=states) == ([] if free else [found])
    script = Script(machine(states))
    script.each_second(1, 12)
    assert ("9: on pump on" in script.said) == free


@pytest.mark.parametrize(
    ("action", "values", "ends"),
    [
        ("pulse", {"width": 5}, True),
        ("train", {"frequency": 20, "width": 5, "count": 3}, True),
        ("train", {"frequency": 20, "width": 5}, False),
        ("show", {"image": "left", "duration": "1 s"}, True),
        ("show", {"image": "left"}, False),
        ("play", {"video": "looming"}, True),
        ("play", {"video": "looming", "loop": True}, False),
        ("play", {"noise": True}, False),
    ],
)
def test_what_the_output_ends_by_itself_needs_no_end(action, values, ends):
    given = {"give": {"output": "screen", "action": action, "values": values}}
    found = odd(states={"a": {"enter": [given], "transitions": [{"after": 1, "go": "end"}]}})
    assert bool(found) != ends


@pytest.mark.parametrize("ways", [[{"go": "end"}], [{"after": 0, "go": "end"}], [{"when": "t", "go": "end"}] * 2])
def test_a_stimulus_that_is_never_on_deserves_a_look(ways):
    lit = {"a": {"stimuli": [{"output": "laser", "action": "on"}], "transitions": ways}}
    never = ["warning states.a.stimuli: a stimulus that is never on: 'a' is left as soon as it is entered"]
    assert odd(states=lit) == ([] if "when" in ways[0] else never)


def test_amounts_that_are_never_reached_deserve_a_look():
    def lit(reaches: float, **limit: float) -> list[str]:
        on, ways = [{"output": "laser", "action": "on"}], [{"after": 1, "go": "end"}]
        stop = [{"stimulated": "laser", "reaches": reaches}]
        return odd(states={"a": {"stimuli": on, "transitions": ways}}, stop=stop, limits={"laser": limit})

    never = "warning stop.0.reaches: 600 s of 'laser', which is on for 5 s at most"
    assert lit(600, session=5) == [never]
    assert lit(5, session=5) == lit(600, stimulus=5) == []
    assert lit(2, session=2, stimulus=5) == ["warning limits.laser.session: 2 s in a session, less than 5 s at a time"]


def test_limits_of_trials_that_contradict_deserve_a_look():
    trial = {"trigger": "t", "stimulus": {"output": "laser", "action": "on"}}
    made = protocol(
        {"type": "region_trials", "trials": {"one": trial}, "limits": {"laser": {"stimulus": 5, "session": 2}}}
    )
    assert [(item.place, item.is_warning) for item in made.problems()] == [
        (("limits", "laser", "session"), True),
        (("max_hits",), True),
    ]


LIGHT = [{"output": "laser", "action": "on"}]
COUNT = [{"count": "n"}]
FORTY = {"if": "n >= 40"}


def light(*ways: object, stop: object = FORTY, **state: object) -> list[str]:
    """What is remarked of a dark and a lit state: `ways` lead to the light, `state` is what it is besides."""
    dark = {"transitions": list(ways) or [{"when": "t", "go": "lit"}]}
    lit = {"stimuli": LIGHT, "transitions": [{"after": 5, "go": "dark"}], **state}
    return odd(states={"dark": dark, "lit": lit}, stop=[{"after": 900}, stop])


def test_a_counter_that_ends_the_run_in_the_first_frame_of_a_stimulus_deserves_a_look():
    (found,) = light(enter=COUNT)
    assert found == (
        "warning states.lit.enter.0: 'n', which changes as 'lit' begins a stimulus and ends the run by `n >= 40` "
        "(stop[1]): the run ends on the next frame: the last stimulus lasts one frame"
    )
    assert light(leave=COUNT) == [], "counted as it ends"
    (found,) = light({"when": "t", "do": COUNT, "go": "lit"})
    assert found.startswith("warning states.dark.transitions.0.do.0: 'n'")
    given = [*COUNT, {"give": LIGHT[0], "seconds": 5}]
    (found,) = light(enter=given, stimuli=[])
    assert found.startswith("warning states.lit.enter.0: 'n'")
    (found,) = light({"when": "t", "do": given, "go": "dark"}, {"when": "u", "go": "lit"})
    assert "changes as a stimulus is given" in found
    (found,) = light(stop={"if": "n > 40", "reason": "enough"}, enter=COUNT)
    assert "n > 40" in found
    (found,) = light(stop={"if": ["n >= 40", "m >= 2"]}, enter=COUNT, leave=[{"count": "m"}])
    (found,) = light(stop={"if": "most < n"}, enter=[*COUNT, {"reset": "most"}])


def test_a_counter_that_ends_the_run_at_another_time_is_as_meant():
    assert light(enter=COUNT, stop={"after": 5}) == []
    assert light(enter=[*COUNT, {"mark": "on"}], stop={**FORTY, "since": "on", "after": 5}) == []
    assert light(enter=COUNT, stop={"if": "n < 3"}) == [], "which a count upwards does not bring about"
    both = {
        "dark": {"transitions": [{"when": "t", "go": "lit"}]},
        "lit": {"stimuli": LIGHT, "transitions": [{"after": 5, "go": "longer"}]},
        "longer": {"stimuli": LIGHT, "enter": COUNT, "transitions": [{"after": 5, "go": "dark"}]},
    }
    assert odd(states=both, stop=[FORTY]) == [], "the light goes on from the state before"


def test_a_run_that_a_counter_ends_before_the_stimulus_is_on_deserves_a_look():
    ways = [{"if": "n >= 40", "go": "end"}, {"after": 5, "go": "dark"}]
    (found,) = light(enter=COUNT, transitions=ways, stop={"after": 9})
    assert found.endswith("(states.lit.transitions[0]): the run ends on the same frame: the last stimulus is never on")
    assert light({"if": "n >= 40", "go": "end"}, {"when": "t", "go": "lit"}, enter=COUNT, stop={"after": 9}) == []


def test_the_last_trial_of_a_list_is_not_to_be_cut_off_either():
    trials = {"conditions": {"c": {"state": "lit"}}, "repeat": 3}
    states = {
        "dark": {"transitions": [{"when": "t", "go": "trial"}]},
        "lit": {"stimuli": LIGHT, "transitions": [{"after": 5, "do": [{"result": "done"}], "go": "dark"}]},
    }
    for condition in ("trials_left == 0", "trials >= 3"):
        (found,) = odd(states=states, trials=trials, stop=[{"if": condition}])
        assert found.startswith("warning states.dark.transitions.0.go: 'trials")
    assert odd(states=states, trials=trials, stop=[{"if": "done >= 3"}]) == []


def test_what_is_remarked_of_a_last_stimulus_is_so():
    """Counted on entering the last of two is on for one frame; counted on leaving it lasts its time."""
    for key, lasted in (("enter", 0.1), ("leave", 5.0)):
        states = {
            "dark": [{"after": 1, "go": "lit"}],
            "lit": {"stimuli": LIGHT, key: COUNT, "transitions": [{"after": 5, "go": "dark"}]},
        }
        script = Script(machine(states, stop=[{"if": "n >= 2"}]))
        on: list[float] = []
        for time in (number / 10 for number in range(200)):
            if script.ended is None:
                script.frame(time)
                on += [time] if "laser" in script.on else []
        assert script.ended == "n >= 2"
        (second,) = (later for earlier, later in pairwise(on) if later - earlier > 0.5)
        assert on[-1] + 0.1 - second == pytest.approx(lasted)


def test_the_last_trial_of_regions_deserves_a_look_until_the_file_says_what_is_meant():
    trial = {"trigger": "t", "stimulus": LIGHT[0]}
    made = {"type": "region_trials", "trials": {"one": trial}, "max_hits": 3}
    (found,) = protocol(made).problems()
    assert (found.place, found.is_warning) == (("max_hits",), True)
    assert "lasts one frame" in found.found
    assert [protocol({**made, "finish_last_trial": value}).problems() for value in (True, False)] == [[], []]


TRAIN = {"output": "laser", "action": "train", "values": {"frequency": 20, "width": 5, "count": 10}}


def conditional(**stimulus: object) -> ProtocolSettings:
    """The shipped experiment, with other keys of its state `stimulus`."""
    plain = shipped("base_conditional").model_dump(mode="json", by_alias=True, exclude_unset=True)
    states = plain["states"]
    kept = {key: value for key, value in states["stimulus"].items() if key != "stimuli"}
    return shipped("base_conditional", states={**states, "stimulus": {**kept, **stimulus}})


def trains_of_five_stimuli(made: ProtocolSettings) -> int:
    """How many commands an animal gets that stays for five stimuli of 40 s."""
    script = Script(made)
    script.each_second(1, 200, condition=True)
    assert script.protocol.counts["stimulations"] == 5
    return sum("on laser train" in line for line in script.said)


def test_a_train_that_is_not_given_again_is_found_and_the_hint_gives_one_each_time():
    made = conditional(stimuli=[TRAIN])
    [finding] = made.problems()
    assert finding.is_warning
    assert finding.place == ("states", "stimulus", "stimuli", 0)
    assert finding.found == "'laser' train, which ends by itself and is not given again where 'stimulus' follows itself"
    assert "`enter: [{give: ...}]`" in finding.expected
    assert finding.suggestion == "Where it must end with the state, add `leave: [{withdraw: laser}]`."
    assert trains_of_five_stimuli(made) == 1

    enter = [{"count": "stimulations"}, {"mark": "stimulus"}, {"give": TRAIN}]
    made = conditional(enter=enter, leave=[{"withdraw": "laser"}])
    assert made.problems() == []
    assert trains_of_five_stimuli(made) == 5


@pytest.mark.parametrize(
    ("ways_of_a", "ways_of_between", "found"),
    [
        ([{"after": 1, "go": "b"}], [{"after": 1, "go": "b"}], "where 'b' follows 'a'"),
        ([{"after": 1, "go": "between"}], [{"go": "b"}], "where 'b' follows 'a'"),
        ([{"after": 1, "go": "between"}], [{"after": 1, "go": "b"}], None),
    ],
)
def test_an_equal_pulse_is_found_also_behind_a_state_that_is_left_at_once(ways_of_a, ways_of_between, found):
    pulse = {"output": "laser", "action": "pulse", "values": {"width": 5}}
    states = {
        "a": {"stimuli": [pulse], "transitions": ways_of_a},
        "between": {"transitions": ways_of_between},
        "b": {"stimuli": [pulse], "transitions": [{"after": 1, "go": "end"}]},
    }
    findings = [item.found for item in machine(states).problems() if "not given again" in item.found]
    assert [text[-len(found or "") :] for text in findings] == ([found] if found else [])
