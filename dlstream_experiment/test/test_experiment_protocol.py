"""The example's protocol against an independent telling of it, on scripted and on random walks."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from experiment_poses import BETWEEN, LEFT, RIGHT, brief, example, frame, neck_at, seconds
from hypothesis import given
from hypothesis import strategies as st

from dlstream_experiment import Command, Effect, Engine, Event, Phase

PLACES = {"R": RIGHT, "L": LEFT, "-": BETWEEN}


@dataclass
class Oracle:
    """The protocol told a second time, by clocks that run down: which picture is up, and how it ends."""

    lockout: float = 10.0
    max_hits: int = 10
    max_time: float = 600.0
    finish: bool = False
    up: str | None = None
    over: bool = False
    hits: dict[str, int] = field(default_factory=lambda: {"R": 0, "L": 0})
    free_after: dict[str, float] = field(default_factory=dict)

    def see(self, time: float, place: str) -> None:
        if self.over or place == "?":
            return
        enough = max(self.hits.values()) >= self.max_hits
        if time > self.max_time or (enough and not self.finish):
            self.over, self.up = True, None
            return
        for region in "RL":
            if place == region:
                if self.up is None and time > self.free_after.get(region, -1.0) and not enough:
                    self.up = region
                    self.hits[region] += 1
            elif self.up == region:
                self.up = None
                self.free_after[region] = time + self.lockout
                self.over = enough


NAMES = {"R": "right", "L": "left"}


def shown(effects: list[Effect], before: str | None) -> str | None:
    for effect in effects:
        if isinstance(effect, Command):
            before = effect.values.get("image") if effect.action == "show" else None
    return before


@given(
    st.lists(st.tuples(st.sampled_from("RL-?"), st.sampled_from([1, 2, 3, 5, 8])), max_size=120),
    st.sampled_from([0, 2, 5]),
    st.sampled_from([1, 2, 10]),
    st.sampled_from([20, 600]),
    st.booleans(),
)
def test_agrees_with_the_oracle_at_every_frame(walk, lockout, max_hits, max_time, finish):
    engine, oracle = (
        Engine(example(lockout=lockout, max_hits=max_hits, max_time=max_time, finish_last_trial=finish)),
        Oracle(lockout, max_hits, max_time, finish),
    )
    time, picture = 0, shown(engine.start(seconds(0)), None)
    unseen_for = 0
    for place, pause in walk:
        time += pause
        # Unseen for longer, the clock alone may end it: another test.
        unseen_for = unseen_for + pause if place == "?" else 0
        if unseen_for and time > max_time:
            return
        poses = frame(time) if place == "?" else neck_at(time, *PLACES[place])
        picture = shown(engine.poses(poses), picture)
        oracle.see(time, place)
        status = engine.status(seconds(time))
        assert picture == NAMES.get(oracle.up or "")
        assert status.state == (picture or "")
        assert (status.phase is Phase.FINISHED) == oracle.over
        assert status.counts == {NAMES[region]: hits for region, hits in oracle.hits.items()}


def run(engine: Engine, script: str, step: float = 1.0) -> list[str]:
    """A frame every `step` seconds, one for each letter; what was said at each time."""
    said = []
    for number, place in enumerate(script, start=1):
        time = number * step
        poses = frame(time) if place == "?" else neck_at(time, *PLACES[place])
        words = [word for word in brief(engine.poses(poses)) if not word.startswith("trigger")]
        said += [f"{time:g}: {word}" for word in words]
    return said


def test_entering_shows_and_leaving_locks_out_that_trial_for_ten_seconds_inclusive():
    engine = Engine(example())
    engine.start(seconds(0))
    # Leaves at 3; the lock-out runs while 10 s have not passed, so at 13 it still does.
    assert run(engine, "RR-RRRRRRRRRRRR-") == [
        "1: trial_started right",
        "1: screen show image=right",
        "3: trial_ended right",
        "3: screen off",
        "14: trial_started right",
        "14: screen show image=right",
        "16: trial_ended right",
        "16: screen off",
    ]


def test_the_other_trial_is_not_locked_out_and_follows_without_a_gap():
    engine = Engine(example())
    engine.start(seconds(0))
    assert run(engine, "RL") == [
        "1: trial_started right",
        "1: screen show image=right",
        "2: trial_ended right",
        "2: trial_started left",
        "2: screen show image=left",
    ]


def test_an_earlier_trial_of_the_file_waits_for_the_next_frame():
    engine = Engine(example())
    engine.start(seconds(0))
    assert run(engine, "LRR") == [
        "1: trial_started left",
        "1: screen show image=left",
        "2: trial_ended left",
        "2: screen off",
        "3: trial_started right",
        "3: screen show image=right",
    ]


def test_frames_without_the_animal_change_nothing():
    engine = Engine(example())
    engine.start(seconds(0))
    assert run(engine, "R??????-???") == [
        "1: trial_started right",
        "1: screen show image=right",
        "8: trial_ended right",
        "8: screen off",
    ]


def test_ends_at_the_evaluation_after_the_tenth_hit():
    engine = Engine(example(lockout=0))
    engine.start(seconds(0))
    said = run(engine, "R-" * 9 + "R?R-R", step=0.1)
    assert said[-6:] == [
        "1.8: screen off",
        "1.9: trial_started right",
        "1.9: screen show image=right",
        "2.1: trial_ended right",
        "2.1: screen off",
        "2.1: experiment_ended example",
    ]
    status = engine.status(seconds(99))
    assert status.phase is Phase.FINISHED
    assert status.reason == "trial 'right' was started 10 times"
    assert status.counts == {"right": 10, "left": 0}
    assert status.elapsed == pytest.approx(2.1)


def test_ends_when_more_than_its_time_has_passed():
    engine = Engine(example())
    engine.start(seconds(0))
    assert "experiment_ended example" not in brief(engine.poses(neck_at(600, *RIGHT)))
    assert brief(engine.poses(neck_at(600.001, *RIGHT))) == [
        "trial_ended right",
        "screen off",
        "experiment_ended example",
    ]
    assert engine.status(seconds(601)).reason == "600 s are over"


def test_the_clock_ends_it_where_no_pose_comes_any_more():
    engine = Engine(example())
    engine.start(seconds(0))
    engine.poses(neck_at(599.5, *BETWEEN))
    assert brief(engine.tick(seconds(600.4))) == [], "the next frame may still decide"
    assert brief(engine.tick(seconds(600.6))) == ["fault pose", "screen off", "experiment_ended example"]


def test_the_clock_ends_it_where_frames_come_and_the_animal_is_not_seen():
    engine = Engine(example())
    engine.start(seconds(0))
    engine.poses(neck_at(599.5, *RIGHT))
    assert brief(engine.poses(frame(600.4))) == []
    assert brief(engine.poses(frame(600.6))) == ["trial_ended right", "screen off", "experiment_ended example"]


def test_events_tell_the_trigger_the_count_and_how_long():
    engine = Engine(example())
    engine.start(seconds(0))
    effects = engine.poses(neck_at(1, *LEFT, sequence=30)) + engine.poses(neck_at(3.5, *BETWEEN, sequence=105))
    events = [effect for effect in effects if isinstance(effect, Event)]
    by_kind = {event.kind: event for event in events}
    assert by_kind["trial_started"].values == {"trigger": "in_left", "count": "1"}
    assert by_kind["trial_ended"].values == {"duration": "2.500000", "count": "1"}
    cause = by_kind["trial_ended"].cause
    assert cause is not None
    assert (cause.camera, cause.sequence, cause.stamp) == ("top", 105, seconds(3.5))
