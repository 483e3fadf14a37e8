"""Experiment files: what is accepted, and how mistakes are told."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import example as given_example
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream_common import InputError
from dlstream_experiment import Experiment, check_experiment, load_experiment
from dlstream_outputs import output_settings

CONFIG = Path(__file__).parents[2] / "config"
EXAMPLE = CONFIG / "experiments" / "example.yaml"
ARENA = ("snout", "leftear", "rightear", "neck", "tailbase")
OPENFIELD = ("snout", "leftear", "rightear", "tailbase")


@pytest.mark.parametrize(("name", "keypoints"), [("example", ARENA), ("demo", ARENA), ("example_openfield", OPENFIELD)])
def test_the_experiments_that_come_along_are_valid(name, keypoints):
    images = [f"left={CONFIG / 'images' / 'stripes.png'}", f"right={CONFIG / 'images' / 'checkers.png'}"]
    screen = output_settings("screen").model_validate({"images": images})
    experiment = load_experiment(CONFIG / "experiments" / f"{name}.yaml")
    warnings = check_experiment(
        experiment, cameras=["top"], image_sizes={"top": (640, 480)}, keypoints=keypoints, outputs={"screen": screen}
    )
    assert warnings == []
    assert experiment.experiment == name


def test_the_example_is_deeplabstreams():
    experiment = load_experiment(EXAMPLE)
    protocol = experiment.protocol.model_dump()
    assert list(protocol["trials"]) == ["right", "left"]
    assert (protocol["lockout"], protocol["max_hits"], protocol["max_time"]) == (10, 10, 600)
    assert experiment.regions["right"].model_dump()["center"] == (550, 163)
    assert experiment.regions["left"].model_dump()["center"] == (372, 163)
    assert all(region.model_dump()["radius"] == 87.5 for region in experiment.regions.values())
    assert [item[1] for trigger in experiment.triggers.values() for item in trigger.keypoints_used()] == ["neck"] * 2


def changed(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """The example with pieces of its text replaced."""
    text = EXAMPLE.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "experiment.yaml"
    path.write_text(text)
    return path


def line_with(text: str, path: Path = EXAMPLE) -> int:
    """The first line, counted from 1, that holds the text outside of a comment."""
    lines = path.read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line.partition("#")[0])


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("camera: top", "camra: top", "camera: top", "camra: found the unknown key 'camra'"),
        ("camera: top", "camra: top", None, "camera: found nothing"),
        ("radius: 87.5}", "radios: 87.5}", "right: {type", "Did you mean 'radius'?"),
        ("radius: 87.5}", "radius: wide}", "right: {type", "radius: found 'wide'; expected a number"),
        ("radius: 87.5}", "radius: -1}", "right: {type", "found -1; expected a number greater than 0"),
        ("right: {type: circle", "right: {type: circel", "right: {type", "Did you mean 'circle'?"),
        ("type: region\n", "type: regoin\n", "type: region", "Did you mean 'region'?"),
        ("region: right", "region: rigth", "region: right", "a region of this file. Did you mean 'right'?"),
        ("trigger: in_right", "trigger: in_rigth", "trigger: in_right", "a trigger of this file. Did you mean"),
        (
            "keypoints: [neck]",
            "keypoints: neck",
            "keypoints: [neck]",
            "found 'neck'; expected a list, such as",
        ),
        ("keypoints: [neck]", "keypoints: []", "keypoints: [neck]", "found an empty list; expected at least 1 entry"),
        ("type: region_trials", "type: region_trails", "type: region_trials", "Did you mean 'region_trials'?"),
        ("action: show", "action: off", "stimulus: {output", "goes off by itself"),
        ("max_hits: 10 ", "max_hits: 1.5 ", "max_hits: 10", "max_hits: found 1.5"),
        ("lockout: 10 ", "lockout: .inf ", "lockout: 10", "lockout"),
        ("output: screen", "output: big screen", "stimulus: {output", "a name of letters, digits and _"),
        ("camera: top  ", "camera: [top", None, "instead of ',' or ']'; expected valid YAML"),
        (
            "experiment: example",
            "experiment: example\nexperiment: again",
            None,
            "found the key 'experiment' for the second time; expected each key only once",
        ),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path, old, new, line, message):
    path = changed(tmp_path, (old, new))
    with pytest.raises(InputError) as caught:
        load_experiment(path)
    assert message in str(caught.value)
    if line:
        assert f"experiment.yaml:{line_with(line)}: " in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path):
    path = changed(
        tmp_path,
        ("center: [550, 163]", "centre: [550, 163]"),
        ("keypoints: [neck]  ", "keypoint: [neck]  "),
        ("region: left", "region: lfet"),
        ("trigger: in_left", "trigger: in_let"),
        ("max_time: 600", "max_time: soon"),
    )
    with pytest.raises(InputError) as caught:
        load_experiment(path)
    said = str(caught.value)
    for word in ("'centre'", "'keypoint'", "'lfet'", "'soon'"):
        assert word in said
    lines = [problem.line or 0 for problem in caught.value.problems]
    assert lines == sorted(lines)


def test_what_does_not_fit_the_rig_is_told_at_once_with_lines_and_suggestions():
    experiment = load_experiment(EXAMPLE)
    screen = output_settings("screen").model_validate(
        {"images": [f"lft={CONFIG / 'images' / 'stripes.png'}", f"right={CONFIG / 'images' / 'checkers.png'}"]}
    )
    with pytest.raises(InputError) as caught:
        check_experiment(
            experiment,
            cameras=["top", "side"],
            image_sizes={"top": (600, 480)},
            keypoints=["snout", "nek"],
            outputs={"screen": screen},
        )
    said = str(caught.value)
    assert f"{EXAMPLE}:{line_with('right: {type')}: regions.right: found x 462.5 to 637.5, y 75.5 to 250.5" in said
    assert "inside the image of camera 'top', 600x480" in said
    assert said.count("Did you mean 'nek'? Known: snout, nek.") == 2
    assert f"{EXAMPLE}:{line_with('image: left')}: protocol.trials.left.stimulus.values.image: found 'left'" in said
    assert "Did you mean 'lft'?" in said
    assert len(caught.value.problems) == 4

    with pytest.raises(InputError) as caught:
        check_experiment(experiment, cameras=["tpo"], outputs=["scren"])
    assert f":{line_with('camera: top')}: camera: found 'top'; expected a camera of the rig" in str(caught.value)
    assert str(caught.value).count("Did you mean 'scren'?") == 2


def test_the_camera_of_a_trigger_is_one_of_the_rigs(tmp_path: Path):
    file = tmp_path / "two.yaml"
    text = EXAMPLE.read_text().replace("keypoints: [neck]", "camera: sdie\n    keypoints: [neck]", 1)
    file.write_text(text.replace("type: region\n    region: right", "type: speed\n    at_least: 5", 1))
    with pytest.raises(InputError) as caught:
        check_experiment(load_experiment(file), cameras=["top", "side"])
    assert "camera: found 'sdie'; expected a camera of the rig. Did you mean 'side'?" in str(caught.value)


def test_what_is_not_known_of_the_rig_is_not_checked():
    assert check_experiment(load_experiment(EXAMPLE)) == []


def test_a_region_at_the_image_border_is_inside(tmp_path):
    whole = "right: {type: rectangle, left: 0, top: 0, right: 640, bottom: 480}"
    path = changed(tmp_path, ("right: {type: circle, center: [550, 163], radius: 87.5}", whole))
    assert check_experiment(load_experiment(path), image_sizes={"top": (640, 480)}) == []


def test_what_nothing_uses_is_a_warning(tmp_path):
    path = changed(
        tmp_path,
        ("triggers:\n", "  spare: {type: circle, center: [9, 9], radius: 3}\ntriggers:\n"),
        ("protocol:\n", "  seen: {type: region, region: left, keypoints: [snout]}\nprotocol:\n"),
    )
    warnings = check_experiment(load_experiment(path))
    assert [problem.key for problem in warnings] == ["regions.spare", "triggers.seen"]
    assert all(problem.line for problem in warnings)


def test_a_plain_false_is_a_word_for_missing(tmp_path):
    path = changed(tmp_path, ("keypoints: [neck]  ", "missing: false\n    keypoints: [neck]  "))
    assert load_experiment(path).triggers["in_right"].model_dump()["missing"] == "false"


def test_files_that_are_none(tmp_path):
    for name, content in (("empty.yaml", b""), ("binary.yaml", b"\xff\xfe\x00\x01"), ("list.yaml", b"- 1\n- 2\n")):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match=name):
            load_experiment(path)
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(InputError, match="no readable file"):
            load_experiment(path)


def test_it_has_a_json_schema_for_editors():
    schema = Experiment.model_json_schema()
    assert "RegionTrialsSettings" in schema["$defs"]
    assert schema["properties"]["camera"]["description"] == "The camera whose poses it watches."


PIECES = [
    *("{", "}", "[", "]", ":", "-", ",", "\n", "\t", "  ", "#", "&a ", "*a", "!!python/object:os.system ", "!x ", "? "),
    *(
        "null",
        "true",
        "~",
        "1e999",
        ".nan",
        "-1",
        "0",
        "''",
        '"',
        "|",
        ">",
        "%",
        "@",
        "<<: ",
        "2020-01-01",
        "\x00",
        "é",
    ),
    *("type", "region", "circle", "polygon", "rectangle", "points: [[0, 0], [1, 1], [2, 0]]", "off", "9" * 400),
]


def mutated(seed: int, count: int) -> str:
    """The example with random pieces put in, cut out, doubled and swapped."""
    chance = random.Random(seed)
    text = "\n".join(line.partition("#")[0].rstrip() for line in EXAMPLE.read_text().splitlines() if line.strip())
    for _ in range(count):
        at, to = sorted(chance.choices(range(len(text) + 1), k=2))
        kind = chance.randrange(5)
        if kind == 0:
            text = text[:at] + chance.choice(PIECES) + text[at:]
        elif kind == 1:
            text = text[:at] + text[min(to, at + 12) :]
        elif kind == 2:
            text = text[:to] + text[at : min(to, at + 40)] + text[to:]
        else:
            lines = text.splitlines() or [""]
            first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
            if kind == 3:
                lines[first], lines[second] = lines[second], lines[first]
            else:
                lines[first] = lines[first].partition(":")[0] + ": " + chance.choice(PIECES)
            text = "\n".join(lines)
    return text


@pytest.mark.filterwarnings("ignore::ruamel.yaml.error.ReusedAnchorWarning")
@given(st.integers(0, 2**32), st.integers(1, 4))
@given_example(196, 1)  # a key with a tag
@given_example(13433, 2)  # a key that is a list
@settings(max_examples=150, deadline=None)
def test_a_mutated_file_is_accepted_or_refused_and_nothing_else(tmp_path_factory, seed, count):
    path = tmp_path_factory.getbasetemp() / "mutated.yaml"
    path.write_text(mutated(seed, count), encoding="utf-8")
    try:
        experiment = load_experiment(path)
    except InputError as error:
        assert error.problems
        assert str(path) in str(error)
    else:
        assert experiment.cameras
        check_experiment(experiment)


def test_a_region_may_reach_beyond_the_image_where_the_file_says_so(tmp_path):
    region = "right: {type: circle, center: [550, 163], radius: 87.5"
    path = changed(tmp_path, (region, f"{region}, beyond_image: true"))
    assert check_experiment(load_experiment(path), image_sizes={"top": (600, 480)}) == []
    with pytest.raises(InputError, match="a part is inside the image of camera 'top', 400x480"):
        check_experiment(load_experiment(path), image_sizes={"top": (400, 480)})
