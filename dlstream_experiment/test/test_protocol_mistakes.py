"""State machines in files: every mistake is told with its line, and nothing that is written there is a traceback."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_script import EXPERIMENTS, Script, machine, protocol
from ruamel.yaml import YAML

from dlstream_common import InputError
from dlstream_experiment import Engine, check_experiment, load_experiment
from dlstream_experiment.model.protocols import ProtocolSettings

TEXT = """\
experiment: test
camera: top
regions:
  port: {type: circle, center: [100, 100], radius: 30}
triggers:
  at_port: {type: region, region: port, keypoints: [snout]}
metadata: {subject: m12, weight: 21.5}
protocol:
  type: states
  start: ready
  trials:
    order: shuffled
    conditions:
      light: {state: lit}
      dark: {state: unlit}
    repeat: 5
  states:
    ready:
      transitions:
        - {if: trials_left == 0, go: end, reason: done}
        - {when: at_port, go: trial}
    lit:
      enter:
        - {mark: begin}
      leave:
        - {count: visits}
      stimuli:
        - {output: laser, action: on}
      transitions:
        - {after: 3, go: pause}
        - {when: at_port, is: fell, since: begin, after: 1, go: pause}
    unlit:
      enter:
        - {give: {output: sound, action: play}, seconds: 2}
      transitions:
        - {after: 3, do: [{result: success}], go: pause}
    pause:
      transitions:
        - {after: {uniform: [5, 10]}, go: ready}
  stop:
    - {longer_than: 600}
    - {if: [visits >= 10, success > 2]}
    - {stimulated: laser, reaches: 60}
  limits:
    laser: {stimulus: 3, session: 60}
  control: {type: sham, outputs: [laser]}
"""


def refused(tmp_path: Path, *changes: tuple[str, str]) -> tuple[str, str]:
    """What is said about the text with these changes, and the changed text."""
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "experiment.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_experiment(path)
    return str(caught.value), text


def test_the_text_is_valid_as_it_stands(tmp_path):
    path = tmp_path / "experiment.yaml"
    path.write_text(TEXT)
    experiment = load_experiment(path)
    assert check_experiment(experiment, outputs=["laser", "sound"]) == []
    assert set(experiment.outputs) == {"laser", "sound"}
    started = next(item for item in Engine(experiment).start(1) if getattr(item, "kind", "") == "experiment_started")
    assert started.values["metadata.subject"] == "m12"  # type: ignore[union-attr]
    assert started.values["metadata.weight"] == "21.5"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("start: ready", "start: raedy", "found 'raedy'; expected a state of this file. Did you mean 'ready'?"),
        ("{state: unlit}", "{state: unlitt}", "trials.conditions.dark.state: found 'unlitt'"),
        ("{after: 3, go: pause}", "{after: 3, go: puase}", "transitions[0].go: found 'puase'"),
        ("go: ready}", "go: {ready: 1, raedy: 2}}", "found 'raedy'"),
        (
            "when: at_port, go: trial",
            "when: at_prot, go: trial",
            "expected a trigger of this file. Did you mean 'at_port'?",
        ),
        ("since: begin", "since: begni", "expected a mark that an action sets. Did you mean 'begin'?"),
        ("visits >= 10, success", "visit >= 10, success", "found 'visit'; expected a counter"),
        ("visits >= 10, success", "visits => 10, success", "a comparison of a counter with a number"),
        ("visits >= 10, success", "__import__('os') >= 10, success", "a comparison of a counter with a number"),
        ("if: trials_left == 0", "if: trials_left = 0", "a comparison of a counter with a number"),
        ("{count: visits}", "{count: two words}", "a counter's name"),
        ("{count: visits}", "{count: trials}", "the trial list counts this automatically"),
        ("{count: visits}", "{cuont: visits}", "Did you mean 'count'?"),
        ("{count: visits}", "{count: visits, reset: visits}", "exactly one of count, reset"),
        ("{count: visits}", "{count: visits, seconds: 2}", "seconds only beside give"),
        ("seconds: 2}", "seconds: 0}", "more than 0 seconds"),
        ("{mark: begin}", "{mark: start}", "this mark is set automatically"),
        ("is: fell", "is: fallen", "is: found 'fallen'"),
        ("after: 3, go: pause", "after: -3, go: pause", "after: found -3"),
        ("after: 3, go: pause", "after: soon, go: pause", "after: found 'soon'"),
        ("after: 3, go: pause", "after: 3, longer_than: 3, go: pause", "after or longer_than, not both"),
        ("after: 3, go: pause", "is: true, go: pause", "a trigger as `when` beside `is`"),
        ("after: 3, go: pause", "after: 3", "go: found nothing"),
        ("{uniform: [5, 10]}", "{unifrom: [5, 10]}", "Did you mean 'uniform'?"),
        ("{uniform: [5, 10]}", "{uniform: [10, 5]}", "the smaller time first"),
        ("{uniform: [5, 10]}", "{exponential: {mean: 2, min: 5, max: 6}}", "a mean between min and max"),
        ("{uniform: [5, 10]}", "{exponential: {mean: 20, max: 6}}", "a mean between min and max"),
        ("- {longer_than: 600}", "- {after: 0}", "the experiment would end as it starts"),
        ("{uniform: [5, 10]}", "{uniform: [5, 10], one_of: [3]}", "exactly one of uniform"),
        ("repeat: 5", "repeat: 5\n    max_in_a_row: 3\n    length: 9", "length with order random"),
        (
            "repeat: 5",
            "sequence: [light, light, light, light, light, dark]\n    max_in_a_row: 2",
            "no more than 2 need to come in a row",
        ),
        ("order: shuffled", "order: shufled", "'shuffled'"),
        ("go: trial", "go: trail", "found 'trail'"),
        ("- {longer_than: 600}", "- {reason: never}", "one or more of after, longer_than, if, stimulated"),
        (
            "stimulated: laser",
            "stimulated: lasre",
            "an output to which this protocol gives a stimulus. Did you mean 'laser'?",
        ),
        ("reaches: 60", "raeches: 60", "Did you mean 'reaches'?"),
        ("    laser: {stimulus: 3", "    lasre: {stimulus: 3", "Did you mean 'laser'?"),
        (
            "stimulus: 3, session: 60",
            "stimulus: 2, session: 60",
            "found 'laser' on for up to 3 s; expected at most 2 s at a time",
        ),
        ("stimulus: 3, session: 60", "session: 2.5", "expected at most 2.5 s in a session"),
        ("laser: {stimulus: 3, session: 60}", "sound: {stimulus: 1}", "found 'sound' on for up to 2 s"),
        ("outputs: [laser]", "outputs: [lasers]", "control.outputs[0]: found 'lasers'"),
        ("{after: 3, go: pause}", "{after: 1,5, go: pause}", "Write the decimal number with a point: after: 1.5."),
        ("  type: states", "  typ: states", "Did you mean 'type' instead of 'typ'?"),
        ("{type: region, region: port", "{tpye: region, region: port", "Did you mean 'type' instead of 'tpye'?"),
        ("type: sham,", "type: shame,", "Did you mean 'sham'?"),
        ("type: sham,", "type: yoked,", "either recording or schedule"),
        (
            "- {output: laser, action: on}",
            "- {output: laser, action: on}\n        - {output: laser, action: dim}",
            "a second time",
        ),
        ("- {output: laser, action: on}", "- {output: laser, action: off}", "goes off by itself"),
        ("    pause:\n", "    end:\n", "this word is taken"),
        ("    pause:\n", "    paused:\n", "expected a state of this file. Did you mean 'paused'?"),
        ("metadata: {subject: m12", "metadata: {subject: [m12]", "metadata"),
        ("type: states", "type: stats", "Did you mean 'states'?"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path, old, new, message):
    said, text = refused(tmp_path, (old, new))
    place = next(line for line in said.splitlines() if message in line)
    number = int(place.split("experiment.yaml:")[1].split(":")[0])
    changed = {index for index, line in enumerate(text.splitlines(), 1) if line not in TEXT.splitlines()}
    around = changed | {index - 1 for index in changed} | {index + 1 for index in changed}
    known_elsewhere = ("this file", "in a row", "length with order", "on for up to", "counts this", "in a session")
    assert number in around or any(words in message for words in known_elsewhere)


def test_without_a_list_nothing_can_be_a_trial(tmp_path):
    begin, end = TEXT.index("  trials:\n"), TEXT.index("  states:\n")
    said, _ = refused(tmp_path, (TEXT[begin:end], ""))
    assert "found 'trial'; expected a trial list" in said
    assert "found 'success'; expected a trial list" in said
    assert "found 'trials_left'; expected a counter" in said


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
    assert lit(by_animal, {"after": 6, "go": "end"}) == ["error states.a.stimuli.0: 'laser' on for up to 6 s"]
    assert lit({"after": 5, "since": "start", "go": "end"}) == [on], "of a mark it is not known how long ago it was"
    assert lit({"after": 5, "if": "n > 1", "go": "end"})[-1] == on
    assert lit(by_animal, session=60) == [], "the limit of a session is there to end it"
    given = {
        "a": {"enter": [{"give": {"output": "laser", "action": "on"}}], "transitions": [{"after": 1, "go": "end"}]}
    }
    assert odd(states=given, limits={"laser": {"stimulus": 5}}) == [
        "warning states.a.enter.0.give: 'laser' given until it is withdrawn"
    ]


def test_a_given_stimulus_without_an_end_deserves_a_look():
    laser = {"output": "laser", "action": "on"}

    def given(*actions: object, **more: object) -> list[str]:
        ways = [{"after": 1, "go": "end", "do": list(actions)}]
        return odd(states={"a": {"enter": [{"give": laser}], "transitions": ways}}, **more)

    assert given() == ["warning states.a.enter.0.give: 'laser' given until it is withdrawn, which nothing does"]
    assert given({"withdraw": "laser"}) == []
    assert given({"give": laser, "seconds": 2}) == []
    assert given(limits={"laser": {"session": 5}}) == []


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


def test_what_is_only_odd_is_a_warning_with_its_line(tmp_path):
    path = tmp_path / "experiment.yaml"
    path.write_text(TEXT.replace("  stop:\n", "    spare:\n      transitions: [{after: 1, go: ready}]\n  stop:\n"))
    (warning,) = check_experiment(load_experiment(path))
    line = path.read_text().splitlines().index("    spare:") + 1
    assert (warning.line, warning.key, warning.found) == (
        line,
        "protocol.states.spare",
        "a state that is never entered",
    )


def test_one_bad_key_of_a_protocol_hides_no_other_mistake(tmp_path):
    """What is unknown is left out, and what it can be meant to be is taken for it; what is lost leaves no traces."""
    changes = [
        ("{when: at_port, go: trial}", "{when: at_prt, go: trial, foo: 1}"),
        ("{after: 3, go: pause}", "{aftr: 3, go: pase}"),
        ("{output: laser, action: on}", "{output: laser, action: off}"),
    ]
    text, _ = refused(tmp_path, *changes)
    keys = [line.split(": ")[1] for line in text.splitlines()]
    assert keys == [
        "protocol.states.ready.transitions[1].foo",
        "protocol.states.ready.transitions[1].when",
        "protocol.states.lit.stimuli[0].action",
        "protocol.states.lit.transitions[0].aftr",
        "protocol.states.lit.transitions[0].go",
    ]
    text, _ = refused(tmp_path, ("{after: 3, go: pause}", "{after: three, go: pause}"), ("at_port, go", "at_prt, go"))
    assert [line.split(": ")[1] for line in text.splitlines()] == [
        "protocol.states.ready.transitions[1].when",
        "protocol.states.lit.transitions[0].after",
    ], "a transition that lost its time is not taken for one that is always taken"


SIZED = """\
experiment: sized
camera: top
IMAGE
triggers:
  looks: {type: head_direction, neck: neck, nose: snout, point: [700, 200], at_most: 30, dwell: 500}
protocol:
  type: states
  states:
    wait: {transitions: [{when: looks, do: [{give: {output: laser, action: on}, seconds: 3500}], go: wait}]}
  stop: [{after: 900}]
"""


def test_places_outside_the_image_swapped_sizes_and_milliseconds_deserve_a_look(tmp_path):
    path = tmp_path / "sized.yaml"
    path.write_text(SIZED.replace("IMAGE", "image_size: [640, 480]"))
    texts = [str(item) for item in check_experiment(load_experiment(path))]
    wanted = "triggers.looks.point: found (700, 200); expected a point inside the image of camera 'top', 640x480"
    assert wanted in texts[0]
    assert texts[1:] == [
        "triggers.looks.dwell: found 500 s; expected seconds, and usually at most 60. "
        "If 500 is milliseconds, write 0.5.",
        "protocol.states.wait.transitions[0].do[0].seconds: found 3500 s; expected seconds, and usually at most 600. "
        "If 3500 is milliseconds, write 3.5.",
    ]
    assert all(item.is_warning and item.line for item in check_experiment(load_experiment(path)))
    with pytest.raises(InputError, match=r"image_size: found 640x480; expected 480x640, .*'top'. Width and height are"):
        check_experiment(load_experiment(path), image_sizes={"top": (480, 640)})
    with pytest.raises(InputError, match=r"image_size: found 640x480; expected 800x600, .*'top'. Regions and points"):
        check_experiment(load_experiment(path), image_sizes={"top": (800, 600)})
    asked = check_experiment(load_experiment(path), asked_sizes={"top": (800, 600)})
    assert asked[0].key == "image_size", "a camera may deliver another size than the one asked for"
    assert not any(item.key.endswith("point") for item in asked)
    path.write_text(SIZED.replace("IMAGE", "image_size: [640, 0]"))
    with pytest.raises(InputError, match=r"image_size\[1\]: found 0; expected"):
        load_experiment(path)
    path.write_text(SIZED.replace("IMAGE", "").replace("500", "5"))
    assert not any("dwell" in item.key or "point" in item.key for item in check_experiment(load_experiment(path)))


def test_the_example_of_the_page_is_valid():
    lines = (EXPERIMENTS.parents[1] / "docs" / "reference" / "protocols.md").read_text().splitlines()
    begin = lines.index("    protocol:")
    end = next(number for number in range(begin, len(lines)) if not lines[number])
    content = YAML(typ="safe", pure=True).load("\n".join(lines[begin:end]))
    assert protocol(content["protocol"]).problems() == []


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
