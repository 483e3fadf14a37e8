"""Noticing that a topic falls silent."""

from __future__ import annotations

from dlstream_recorder.ros._silence import Change, SilenceMonitor


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_camera_that_falls_silent_and_comes_back():
    clock = Clock()
    watch = SilenceMonitor(1.0, 10.0, clock)
    watch.add("image")
    watch.heard("image")
    clock.now += 0.9
    assert watch.changes() == []
    clock.now += 0.2
    assert watch.changes() == [Change("image", True, 1.1)]
    assert watch.silent == ["image"]
    clock.now += 1.0
    assert watch.changes() == [], "told once"
    watch.heard("image")
    assert watch.changes() == [Change("image", False, 2.1)]
    assert watch.silent == []
    clock.now += 1.2
    assert [change.silent for change in watch.changes()] == [True]


def test_a_camera_may_take_its_time_to_begin():
    clock = Clock()
    watch = SilenceMonitor(1.0, 10.0, clock)
    watch.add("image")
    clock.now += 9.0
    assert watch.changes() == []
    clock.now += 2.0
    assert watch.changes() == [Change("image", True, 11.0)]


def test_poses_are_missed_only_while_frames_come():
    clock = Clock()
    watch = SilenceMonitor(1.0, 10.0, clock)
    watch.add("image")
    watch.add("pose", required=False, source="image")
    for _ in range(30):  # no pose node at all
        clock.now += 0.5
        watch.heard("image")
        assert watch.changes() == []
    watch.heard("pose")
    clock.now += 1.5
    assert [change.topic for change in watch.changes()] == ["image"], "without frames no poses are expected"
    watch.heard("image")
    assert watch.changes() == [Change("image", False, 1.5), Change("pose", True, 1.5)]
    watch.heard("pose")
    assert watch.changes() == [Change("pose", False, 1.5)]
