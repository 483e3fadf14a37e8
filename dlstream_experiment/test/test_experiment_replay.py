"""What an engine took in, replayed: the same event log, byte for byte."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable

import numpy as np
import pytest
import random_experiments
from experiment_poses import BETWEEN, LEFT, brief, example, individual, neck_at, seconds
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dlstream_common import FramePoses, Individual
from dlstream_experiment import Engine, Event, Experiment, load_experiment
from dlstream_experiment.journal.journal import Entry, Journal, JournalError, from_first_start, read_journal
from dlstream_experiment.journal.replay import first_difference, replay
from dlstream_experiment.model.triggers import TRIGGERS
from dlstream_experiment.runtime.inputs import Input, Poses, Start, Stop, Tick, Value

RUNS = int(os.environ.get("DLSTREAM_REPLAYS", "30"))
"""How many random experiments; the bar is 1000."""


def run(experiment: Experiment, items: Iterable[Input]) -> tuple[list[str], list[str]]:
    """The journal and the event log of an engine, as the node writes them."""
    engine, writer = Engine(experiment), Journal()
    journal: list[str] = []
    log: list[str] = []
    for item in items:
        if isinstance(item, Start) and engine.running:
            continue
        if (isinstance(item, Tick) and not engine.needs_tick(item.stamp)) or (
            isinstance(item, Poses | Stop) and not engine.running
        ):
            continue
        line, *decisions = writer.lines(item, engine.handle(item), experiment)
        journal.append(line)
        log += decisions
    return journal, log


def replayed(journal: Iterable[str], experiment: Experiment) -> list[str]:
    return [line for item in replay(read_journal(journal), lambda _: experiment) for line in item.lines]


def test_random_experiments_replay_byte_for_byte():
    decided, kinds = 0, set()
    for number in range(RUNS):
        rng = random.Random(number)
        experiment = random_experiments.experiment(rng)
        kinds |= {trigger.type for trigger in experiment.triggers.values()}
        journal, log = run(experiment, random_experiments.inputs(rng, clock_is_set=number % 2 == 1))
        text = "".join(f"{line}\n" for line in journal)
        assert "".join(replayed(text.splitlines(), experiment)).encode() == "".join(log).encode(), number
        decided += sum('"command"' in line for line in log)
    assert decided > 5 * RUNS, "these experiments decide something"
    assert RUNS < 30 or len(kinds) > 0.5 * len(TRIGGERS), f"only these types took part: {sorted(kinds)}"


@settings(deadline=None)
@given(
    arrays.arrays(np.float32, 2, elements=st.floats(width=32)),
    st.booleans(),
    st.floats(0, 1, width=32),
    st.none() | st.integers(0, 2**62),
    st.integers(-(2**62), 2**62),
)
def test_poses_come_back_bit_by_bit(x, stale, score, arrived, ahead):
    one = Individual('a, "b"\n', x, x[::-1].copy(), x, score, vx=x, covariance=np.zeros((2, 3), np.float32))
    poses = FramePoses("top", 2**40, 2**60 + 1, ("snout", "nöck"), (one,), stale=stale, predicted_to=3)
    [line] = Journal().lines(Poses(poses, arrived, ahead, 7), [], example())
    [entry] = read_journal([line])
    assert isinstance(entry.input, Poses)
    assert (entry.input.arrived, entry.input.ahead, entry.input.doubt) == (arrived, ahead, 7)
    back = entry.input.poses
    assert (back.camera, back.sequence, back.stamp, back.keypoints) == ("top", 2**40, 2**60 + 1, ("snout", "nöck"))
    assert (back.stale, back.predicted_to) == (stale, 3)
    [other] = back.individuals
    assert (other.id, other.score, other.vy) == (one.id, one.score, None)
    for name in ("x", "y", "confidence", "vx", "covariance"):
        assert getattr(other, name).tobytes() == getattr(one, name).tobytes(), name
    assert other.covariance is not None
    assert other.covariance.shape == (2, 3)


def walk() -> list[Input]:
    places = [BETWEEN, LEFT, LEFT, BETWEEN, LEFT]
    poses = [Poses(neck_at(n / 10, *place, sequence=n), seconds(n / 10 + 0.02)) for n, place in enumerate(places, 1)]
    return [Start(seconds(0), 7), *poses, Stop(seconds(1), "stopped by the operator")]


def test_a_lost_line_is_noticed():
    journal, _ = run(example(), walk())
    with pytest.raises(JournalError, match="found entry 3 after 1; expected 2"):
        list(read_journal([*journal[:2], *journal[3:]]))
    with pytest.raises(JournalError, match="line 2 of the journal can't be read"):
        list(read_journal([journal[0], journal[1][:40]]))


def test_a_journal_that_begins_within_a_run_is_replayed_from_the_next_start():
    journal, log = run(example(), [*walk(), *walk()])
    entries = list(read_journal(journal[3:]))
    with pytest.raises(JournalError, match="in the middle of a run"):
        list(replay(entries, lambda _: example()))
    whole = from_first_start(entries)
    first = whole[0].number
    lines = [line for item in replay(whole, lambda _: example()) for line in item.lines]
    assert lines == [line for line in log if json.loads(line)["n"] >= first]


def test_the_first_difference_of_another_experiment_is_found():
    journal, log = run(example(), walk())
    entries: list[Entry] = list(read_journal(journal))
    assert first_difference(log, list(replay(entries, lambda _: example()))) is None
    other = example(lockout=0.05)
    found = first_difference(log, list(replay(entries, lambda _: other)))
    assert found is not None
    assert '"trial_started"' in found.replayed
    assert found.number == 5, "the second visit, which the longer lock-out kept from being a trial"
    cut = first_difference(log[:-1], list(replay(entries, lambda _: example())))
    assert cut is not None
    assert (cut.recorded, cut.replayed) == ("", log[-1])


def test_another_experiment_has_the_time_while_no_poses_come():
    """The journal has no tick of a gap that was short for the experiment which ran."""
    ran = example(pose_timeout=1.5)
    frames = [n / 10 for n in range(1, 11)] + [1.8, 1.9, 4.5]
    live: list[tuple[float, Input]] = [(0.0, Start(seconds(0)))]
    live += [(at, Poses(neck_at(at, *LEFT), seconds(at))) for at in frames]
    live += [(n / 20 + 0.013, Tick(seconds(n / 20 + 0.013))) for n in range(90)]
    journal, log = run(ran, [item for _, item in sorted(live, key=lambda one: one[0])])
    entries = list(read_journal(journal))
    assert sum(isinstance(entry.input, Tick) for entry in entries) > 20, "those of the long gap"
    assert first_difference(log, list(replay(entries, lambda _: ran, clock=True))) is None

    def gaps(timeout: float, clock: bool) -> list[tuple[str, float]]:
        effects = [
            effect
            for item in replay(entries, lambda _: example(pose_timeout=timeout), clock)
            for effect in item.effects
            if isinstance(effect, Event) and effect.name == "pose"
        ]
        return [(effect.kind, round((effect.stamp - seconds(0)) / 1e9, 3)) for effect in effects]

    assert gaps(1.5, clock=True) == gaps(1.5, clock=False) == [("fault", 3.413), ("recovered", 4.5)]
    assert gaps(0.3, clock=True)[:2] == [("fault", 1.35), ("recovered", 1.8)]
    assert len(gaps(0.3, clock=True)) == 4
    assert len(gaps(0.3, clock=False)) == 2, "without it the first gap is none"


def test_the_start_says_what_ran():
    journal, log = run(example(seed=11), walk())
    start = json.loads(journal[0])
    assert start["seed"] == 7
    assert Experiment.model_validate_json(start["text"]) == example(seed=11)
    assert '"seed":"11"' in next(line for line in log if "experiment_started" in line), "the file's own seed counts"


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_the_same_frames_decide_the_same_whenever_they_arrive(number):
    rng = random.Random(number)
    experiment = example(lockout=0.4, max_hits=4, max_time=5)
    frames = [neck_at(n / 30, *rng.choice((LEFT, LEFT, BETWEEN)), sequence=n) for n in range(1, 200)]
    live: list[Input] = [Start(seconds(0))]
    for poses in frames:
        arrived = poses.stamp + rng.randrange(1_000_000, 200_000_000)
        live += [Tick(poses.stamp), Poses(poses, arrived), Tick(arrived + 20_000_000)]
    offline = [Start(seconds(0)), *(Poses(poses) for poses in frames)]

    def said(items: list[Input]) -> list[object]:
        engine = Engine(experiment)
        effects = [effect for item in items for effect in engine.handle(item)]
        return [(e.kind, e.name, dict(e.values), e.cause) for e in effects if isinstance(e, Event)]

    assert said(live) == said(offline)
    assert len(said(offline)) > 3


def test_while_poses_come_the_clock_does_not_count():
    engine = Engine(example(max_time=0.5))
    engine.start(seconds(0))
    engine.poses(neck_at(0.4, *LEFT), seconds(0.45))
    assert not engine.needs_tick(seconds(1.4))
    assert brief(engine.tick(seconds(1.4))) == []
    assert engine.needs_tick(seconds(1.46))
    assert "experiment_ended example" in brief(engine.tick(seconds(1.46))), "after a second without poses"


def test_a_stale_pose_decides_nothing_and_is_a_fault():
    engine = Engine(example(max_age=0))
    engine.start(seconds(0))
    poses = neck_at(1, *LEFT)
    stale = FramePoses(poses.camera, 0, poses.stamp, poses.keypoints, poses.individuals, stale=True)
    effects = engine.poses(stale, seconds(1.3))
    assert brief(effects) == ["fault pose"]
    assert isinstance(effects[0], Event)
    assert effects[0].values["reason"].endswith("came 0.300 s after its frame; the pose node calls it stale")
    assert engine.stale == 1
    assert "trial_started left" in brief(engine.poses(poses, seconds(1.3)))


def test_commands_say_which_trigger_and_no_other_frame_than_its_own():
    journal, log = run(example(), walk())
    commands = [json.loads(line) for line in log if '"command"' in line]
    shown = [command for command in commands if command["command"] == "show"]
    assert shown
    assert {(command["trigger"], command["sequence"]) for command in shown} == {("in_left", 2)}
    assert "trigger" not in commands[-1], "the end's off is nobody's"
    assert individual([LEFT, LEFT]).id in journal[1]


WEIGHED = """\
experiment: weighed
camera: top
triggers:
  heavy: {type: topic, topic: /scale, message: std_msgs/msg/Float64, at_least: 20, timeout: 5, missing: "false"}
protocol:
  type: region_trials
  trials: {heavy: {trigger: heavy, stimulus: {output: screen, action: show, values: {image: left}}}}
"""


@pytest.mark.parametrize(("age", "rises"), [(0, True), (3, True), (6, False)])
def test_a_value_of_before_the_run_is_as_old_as_it_is(tmp_path, age, rises):
    path = tmp_path / "weighed.yaml"
    path.write_text(WEIGHED)
    experiment = load_experiment(path)
    value = Value(seconds(0), "/scale:data", 25.0, age=seconds(age) - seconds(0))
    later = [Poses(neck_at(number, 1, 1)) for number in (1, 3)]
    journal, log = run(experiment, [Start(seconds(0)), value, *later])
    assert any("trigger_rose" in line for line in log) == rises
    assert any("trigger_fell" in line for line in log) == (age == 3), "5 s after it came"
    assert ('"age"' in journal[1]) == (age > 0), "journals of before there was an age stay as they were"
    assert replayed(journal, experiment) == log
