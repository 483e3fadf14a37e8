"""Classes of one's own: the example that comes along runs, and nothing runs that was not allowed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from experiment_poses import KEYPOINTS, neck_at, seconds

from dlstream_common import InputError
from dlstream_experiment import Command, Engine, check_experiment, load_experiment

FOLDER = Path(__file__).parents[2] / "config" / "experiments" / "python"
EXAMPLE = FOLDER / "python.yaml"
TRIGGER = """\
experiment: own
camera: top
triggers:
  mine:
    type: python
    class: {name}
    options: {options}
protocol:
  type: region_trials
  trials: {{one: {{trigger: mine, stimulus: {{output: screen, action: show}}}}}}
"""


def refused(path: Path, allow_python: bool = True) -> str:
    with pytest.raises(InputError) as caught:
        load_experiment(path, allow_python)
    assert all(problem.line for problem in caught.value.problems)
    return str(caught.value)


@pytest.fixture
def write(tmp_path: Path):
    """Writes an experiment file with a class of the example's, or of some other file's text."""

    def write(name: str = "near_wall.py:NearWall", options: str = "{keypoint: neck, width: 640, height: 480}") -> Path:
        (tmp_path / "near_wall.py").write_text((FOLDER / "near_wall.py").read_text())
        path = tmp_path / "own.yaml"
        path.write_text(TRIGGER.format(name=name, options=options))
        return path

    return write


def test_the_example_runs():
    experiment = load_experiment(EXAMPLE, allow_python=True)
    assert check_experiment(experiment, cameras=["top"], keypoints=KEYPOINTS, outputs=["screen"]) == []
    engine = Engine(experiment)
    engine.start(seconds(0))
    commands = []
    for number in range(1, 9):
        place = (20.0, 200.0) if number % 2 else (300.0, 200.0)
        effects = engine.poses(neck_at(number, *place, number))
        commands += [(number, item.action) for item in effects if isinstance(item, Command)]
    assert commands == [(1, "show"), (2, "off"), (5, "show"), (6, "off")], "every other visit"
    assert engine.status(seconds(9)).counts == {"seen": 4, "stimuli": 2}


def test_the_same_poses_give_the_same_effects():
    def run() -> list[object]:
        engine = Engine(load_experiment(EXAMPLE, allow_python=True))
        effects: list[object] = [engine.start(seconds(0))]
        for number in range(1, 60):
            effects += engine.poses(neck_at(number / 2, number * 37 % 640, number * 53 % 480, number))
        return effects

    assert run() == run()


def test_it_is_told_in_words():
    experiment = load_experiment(EXAMPLE, allow_python=True)
    assert "within 60 px" in experiment.triggers["near_wall"].in_words()
    assert "Every other time" in experiment.protocol.in_words()[0]
    assert [box.name for box in experiment.protocol.diagram().boxes] == ["waiting", "stimulus", "end"]


def test_nothing_runs_that_was_not_allowed(tmp_path: Path):
    proof = tmp_path / "proof"
    (tmp_path / "evil.py").write_text(f"open({str(proof)!r}, 'w').close()\n")
    path = tmp_path / "own.yaml"
    path.write_text(TRIGGER.format(name="evil.py:Evil", options="{}"))
    said = refused(path, allow_python=False)
    assert "own.yaml:6: triggers.mine.class: found 'evil.py:Evil'" in said
    assert "--allow-python" in said
    assert not proof.exists()
    refused(path)
    assert proof.exists(), "allowed, it was imported"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../near_wall.py:NearWall", "a file in the experiment file's own folder"),
        ("/etc/passwd.py:X", "a file in the experiment file's own folder"),
        ("near_wal.py:NearWall", "Did you mean 'near_wall.py'?"),
        ("near_wall.py:NearWal", "Did you mean 'NearWall'?"),
        ("near_wall.py:EveryOther", "a subclass of TriggerSettings, but EveryOther is the class EveryOther"),
        ("near_wall.py:SECOND", "a subclass of TriggerSettings, but SECOND is a int"),
        ("near_wall", "an installed entry point of the group dlstream.triggers"),
        ("own.yaml:X", "an existing Python file"),
    ],
)
def test_classes_that_are_none(write, name: str, expected: str):
    said = refused(write(name))
    assert ":6: triggers.mine.class: found" in said
    assert expected in said


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("{keypoint: neck, width: 640}", "options.height: found nothing"),
        ("{keypoint: neck, width: wide, height: 480}", "options.width: found 'wide'; expected a whole number"),
        ("{keypoint: neck, width: 0, height: 480}", "options.width: found 0; expected a number greater than 0"),
        ("{keypoint: neck, width: 640, hight: 480}", "Did you mean 'height'?"),
        ("5", "options: found 5; expected keys and values"),
    ],
)
def test_options_are_validated_by_the_class(write, options: str, expected: str):
    said = refused(write(options=options))
    assert ":7: triggers.mine.options" in said
    assert expected in said


def test_what_a_class_refers_to_is_checked_like_any_other(write):
    experiment = load_experiment(write(), allow_python=True)
    with pytest.raises(InputError, match=r"triggers\.mine\.options\.keypoint: found 'neck'") as caught:
        check_experiment(experiment, keypoints=["snout", "nekc"])
    assert caught.value.problems[0].line == 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = (\n", "SyntaxError in line 1"),
        ("import math\n\nmath.nothing\n", "AttributeError in line 3"),
        ("raise SystemExit(3)\n", "SystemExit in line 1"),
        ("import no_such_package\n", "ModuleNotFoundError"),
    ],
)
def test_a_file_that_can_not_be_imported(tmp_path: Path, text: str, expected: str):
    (tmp_path / "broken.py").write_text(text)
    path = tmp_path / "own.yaml"
    path.write_text(TRIGGER.format(name="broken.py:X", options="{}"))
    assert expected in refused(path)


def test_a_class_without_its_methods_is_refused(tmp_path: Path):
    (tmp_path / "half.py").write_text(
        "from dlstream_experiment.model.triggers import TriggerSettings\nclass Half(TriggerSettings):\n    pass\n"
    )
    path = tmp_path / "own.yaml"
    path.write_text(TRIGGER.format(name="half.py:Half", options="{}"))
    assert "a class that has all it needs" in refused(path)


def test_an_entry_point_needs_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "site"
    (package / "own_lab-1.0.dist-info").mkdir(parents=True)
    (package / "own_lab.py").write_text((FOLDER / "near_wall.py").read_text())
    (package / "own_lab-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: own_lab\nVersion: 1.0\n")
    (package / "own_lab-1.0.dist-info" / "entry_points.txt").write_text(
        "[dlstream.triggers]\nnear_wall = own_lab:NearWall\nbroken = own_lab:Nothing\n"
    )
    monkeypatch.setattr(sys, "path", [str(package), *sys.path])
    path = tmp_path / "own.yaml"
    path.write_text(TRIGGER.format(name="near_wall", options="{keypoint: neck, width: 640, height: 480}"))
    assert load_experiment(path).triggers["mine"].keypoints_used() == [(("options", "keypoint"), "neck")]
    path.write_text(TRIGGER.format(name="near_wal", options="{}"))
    assert "Did you mean 'near_wall'?" in refused(path, allow_python=False)
    path.write_text(TRIGGER.format(name="broken", options="{}"))
    assert "an entry point that loads" in refused(path, allow_python=False)
