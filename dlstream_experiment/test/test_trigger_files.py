"""Triggers as experiment files say them: what is refused, with its line; and files that are none."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from dlstream_common import InputError
from dlstream_common.plugins import own_parts_only
from dlstream_experiment import check_experiment, load_experiment
from dlstream_experiment.model.regions import REGIONS
from dlstream_experiment.model.triggers import TRIGGERS
from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet

HEAD = """\
experiment: triggers
camera: top
regions:
  left: {type: circle, center: [100, 100], radius: 50}
  side: {type: ellipse, center: [100, 100], radii: [50, 30], rotation: 20, camera: side}
  wide: {type: polygon, points: [[40, 40], [160, 40], [160, 160], [40, 160]]}
  far: {type: circle, center: [300, 100], radius: 80}
"""
TAIL = """
protocol:
  type: region_trials
  trials: {one: {trigger: a, stimulus: {output: screen, action: show}}}
"""
ALL = """\
triggers:
  a: {type: region, region: left, keypoints: [neck, nose], match: 2, release: left}
  b: {type: direction, start: neck, end: nose, edge: north, frame: [640, 480], at_most: 30, release: 35}
  c: {type: head_direction, point: [10, 20], at_most: 30, dwell: 0.5, refractory: 2, probability: 0.5}
  d: {type: ego_head_direction, at_least: 30, side: left, individual: mouse1}
  e: {type: head_direction_region, point: [10, 20], at_most: 30, region: left, inside: false}
  f: {type: speed, keypoints: [neck], at_least: 5, unit: cm/s, window: 0.2, way: displacement}
  g: {type: freeze, keypoints: [neck, nose], at_most: 10, dwell: 2}
  h: {type: acceleration, keypoints: [neck], at_most: -100}
  i: {type: distance, keypoints: [neck, nose], at_least: 1, at_most: 3, unit: cm, min_confidence: 0.9}
  j: {type: angle, keypoints: [tailroot, neck, nose], at_most: 120}
  k: {type: ratio, distance: [tailroot, nose], over: [tailroot, neck], at_most: 0.8}
  l: {type: social, active: [nose], passive: [nose, tailroot], at_most: 3, unit: cm, other: mouse2}
  m: {type: topic, topic: /scale, message: std_msgs/msg/Float64, at_least: 20, release: 18, timeout: 5, missing: veto}
  n: {type: and, triggers: [a, m]}
  o: {type: or, triggers: [n, b], dwell: 1}
  p: {type: not, trigger: o}
  q: {type: sequence, triggers: [a, b, c], within: 10}
  r: {type: count, trigger: q, times: 3, within: 60}
"""
CALIBRATION = "calibration: {top: 12.5}\n"


def load(folder: Path, triggers: str, head: str = HEAD + CALIBRATION) -> Any:
    path = folder / "experiment.yaml"
    path.write_text(head + triggers + TAIL, encoding="utf-8")
    return load_experiment(path)


def test_all_types_in_one_file(tmp_path):
    experiment = load(tmp_path, ALL)
    assert len(experiment.triggers) == 18
    assert experiment.cameras == ("top",)
    assert all(trigger.in_words() for trigger in experiment.triggers.values())
    unused = {problem.key: problem.found for problem in check_experiment(experiment)}
    names = unused["triggers"].partition(": ")[2].split(", ")
    assert "r" in names, "one line for all"
    assert "q" not in names, "r counts it"
    assert unused["regions"].endswith(": side, wide, far")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a: {type: and, triggers: [b, c]}", "expected a trigger of this file"),
        ("a: {type: not, trigger: a}", "found itself"),
        ("a: {type: region, region: left, keypoints: [n], release: lft}", "Did you mean 'left'?"),
        ("a: {type: region, region: left, keypoints: [n], release: side}", "a region of camera 'top'"),
        ("a: {type: region, region: side, keypoints: [n], camera: top}", "a region of camera 'top'"),
        ("a: {type: region, region: left, keypoints: [n], release: far}", "a region that has all of 'left' in it"),
        ("a: {type: region, region: wide, keypoints: [n], release: left}", "a region that has all of 'wide' in it"),
        (
            "a: {type: region, region: left, keypoints: [n], release: wide, inside: false}",
            "a region that lies within 'left'",
        ),
        (
            "a: {type: speed, keypoints: [n], at_least: 5, unit: cm/s, camera: side}",
            "pixels per centimetre under calib",
        ),
        ("a: {type: speed, keypoints: [n], at_least: 5, unit: m/s}", "one of px/s, cm/s"),
        ("a: {type: speed, keypoints: [n], at_leas: 5}", "Did you mean 'at_least'?"),
        ("a: {type: speed, keypoints: [n], at_least: fast}", "expected a number"),
        ("a: {type: region, keypoints: [n], region: [left]}", "expected text"),
        ("a: {type: sped, keypoints: [n], at_least: 5}", "Did you mean 'speed'?"),
        ("a: {type: distance, keypoints: [n], at_least: 5}", "this key, which is required"),
        (
            "a: {type: classifier, network: n.onnx, keypoints: [n], reference: n, window: 1, samples: 1, behaviour: 0}",
            "there is no file",
        ),
        ("a: {type: topic, topic: /a, message: Float64, at_least: 5}", "expected a message type with its package"),
        (
            "a: {type: topic, topic: /a, message: std_msgs/Float64, at_least: 5}",
            "expected package/msg/Type: 'std_msgs/msg/Float64'",
        ),
        ("a: {type: speed, keypoints: [n], at_least: 5, dwell: -1}", "a number at least 0"),
        ("a: {type: speed, keypoints: [n], at_least: 5, probability: 50}", "a number at most 1"),
        ("a: {type: speed, keypoints: [n], at_least: 5, probability: 0}", "a number greater than 0"),
        ("a: {type: direction, start: n, end: n, edge: north, at_most: 5}", "expected different keypoints"),
        ("a: {type: head_direction, neck: n, nose: n, point: [1, 2], at_most: 5}", "expected different keypoints"),
        ("a: {type: ego_head_direction, tailroot: n, nose: n, at_least: 5}", "expected different keypoints"),
        (
            "a: {type: head_direction_region, neck: n, nose: n, point: [1, 2], at_most: 5, region: left}",
            "expected different keypoints",
        ),
        ("a: {type: angle, keypoints: [n, m, n], at_most: 5}", "expected different keypoints"),
        ("a: {type: ratio, distance: [n, m], over: [m, n], at_most: 5}", "of the same pair the ratio is always 1"),
    ],
)
def test_mistakes_have_a_line(tmp_path, line, message):
    with pytest.raises(InputError) as caught:
        load(tmp_path, f"triggers:\n  {line}\n")
    assert message in str(caught.value)
    assert "experiment.yaml:10: " in str(caught.value)


def test_one_bad_key_hides_no_other_mistake(tmp_path):
    """Of the same trigger, of what it refers to, of the protocol: all are told at once, none that only follows."""
    lines = [
        "a: {type: region, region: lft, keypoints: [n], dwel: 1}",
        "b: {type: speed, keypoints: [n], at_lest: 5, at_most: 3, winow: 0.5}",
        "c: {type: direction, start: n, end: n, point: [1, x], at_most: 30, foo: 1}",
        "d: {type: and, triggers: [a, nope], foo: 2}",
        "e: {type: region, region: left, keypoint: [n]}",
    ]
    with pytest.raises(InputError) as caught:
        load(tmp_path, "triggers:\n" + "".join(f"  {line}\n" for line in lines))
    found = {(item.key, item.line) for item in caught.value.problems}
    assert found == {
        ("triggers.a.dwel", 10),
        ("triggers.a.region", 10),
        ("triggers.b.at_lest", 11),
        ("triggers.b.winow", 11),
        ("triggers.b.at_least", 11),
        ("triggers.c.point[1]", 12),
        ("triggers.c.foo", 12),
        ("triggers.d.foo", 13),
        ("triggers.d.triggers[1]", 13),
        ("triggers.e.keypoint", 14),
        ("triggers.e.keypoints", 14),
    }


def test_a_value_that_does_not_fit_the_nearest_key_is_told_once(tmp_path):
    """An unknown key is not blamed on the known one that it resembles."""
    with pytest.raises(InputError) as caught:
        load(
            tmp_path,
            "image: {width: 848}\ntriggers:\n  a: {type: region, region: left, keypoints: [n], dwll: {s: 1}}\n",
        )
    assert {item.key for item in caught.value.problems} == {"image", "triggers.a.dwll"}


def test_a_release_may_be_larger_or_the_same(tmp_path):
    load(tmp_path, "triggers:\n  a: {type: region, region: left, keypoints: [n], release: wide}\n")
    load(tmp_path, "triggers:\n  a: {type: region, region: left, keypoints: [n], release: left}\n")
    load(tmp_path, "triggers:\n  a: {type: region, region: wide, keypoints: [n], release: left, inside: false}\n")


def test_what_the_network_never_finds_is_refused(tmp_path):
    lines = [
        "a: {type: region, region: left, keypoints: [n], individual: bob}",
        "b: {type: social, active: [n], passive: [n], at_most: 5, individual: ada, other: adda}",
        "c: {type: topic, topic: /a, message: std_msgs/msg/Float64, at_least: 5}",
    ]
    experiment = load(tmp_path, "triggers:\n" + "".join(f"  {line}\n" for line in lines))
    with pytest.raises(InputError) as caught:
        check_experiment(experiment, individuals=["ada", "eve"])
    assert [(item.key, item.line) for item in caught.value.problems] == [
        ("triggers.a.individual", 10),
        ("triggers.b.other", 11),
    ]
    assert "Did you mean 'ada'?" in str(caught.value)
    check_experiment(experiment)
    with pytest.raises(InputError, match=r"triggers.b.type: found 'social' with a network that finds only one animal"):
        check_experiment(experiment, individuals=["bob"])


def test_what_is_measured_otherwise_than_meant_is_remarked(tmp_path):
    lines = [
        "a: {type: head_direction, point: [9999, 1], at_most: 30}",
        "b: {type: direction, start: n, end: m, edge: north, frame: [848, 480], at_most: 30}",
        "c: {type: speed, keypoints: [n], at_least: 5, window: 0.001}",
        "d: {type: speed, keypoints: [n], at_least: 5, window: 0.034}",
    ]
    experiment = load(tmp_path, "triggers:\n" + "".join(f"  {line}\n" for line in lines))
    remarks = check_experiment(experiment, image_sizes={"top": (640, 480)}, rates={"top": 30})
    assert {item.key: item.line for item in remarks if item.key.count(".") == 2} == {
        "triggers.a.point": 10,
        "triggers.b.frame": 11,
        "triggers.c.window": 12,
    }
    assert not [item.key for item in check_experiment(experiment) if item.key.count(".") == 2], "nothing is known"


@pytest.mark.parametrize(
    ("line", "key", "found"),
    [
        ("a: {type: direction, start: n, end: m, edge: north, at_most: 180}", "at_most", "at most 180 degrees"),
        ("a: {type: angle, keypoints: [n, m, o], at_least: 0, at_most: 180}", "at_most", "between 0 and 180 degrees"),
        ("a: {type: ego_head_direction, at_least: 0}", "at_least", "at least 0 degrees"),
        ("a: {type: ego_head_direction, at_least: 0, side: left}", "", ""),
        ("a: {type: ego_head_direction, at_least: 10, at_most: 180}", "", ""),
        ("a: {type: speed, keypoints: [n], at_least: 0}", "at_least", "at least 0 px/s"),
        ("a: {type: speed, keypoints: [n], at_most: 180}", "", ""),
        ("a: {type: acceleration, keypoints: [n], at_least: 0}", "", ""),
        ("a: {type: count, trigger: b, times: 1000, within: 0.1}", "times", "1000 times within 0.1 s"),
        ("a: {type: count, trigger: b, times: 2, within: 0.1}", "", ""),
        ("a: {type: count, trigger: b, times: 3, within: 0.05}", "times", "3 times within 0.05 s"),
        ("a: {type: count, trigger: n, times: 3, within: 0.05}", "times", "3 times within 0.05 s"),
        ("a: {type: count, trigger: w, times: 3, within: 0.05}", "", ""),
        ("a: {type: count, trigger: r, times: 4, within: 5}", "times", "4 times within 5 s"),
        ("a: {type: count, trigger: r, times: 2, within: 5}", "", ""),
    ],
)
def test_what_is_always_or_never_true_deserves_a_look(tmp_path, line, key, found):
    others = [
        "b: {type: speed, keypoints: [n], at_least: 5}",
        "n: {type: not, trigger: b}",
        "t: {type: topic, topic: /a, message: std_msgs/msg/Float64, at_least: 5}",
        "w: {type: or, triggers: [b, t]}",
        "r: {type: topic, topic: /a, message: std_msgs/msg/Float64, at_least: 5, refractory: 2}",
    ]
    experiment = load(tmp_path, f"triggers:\n  {line}\n" + "".join(f"  {other}\n" for other in others))
    remarks = check_experiment(experiment, rates={"top": 60})
    told = [(item.key, item.found, item.line) for item in remarks if item.key.startswith("triggers.a.")]
    assert told == ([(f"triggers.a.{key}", found, 10)] if key else [])


def units(folder: Path, head: str) -> list[tuple[str, int, str]]:
    words = "triggers:\n  a: {type: speed, keypoints: [n], at_least: 5}\n"
    remarks = check_experiment(load(folder, words, HEAD + head), image_sizes={"top": (640, 480)})
    return [
        (item.key, item.line, item.suggestion)
        for item in remarks
        if item.place[0] not in ("regions", "triggers", "protocol")
    ]


def test_numbers_in_another_unit_deserve_a_look(tmp_path):
    assert units(tmp_path, "calibration: {top: 12.5}\nmax_age: 5\npose_timeout: 60\n") == []
    assert units(tmp_path, "calibration: {top: 0.08}\n") == [
        ("calibration.top", 8, "If 0.08 is centimetres per pixel, write 12.5.")
    ]
    assert units(tmp_path, "calibration: {top: 700, side: 0.08}\n") == [("calibration.top", 8, "")], "side: no size"
    assert units(tmp_path, "max_age: 500\npose_timeout: 1000\n") == [
        ("max_age", 8, "If 500 is milliseconds, write 0.5."),
        ("pose_timeout", 9, "If 1000 is milliseconds, write 1."),
    ]


def test_circles_have_the_line_of_their_first_trigger(tmp_path):
    circle = "triggers:\n  a: {type: not, trigger: b}\n  b: {type: or, triggers: [c, d]}\n" + (
        "  c: {type: not, trigger: a}\n  d: {type: count, trigger: d, times: 2, within: 1}\n"
    )
    with pytest.raises(InputError) as caught:
        load(tmp_path, circle)
    said = str(caught.value)
    assert "experiment.yaml:10: triggers.a.trigger: found the circle a -> b -> c -> a" in said
    assert "experiment.yaml:13: triggers.d.trigger: found itself" in said


PIECES = [
    *(
        "any",
        "all",
        "left",
        "side",
        "a",
        "neck",
        "px",
        "cm",
        "cm/s",
        "degrees",
        "true",
        "false",
        "hold",
        "veto",
        "north",
    ),
    *("0", "1", "-1", "2", "0.5", "1e400", ".nan", "''", "~", "[]", "{}", "[a]", "[neck, nose]", "[1, 2]", "{a: 1}"),
    *(
        "9" * 30,
        "/x",
        "std_msgs/msg/Float64",
        "[[1, 2], [3, 4]]",
        "2020-01-01",
        "&x [*x]",
        "!!python/name:os.system",
        "é",
    ),
]
KINDS = [line.partition("type: ")[2].partition(",")[0] for line in ALL.splitlines()[1:]]


def fuzzed(chance: random.Random) -> str:
    """All triggers, some with values, keys or types that may not fit them."""
    known = sorted({key for item in YAML(typ="safe").load(ALL)["triggers"].values() for key in item})
    lines = []
    for line in ALL.splitlines()[1:]:
        if chance.random() < 0.3:
            head, _, body = line.partition("{")
            keys = [part.strip() for part in body.rstrip("}").split(", ") if ":" in part]
            change = chance.randrange(5)
            if change == 0:
                keys.pop(chance.randrange(len(keys)))
            elif change == 1:
                keys.append(f"{chance.choice(known)}: {chance.choice(PIECES)}")
            elif change == 2:
                place = chance.randrange(len(keys))
                keys[place] = keys[place].partition(":")[0] + ": " + chance.choice(PIECES)
            elif change == 3:
                keys[0] = f"type: {chance.choice(KINDS)}"
            else:
                keys = [f"type: {chance.choice(KINDS)}"] + [
                    f"{key}: {chance.choice(PIECES)}" for key in chance.sample(known, chance.randint(0, 6))
                ]
            line = head + "{" + ", ".join(keys) + "}"
        lines.append(line)
    return "triggers:\n" + "\n".join(lines) + "\n"


@pytest.mark.filterwarnings("ignore::ruamel.yaml.error.ReusedAnchorWarning")
@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_any_file_is_accepted_or_refused_with_a_line(tmp_path_factory, seed):
    folder = tmp_path_factory.getbasetemp()
    try:
        experiment = load(folder, fuzzed(random.Random(seed)))
    except InputError as error:
        assert error.problems
        assert all(problem.line for problem in error.problems), str(error)
    else:
        assert experiment.triggers
        for trigger in experiment.triggers.values():
            assert trigger.in_words()
        made = TriggerSet(experiment.triggers, experiment.context)
        made.bind("top", ["nose", "neck", "tailroot", "a"])


PAGE = Path(__file__).parents[2] / "docs" / "reference" / "triggers.md"
EXAMPLES = [part.partition("```")[0] for part in PAGE.read_text(encoding="utf-8").split("```yaml\n")[1:]]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.partition("{type: ")[2].partition(",")[0])
def test_the_examples_of_the_documentation_are_valid(tmp_path, example):
    if "grooming.onnx" in example:
        pytest.skip("the example's network is not there")
    first = next(iter(YAML(typ="safe").load(example)["triggers"]))
    path = tmp_path / "experiment.yaml"
    path.write_text("experiment: page\ncamera: top\n" + example + TAIL.replace("trigger: a", f"trigger: {first}"))
    assert load_experiment(path).triggers


def test_the_documentation_has_every_type():
    page = PAGE.read_text(encoding="utf-8")
    with own_parts_only():  # whoever runs the tests may have installed others
        assert [kind for kind in TRIGGERS if f"type: {kind}" not in page] == []
        assert [kind for kind in REGIONS if f"type: {kind}" not in page] == []
