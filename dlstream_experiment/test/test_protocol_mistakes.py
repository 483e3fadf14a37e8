"""State machines in files: every mistake is told with its line, and nothing that is written there is a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from protocol_script import EXPERIMENTS, protocol
from protocol_text import TEXT
from ruamel.yaml import YAML

from dlstream_common import InputError
from dlstream_experiment import Engine, check_experiment, load_experiment


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
    known_elsewhere = ("this file", "in a row", "length with order", "on for up to", "counts this")
    assert number in around or any(words in message for words in known_elsewhere)


def test_without_a_list_nothing_can_be_a_trial(tmp_path):
    begin, end = TEXT.index("  trials:\n"), TEXT.index("  states:\n")
    said, _ = refused(tmp_path, (TEXT[begin:end], ""))
    assert "found 'trial'; expected a trial list" in said
    assert "found 'success'; expected a trial list" in said
    assert "found 'trials_left'; expected a counter" in said


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


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("stimulus: 2, session: 60", "found 'laser' on for up to 3 s; expected at most 2 s at a time"),
        ("session: 2.5", "expected at most 2.5 s in a session"),
    ],
)
def test_a_stimulus_that_only_a_time_beyond_its_limit_ends_is_refused_with_its_line(tmp_path, limit, message):
    by_animal = "        - {when: at_port, is: fell, since: begin, after: 1, go: pause}\n"
    said, text = refused(tmp_path, (by_animal, ""), ("stimulus: 3, session: 60", limit))
    assert message in said
    assert f":{text[: text.index('{output: laser, action: on}')].count(chr(10)) + 1}: " in said
