"""The engine: the same inputs give the same effects, it starts again, and its outputs fail safe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from experiment_poses import BETWEEN, LEFT, RIGHT, brief, example, frame, individual, neck_at, seconds
from hypothesis import given
from hypothesis import strategies as st

from dlstream_common import DlstreamError
from dlstream_experiment import Command, Effect, Engine, Event, Phase, RegionStates

places = st.sampled_from([LEFT, RIGHT, BETWEEN, (np.nan, np.nan)])
inputs = st.lists(
    st.one_of(
        st.tuples(st.just("pose"), places, st.floats(0, 0.7)),
        st.tuples(st.just("tick"), st.just(BETWEEN), st.just(0.0)),
        st.tuples(st.just("stop"), st.just(BETWEEN), st.just(0.0)),
        st.tuples(st.just("start"), st.just(BETWEEN), st.just(0.0)),
    ),
    max_size=80,
)


def feed(engine: Engine, script: Any, steps: list[float]) -> list[list[Effect]]:
    said, time = [], 0.0
    for (kind, place, late), step in zip(script, steps, strict=False):
        time += step
        if kind == "pose":
            said.append(engine.poses(neck_at(time, *place), seconds(time + late)))
        elif kind == "tick":
            said.append(engine.tick(seconds(time)))
        elif kind == "stop":
            said.append(engine.stop(seconds(time), "asked to"))
        elif not engine.running:
            said.append(engine.start(seconds(time)))
    return said


@given(inputs, st.lists(st.floats(0.01, 3), min_size=80, max_size=80))
def test_the_same_inputs_give_the_same_effects(script, steps):
    experiment = example(lockout=1.0, max_hits=3, max_time=60)
    assert feed(Engine(experiment), script, steps) == feed(Engine(experiment), script, steps)


@given(inputs, st.lists(st.floats(0.01, 3), min_size=80, max_size=80))
def test_outputs_are_off_whenever_it_is_not_running(script, steps):
    engine = Engine(example(lockout=0.5, max_hits=3, max_time=30))
    told: str | None = "unknown"
    for effects in feed(engine, [("start", BETWEEN, 0.0), *script, ("stop", BETWEEN, 0.0)], [0.0, *steps, 1.0]):
        ended = False
        for effect in effects:
            if isinstance(effect, Command):
                assert not ended, "no command follows the end"
                told = None if effect.action == "off" else effect.values["image"]
            ended = ended or (isinstance(effect, Event) and effect.kind == "experiment_ended")
        if ended:
            assert told is None
    assert told is None


def test_a_run_begins_with_off_and_every_run_begins_anew():
    engine = Engine(example(max_hits=1))
    first = engine.start(seconds(0)) + engine.poses(neck_at(1, *LEFT)) + engine.poses(neck_at(2, *LEFT))
    assert brief(first)[:2] == ["screen off", "experiment_started example"]
    assert brief(first)[-1] == "experiment_ended example"
    assert engine.poses(neck_at(3, *LEFT)) == []
    assert engine.tick(seconds(3)) == []
    second = engine.start(seconds(10)) + engine.poses(neck_at(11, *LEFT)) + engine.poses(neck_at(12, *LEFT))
    assert brief(second) == brief(first)
    assert engine.status(seconds(12)).counts == {"right": 0, "left": 1}


def test_a_running_one_can_not_be_started():
    engine = Engine(example())
    engine.start(seconds(0))
    with pytest.raises(DlstreamError, match="is running already"):
        engine.start(seconds(1))


def test_stop_ends_the_trial_switches_off_and_says_why():
    engine = Engine(example())
    engine.start(seconds(0))
    engine.poses(neck_at(1, *LEFT))
    effects = engine.stop(seconds(2), "stopped by the operator")
    assert brief(effects) == ["trial_ended left", "screen off", "experiment_ended example"]
    event = next(effect for effect in effects if isinstance(effect, Event) and effect.kind == "experiment_ended")
    assert event.values == {
        "reason": "stopped by the operator",
        "duration": "2.000000",
        "count.right": "0",
        "count.left": "1",
    }
    status = engine.status(seconds(5))
    assert (status.phase, status.state, status.elapsed) == (Phase.FINISHED, "", 2.0)


def test_regions_are_active_while_a_trigger_of_theirs_is_true():
    engine = Engine(example())
    assert engine.regions() == [RegionStates("top", {"right": False, "left": False})]

    def states(effects: list[Effect]) -> list[RegionStates]:
        return [effect for effect in effects if isinstance(effect, RegionStates)]

    assert states(engine.start(seconds(0))) == [RegionStates("top", {"right": False, "left": False})]
    assert states(engine.poses(neck_at(1, *LEFT))) == [RegionStates("top", {"right": False, "left": True})]
    assert states(engine.poses(neck_at(1.1, *LEFT))) == [], "sent on changes alone"
    assert engine.status(seconds(1)).active_triggers == ("in_left",)
    assert states(engine.stop(seconds(2), "")) == [RegionStates("top", {"right": False, "left": False})]


def test_an_old_pose_decides_nothing_and_is_a_fault_now_and_then():
    engine = Engine(example(max_age=0.5))
    engine.start(seconds(0))
    assert brief(engine.poses(neck_at(1, *LEFT), seconds(1.5))) == [
        "trigger_rose in_left",
        "trial_started left",
        "screen show image=left",
    ], "as old as allowed"
    effects = engine.poses(neck_at(1.1, *BETWEEN, sequence=7), seconds(1.61))
    assert brief(effects) == ["fault pose"]
    fault = effects[0]
    assert isinstance(fault, Event)
    assert fault.values["reason"] == "a pose of camera 'top' came 0.510 s after its frame; max_age is 0.5 s"
    assert fault.cause is not None
    assert fault.cause.sequence == 7
    for number in range(10):
        assert engine.poses(neck_at(1.2 + number / 10, *BETWEEN), seconds(2 + number / 10)) == []
    later = engine.poses(neck_at(6, *BETWEEN), seconds(7))
    assert isinstance(later[0], Event)
    assert later[0].values["count"] == "11"
    assert engine.stale == 12
    assert engine.status(seconds(8)).state == "left"


def test_any_age_will_do_without_a_limit_and_offline():
    for limit, arrived in ((0, seconds(99)), (0.5, None)):
        engine = Engine(example(max_age=limit))
        engine.start(seconds(0))
        assert "trial_started left" in brief(engine.poses(neck_at(1, *LEFT), arrived))


def test_without_poses_the_stimulus_goes_off_and_comes_back_with_them():
    engine = Engine(example(pose_timeout=1.0))
    engine.start(seconds(0))
    engine.poses(neck_at(1, *LEFT), seconds(1.05))
    assert brief(engine.tick(seconds(2.05))) == []
    assert brief(engine.tick(seconds(2.06))) == ["fault pose", "screen off"]
    assert brief(engine.tick(seconds(3))) == [], "said once"
    assert engine.status(seconds(3)).state == "left", "the trial goes on"
    assert brief(engine.poses(neck_at(4, *LEFT), seconds(4.05))) == ["recovered pose", "screen show image=left"]
    assert brief(engine.tick(seconds(5.06))) == ["fault pose", "screen off"]
    assert brief(engine.poses(neck_at(6, *BETWEEN), seconds(6.05))) == [
        "recovered pose",
        "trigger_fell in_left",
        "trial_ended left",
    ]


GIVING = {
    "type": "states",
    "states": {
        "a": {"transitions": [{"when": "in_left", "go": "b"}]},
        "b": {
            "enter": [{"give": {"output": "screen", "action": "pulse", "values": {"width": 5}}}],
            "transitions": [{"when": "in_left", "is": False, "go": "a"}],
        },
    },
}


def test_each_pulse_is_commanded_and_none_again_when_poses_come_back():
    engine = Engine(example(pose_timeout=1.0, protocol=GIVING))
    engine.start(seconds(0))
    commands = []
    for time, place in ((1, LEFT), (1.5, BETWEEN), (2, LEFT)):
        commands += brief(engine.poses(neck_at(time, *place), seconds(time)))
    assert commands.count("screen pulse width=5") == 2
    assert "screen off" in brief(engine.tick(seconds(3.5)))
    assert brief(engine.poses(neck_at(4, *LEFT), seconds(4))) == ["recovered pose"]
    engine.poses(neck_at(4.5, *BETWEEN), seconds(4.5))
    assert "screen pulse width=5" in brief(engine.poses(neck_at(5, *LEFT), seconds(5)))


def test_old_poses_alone_are_no_poses():
    engine = Engine(example(pose_timeout=1.0, max_age=0.5))
    engine.start(seconds(0))
    engine.poses(neck_at(1, *LEFT), seconds(1))
    engine.poses(neck_at(1.2, *LEFT), seconds(1.9))
    assert brief(engine.tick(seconds(2.1))) == ["fault pose", "screen off"]


def test_a_keypoint_that_the_poses_lack_ends_it_with_a_fault():
    engine = Engine(example())
    engine.start(seconds(0))
    effects = engine.poses(frame(1, individual([LEFT, LEFT]), keypoints=("snout", "nek")))
    assert brief(effects) == ["fault pose", "screen off", "experiment_ended example"]
    status = engine.status(seconds(1))
    assert status.phase is Phase.FAULT
    assert status.reason == (
        "the poses of camera 'top' have no keypoint 'neck', which trigger 'in_right' needs. Did you mean 'nek'?"
    )


def test_keypoints_may_change_their_order():
    engine = Engine(example())
    engine.start(seconds(0))
    engine.poses(neck_at(1, *LEFT))
    swapped = frame(2, individual([LEFT, BETWEEN]), keypoints=("neck", "snout"))
    assert brief(engine.poses(swapped)) == []
    assert engine.status(seconds(2)).state == "left"


def test_malformed_poses_are_a_fault_and_decide_nothing():
    engine = Engine(example())
    engine.start(seconds(0))
    animal = replace(individual([LEFT, LEFT]), x=np.zeros(5, np.float32))
    effects = engine.poses(frame(1, animal))
    assert brief(effects) == ["fault pose"]
    assert isinstance(effects[0], Event)
    assert "5 values for 2 keypoints" in effects[0].values["reason"]


def test_other_cameras_are_not_listened_to():
    engine = Engine(example())
    engine.start(seconds(0))
    assert engine.poses(frame(1, individual([LEFT, LEFT]), camera="side")) == []


def test_regions_on_two_cameras():
    experiment = example(
        regions={
            "right": {"type": "circle", "center": RIGHT, "radius": 87.5},
            "left": {"type": "circle", "center": LEFT, "radius": 87.5, "camera": "side"},
        }
    )
    assert experiment.cameras == ("top", "side")
    engine = Engine(experiment)
    engine.start(seconds(0))
    assert brief(engine.poses(neck_at(0.5, *LEFT))) == [], "left is a region of the other camera"
    side = replace(neck_at(0.6, *LEFT), camera="side")
    assert "trial_started left" in brief(engine.poses(side))
    # One camera falls silent: blind on that side, everything is off.
    engine.poses(neck_at(1.5, *BETWEEN))
    assert brief(engine.tick(seconds(1.7))) == ["fault pose", "screen off"]
    assert brief(engine.poses(replace(neck_at(2, *LEFT), camera="side"))) == [
        "recovered pose",
        "screen show image=left",
    ]


def test_an_outer_fault_is_written_down():
    engine = Engine(example())
    (fault,) = engine.fault(seconds(1), "screen", "no answer")
    assert isinstance(fault, Event)
    assert (fault.kind, fault.name, fault.values) == ("fault", "screen", {"reason": "no answer"})
