"""Clocks that are set while a run is on, and time in which outputs can't be on."""

from __future__ import annotations

from typing import Any

import pytest
from experiment_poses import frame, individual, seconds

from dlstream_common import FramePoses
from dlstream_experiment import Command, Effect, Engine, Event, load_experiment
from dlstream_experiment.runtime.inputs import Poses

INSIDE, OUTSIDE = (50.0, 50.0), (300.0, 50.0)
EXPERIMENT = """\
experiment: light
camera: top
max_age: 0.5
pose_timeout: 1
regions: {box: {type: circle, center: [50, 50], radius: 20}}
triggers: {in_box: {type: region, region: box, keypoints: [neck]}}
protocol:
  type: states
  limits: {laser: {LIMITS}}
  stop: STOP
  states:
    dark: {transitions: WAITS}
    light:
      stimuli: [{output: laser, ACTION}]
      transitions: TRANSITIONS
"""


@pytest.fixture
def made(tmp_path):
    def make(
        limits: str = "stimulus: 1",
        stop: str = "[]",
        transitions: str = "[]",
        action: str = "action: on",
        waits: str = "[{when: in_box, go: light}]",
    ) -> Run:
        path = tmp_path / "light.yaml"
        words = EXPERIMENT.replace("LIMITS", limits).replace("STOP", stop).replace("TRANSITIONS", transitions)
        words = words.replace("ACTION", action).replace("WAITS", waits)
        path.write_text(words.replace("transitions: []", "transitions: [{when: in_box, is: false, go: dark}]"))
        return Run(path)

    return make


class Run:
    """A run of which the clock may be set: `off` is what it tells beyond the time."""

    def __init__(self, path: Any) -> None:
        self.engine = Engine(load_experiment(path))
        self.off = 0.0
        self.effects: list[tuple[float, Effect]] = []
        self._sequence = 0
        self._take(0.0, self.engine.start(seconds(0)))

    def _take(self, time: float, effects: list[Effect]) -> None:
        self.effects += [(time, effect) for effect in effects]

    def see(self, begin: float, end: float, place: tuple[float, float], age: float = 0.01) -> None:
        """Ten poses a second."""
        for step in range(round(begin * 10), round(end * 10)):
            time = step / 10
            told = time + self.off
            self._sequence += 1
            self._take(time, self.engine.poses(pose(told - age, self._sequence, place), seconds(told)))
            if self.engine.needs_tick(seconds(told)):
                self._take(time, self.engine.tick(seconds(told)))

    def see_at_once(self, begin: float, end: float, place: tuple[float, float]) -> None:
        """As `see`, but all of them come at the end."""
        for step in range(round(begin * 10), round(end * 10)):
            self._sequence += 1
            self._take(end, self.engine.poses(pose(step / 10, self._sequence, place), seconds(end)))

    def wait(self, begin: float, end: float) -> None:
        """Twenty ticks a second."""
        for step in range(round(begin * 20), round(end * 20)):
            if self.engine.needs_tick(seconds(step / 20 + self.off)):
                self._take(step / 20, self.engine.tick(seconds(step / 20 + self.off)))

    def laser(self) -> list[tuple[float, str]]:
        return [(time, item.action) for time, item in self.effects if isinstance(item, Command) and time > 0]

    def events(self, kind: str) -> list[tuple[float, Event]]:
        return [(time, item) for time, item in self.effects if isinstance(item, Event) and item.kind == kind]


def pose(time: float, sequence: int, place: tuple[float, float]) -> FramePoses:
    return frame(time, individual([place]), sequence=sequence, keypoints=("neck",))


@pytest.mark.parametrize("back", [0.7, 10.0, 3600.0])
def test_a_limit_holds_when_the_clock_is_set_back(made, back):
    run = made()
    run.see(0.1, 0.3, OUTSIDE)
    run.see(0.3, 0.8, INSIDE)
    run.off = -back
    run.see(0.8, 3, INSIDE)
    assert [(pytest.approx(time, abs=0.21), action) for time, action in run.laser()] == [(0.3, "on"), (1.3, "off")]
    faults = [item.values["reason"] for _, item in run.events("fault")]
    assert [reason.partition(" was set back")[0] for reason in faults] == [
        "the clock of this machine",
        "the clock of camera 'top'",
    ]


@pytest.mark.parametrize("back", [0.6, 10.0])
def test_triggers_rise_and_fall_after_the_clock_was_set_back(made, back):
    run = made()
    run.see(0.1, 0.5, INSIDE)
    run.see(0.5, 0.8, OUTSIDE)
    run.off = -back
    run.see(0.8, 1.2, OUTSIDE)
    run.see(1.2, 1.5, INSIDE)
    assert [time for time, _ in run.events("trigger_rose")] == [0.1, 1.2]


def test_no_motion_is_measured_from_before_to_after_a_clock_was_set_back(made, tmp_path):
    """The run's time stands still meanwhile: the way of that frame would be in the time of none."""
    made()
    text = (tmp_path / "light.yaml").read_text()
    fast = "{type: speed, keypoints: [neck], at_least: 150, window: 0.2, way: displacement}"
    (tmp_path / "fast.yaml").write_text(text.replace("{type: region, region: box, keypoints: [neck]}", fast))
    run = Run(tmp_path / "fast.yaml")
    for step in range(1, 30):
        run.off = 0.0 if step < 15 else -10.0
        run.see(step / 10, (step + 1) / 10, (100.0 + 11 * step, 50.0))  # 110 px/s
    assert run.events("trigger_rose") == []
    assert len(run.events("fault")) == 2
    assert run.engine.measured()["in_box"] == pytest.approx(110, rel=0.01)


@pytest.mark.parametrize(("early", "said"), [(0.0, "has the stamp of one"), (0.001, "is stamped 0.001 s before one")])
def test_frames_out_of_order_are_a_fault_at_most_every_few_seconds(made, early, said):
    run = made("stimulus: 60")
    for step in range(1, 80):
        time = step / 10
        run.see(time, time + 0.1, INSIDE)
        run.see(time, time + 0.1, INSIDE, age=0.01 + early)
    [(first, fault), (second, repeated)] = run.events("fault")
    assert said in fault.values["reason"]
    assert (fault.values["count"], second - first) == ("1", pytest.approx(5, abs=0.11))
    assert int(repeated.values["count"]) == 50
    assert [action for _, action in run.laser()] == ["on"], "they decide all the same"


def test_outputs_go_off_when_poses_end_with_a_clock_that_is_set_back(made):
    run = made()
    run.see(0.1, 0.5, INSIDE)
    run.off = -10
    run.wait(0.5, 3)
    assert [(pytest.approx(time, abs=0.21), action) for time, action in run.laser()] == [(0.1, "on"), (1.4, "off")]


def test_a_frame_from_the_future_decides_nothing_and_is_a_fault(made):
    run = made()
    run.see(0.1, 0.5, INSIDE, age=-0.6)
    assert run.laser() == []
    [(_, fault)] = run.events("fault")
    assert "stamped 0.600 s later than its pose came; max_age is 0.5 s" in fault.values["reason"]
    run.see(0.5, 0.8, INSIDE)
    assert run.laser() == [(0.5, "on")]


@pytest.mark.parametrize("ahead", [600.0, -600.0])
def test_the_age_of_another_host_s_frame_is_corrected_by_its_clock(made, ahead):
    def see(age: float, doubt: float) -> Run:
        run = made()
        item = Poses(pose(1.0 + ahead - age, 1, INSIDE), seconds(1.0), ahead=int(ahead * 1e9), doubt=int(doubt * 1e9))
        run._take(1.0, run.engine.handle(item))
        return run

    assert see(0.1, 0.05).laser() == [(1.0, "on")]
    for age, doubt, said in ((0.6, 0.0, "came 0.600 s after its frame"), (-0.6, 0.0, "is stamped 0.600 s later")):
        run = see(age, doubt)
        assert run.laser() == []
        [(_, fault)] = run.events("fault")
        assert said in fault.values["reason"]
    doubtful = see(0.1, 0.5)
    assert doubtful.laser() == [], "it may be too old"
    [(_, fault)] = doubtful.events("fault")
    assert "max_age is 0.5 s (the hosts' clocks are compared to within 0.500 s)" in fault.values["reason"]


def test_time_in_which_the_light_could_not_be_on_counts_for_no_limit(made):
    run = made("stimulus: 5, session: 5", "[{stimulated: laser, reaches: 5}]")
    run.see(0.1, 1, INSIDE)
    run.wait(1, 6)
    assert [(round(time, 1), action) for time, action in run.laser()] == [(0.1, "on"), (1.9, "off")]
    run.see(6, 12, INSIDE)
    assert run.laser()[2] == (6.0, "on")
    [(ended, end)] = run.events("experiment_ended")
    assert ended == pytest.approx(6 + 5 - 1.8, abs=0.21), "1.8 s before, 3.2 s after"
    assert run.events("limit_reached") == []
    assert "5" in end.values["reason"]


@pytest.mark.parametrize("due", [0.1, 3])
def test_a_timed_light_that_a_gap_has_cut_short_or_left_out_counts_no_longer(made, due):
    """`due`: when the light comes: before poses are missing, or meanwhile."""
    action = "action: on, values: {duration: 20 s}"
    waits = f"[{{after: {due}, go: light}}]"
    run = made("session: 4", "[{stimulated: laser, reaches: 4}, {after: 30}]", "[]", action, waits)
    run.see(0.1, 2, INSIDE)
    run.wait(2, 6)
    run.see(6, 40, INSIDE)
    assert [action for _, action in run.laser()] == (["on", "off", "off"] if due < 1 else ["off"])
    assert run.events("limit_reached") == []
    [(ended, _)] = run.events("experiment_ended")
    assert ended == pytest.approx(30, abs=0.21), "it was on for 2.8 s at most"


def test_poses_that_are_too_old_decide_nothing_and_yet_tell_time(made):
    run = made("stimulus: 60", "[]", "[{after: 0.5, go: dark}]")
    run.see(0.1, 0.3, INSIDE)
    run.see(0.3, 0.9, OUTSIDE, age=0.0)
    assert [action for _, action in run.laser()] == ["on", "off"]
    run = made("stimulus: 60", "[]", "[{after: 0.5, go: dark}]")
    run.see(0.1, 0.3, INSIDE)
    run.see(0.3, 2, INSIDE, age=0.6)
    time, action = run.laser()[1]
    assert action == "off"
    assert time == pytest.approx(0.1 + 0.5 + 0.6, abs=0.11), "when the first frame of that time comes"


def test_of_poses_that_a_link_held_back_and_gives_at_once_only_the_young_ones_decide(made):
    run = made("stimulus: 60")
    run.see(0.1, 0.5, INSIDE)
    run.wait(0.5, 3.7)  # a packet of the frame at 0.5 s was lost, and all poses after it wait for it
    run.see_at_once(0.5, 3.7, INSIDE)
    assert [action for _, action in run.laser()] == ["on", "off", "on"]
    assert run.laser()[1][0] == pytest.approx(0.4 + 1, abs=0.11), "pose_timeout"
    causes = [item.cause.stamp for _, item in run.effects if isinstance(item, Command) and item.cause]
    assert causes == [seconds(0.1 - 0.01), seconds(3.7 - 0.5)], "max_age"
    assert run.engine.stale == 27
