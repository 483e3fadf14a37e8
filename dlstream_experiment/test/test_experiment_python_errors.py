"""Classes of one's own that fail: said with trigger, file, line and exception, and never as a bare traceback."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from experiment_poses import neck_at, seconds

from dlstream_common import InputError
from dlstream_experiment import Command, Effect, Engine, Event, Phase, load_experiment

FOLDER = Path(__file__).parents[2] / "config" / "experiments" / "python"
DECIDES = "return bool(np.nanmin(to_border) <= self._settings.distance)"


@pytest.fixture
def make(tmp_path: Path):
    """The example with a piece of its Python file replaced; and the line of what is new."""

    def make(old: str, new: str) -> tuple[Path, int]:
        text = (FOLDER / "near_wall.py").read_text()
        assert old in text
        text = text.replace(old, new, 1)
        (tmp_path / "near_wall.py").write_text(text)
        path = tmp_path / "python.yaml"
        path.write_text((FOLDER / "python.yaml").read_text())
        return path, 1 + text[: text.index(new)].count("\n")

    return make


def started(path: Path) -> Engine:
    engine = Engine(load_experiment(path, allow_python=True))
    engine.start(seconds(0))
    return engine


def failed(engine: Engine, effects: Sequence[Effect]) -> str:
    """Why a run ended with a fault and all outputs off."""
    assert not engine.running
    assert engine.status(seconds(9)).phase is Phase.FAULT
    told = [item.kind for item in effects if isinstance(item, Event)]
    assert told == ["fault", "experiment_ended"]
    assert [item.action for item in effects if isinstance(item, Command)] == ["off"]
    (fault,) = [item for item in effects if isinstance(item, Event) and item.kind == "fault"]
    assert engine.status(seconds(9)).reason == fault.values["reason"]
    return fault.values["reason"]


@pytest.mark.parametrize(
    ("what", "method", "made"),
    [
        ("trigger 'near_wall' (near_wall.py:NearWall)", "build", "return NearWallTrigger(self)"),
        ("the protocol (near_wall.py:EveryOther)", "create", "return EveryOtherProtocol(self)"),
    ],
)
def test_what_can_not_be_made_as_the_run_begins_ends_it(make, what, method, made):
    path, _ = make(made, f"open(__file__ + '.state').close(); {made}")
    state = path.parent / "near_wall.py.state"
    state.touch()
    engine = Engine(load_experiment(path, allow_python=True))
    state.unlink()
    reason = failed(engine, engine.start(seconds(0)))
    assert reason.startswith(f"{what}: {method} raised FileNotFoundError: ")
    assert engine.poses(neck_at(1, 20, 200)) == []
    state.touch()
    engine.start(seconds(2))
    assert engine.running
    assert engine.status(seconds(3)).phase is Phase.RUNNING


def test_decide_that_raises_is_told_with_its_line(make):
    path, line = make(DECIDES, "return 1 / 0")
    engine = started(path)
    assert failed(engine, engine.poses(neck_at(1, 20, 200))) == (
        "trigger 'near_wall' (near_wall.py:NearWall): decide raised ZeroDivisionError: division by zero "
        f"({path.parent / 'near_wall.py'}, line {line}) (at stamp {seconds(1)} ns)"
    )


@pytest.mark.parametrize("returned", ['"yes"', "1", "np.zeros(2)"])
def test_decide_must_decide(make, returned):
    engine = started(make(DECIDES, f"return {returned}")[0])
    reason = failed(engine, engine.poses(neck_at(1, 20, 200)))
    assert re.search(r"decide returned .*; expected True, False or None", reason)


def test_decide_may_return_what_numpy_compares(make):
    engine = started(make(DECIDES, DECIDES.replace("bool(", "(", 1))[0])
    engine.poses(neck_at(1, 20, 200))
    assert engine.status(seconds(1)).active_triggers == ("near_wall",)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("self._column = 0", "raise TypeError('no')", "triggers.near_wall.class: found 'near_wall.py:NearWall', whose"),
        ('return f"the {self', "raise TypeError() #", "whose in_words raised TypeError"),
        ("return NearWallTrigger(self)", "return None", "whose build returned None; expected"),
        ("return NearWallTrigger(self)", "return 5", "whose build returned 5; expected an object of Trigger"),
        ('return [(("keypoint",), ', "return None #", "whose keypoints_used raised TypeError"),
        ("return EveryOtherProtocol(self)", "return {}['x']", "protocol.class: found 'near_wall.py:EveryOther', whose"),
        ('return [(("trigger",)', "raise OSError #", "protocol.class: found 'near_wall.py:EveryOther', whose triggers"),
        ('"near the wall" if self._inside else "waiting"', "3", "whose state returned 3; expected text"),
        ('return {"seen"', 'return {"seen": "x"} #', "whose counts returned {'seen': 'x'}; expected whole numbers"),
        ("return Diagram(", "return (", "whose diagram returned"),
    ],
)
def test_what_fails_when_asked_is_found_before_the_run(make, old, new, said):
    path, _ = make(old, new)
    with pytest.raises(InputError) as caught:
        load_experiment(path, allow_python=True)
    (problem,) = caught.value.problems
    assert said in str(problem)
    assert path.read_text().splitlines()[problem.line - 1].strip().startswith("class: ")


def test_problems_that_raise(make):
    path, line = make(
        "    def diagram(self)", "    def problems(self):\n        assert False, 'hm'\n\n    def diagram(self)"
    )
    with pytest.raises(InputError, match=rf"problems raised AssertionError: hm \(.*near_wall.py, line {line + 1}\)"):
        load_experiment(path, allow_python=True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("inside = decided", "inside = self.nothing or decided", r"evaluate raised AttributeError: .* \(.*at stamp"),
        ("self._given += 1\n", "return None\n", "evaluate returned None; expected a list of Note, End, and On and Off"),
        ('Note("stimulus", str(self._given))', 'Off("laser")', "evaluate returned .*On and Off of screen"),
        ('Note("stimulus", str(self._given))', 'Note("stimulus", 1)', "evaluate returned"),
    ],
)
def test_a_protocol_that_fails_is_asked_no_more(make, old, new, said):
    engine = started(make(old, new)[0])
    if "nothing" not in new:
        engine.poses(neck_at(1, 300, 200))
    reason = failed(engine, engine.poses(neck_at(2, 20, 200)))
    assert re.search(said, reason)
    assert reason.startswith("the protocol (near_wall.py:EveryOther): evaluate")
    status = engine.status(seconds(2))
    assert (status.state, status.counts) == ("waiting", {"seen": 0, "stimuli": 0}), "as after its last step"


def test_a_validator_that_raises(make):
    more = '    def model_post_init(self, context):\n        {}["x"]\n\n    def build'
    path, line = make("    def build", more)
    with pytest.raises(InputError, match=f"options that NearWall can be made of, but KeyError in line {line + 1}"):
        load_experiment(path, allow_python=True)


def test_a_state_that_raises_ends_the_run_and_not_whoever_asks_for_it(make):
    engine = started(make('return "near the wall" if self._inside', "return 1 / 0 if self._inside")[0])
    effects = engine.poses(neck_at(1, 20, 200))
    assert any("state raised ZeroDivisionError" in item.values["reason"] for item in effects if item_is_fault(item))
    assert not engine.running
    assert engine.status(seconds(2)).state == "waiting"


def item_is_fault(item: object) -> bool:
    return getattr(item, "kind", "") == "fault"
