"""What all protocols that come along have in common."""

from __future__ import annotations

import pytest
from experiment_poses import brief, frame, individual, seconds
from protocol_script import EXPERIMENTS, shipped

from dlstream_experiment import Engine, load_experiment

# All of them.

ALL = sorted(path.stem for path in EXPERIMENTS.glob("*.yaml"))


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_odd_about_what_comes_along(name):
    assert shipped(name).problems() == []


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
