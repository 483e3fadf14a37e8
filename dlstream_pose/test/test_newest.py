"""The newest frame wins, every other is counted, and cameras take turns."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from dlstream_pose.newest import Newest


def test_the_newest_frame_takes_the_place_of_one_that_waits():
    newest = Newest[str](["top"])
    for number, name in enumerate(("a", "b", "c"), start=1):
        newest.put("top", name, number, received=number * 10)
    arrival = newest.take()
    assert arrival is not None
    assert (arrival.message, arrival.sequence, arrival.received, arrival.dropped) == ("c", 2, 30, 2)


def test_gaps_in_the_numbers_are_frames_lost_on_the_way():
    newest = Newest[str](["top"])
    dropped = []
    for number in (7, 8, 11, 12):
        newest.put("top", "frame", number, received=0)
        arrival = newest.take()
        assert arrival is not None
        assert arrival.sequence == number - 1
        dropped.append(arrival.dropped)
    assert dropped == [0, 0, 2, 2]


def test_a_publisher_that_begins_again_has_lost_nothing():
    newest = Newest[str](["top"])
    for number in (50, 1, 2):
        newest.put("top", "frame", number, received=0)
        arrival = newest.take()
    assert arrival is not None
    assert (arrival.sequence, arrival.dropped) == (1, 0)


def test_without_numbers_frames_are_counted_as_they_come():
    newest = Newest[str](["top"])
    sequences = []
    for _ in range(3):
        newest.put("top", "frame", 0, received=0)
        arrival = newest.take()
        assert arrival is not None
        sequences.append(arrival.sequence)
    assert sequences == [0, 1, 2]


def test_a_fast_camera_does_not_keep_a_slow_one_waiting():
    newest = Newest[str](["fast", "slow"])
    newest.put("slow", "s", 1, received=0)
    served = []
    for number in range(1, 5):
        newest.put("fast", "f", number, received=0)
        arrival = newest.take()
        assert arrival is not None
        served.append(arrival.camera)
    assert served[:2] == ["fast", "slow"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.booleans()), max_size=60))
def test_every_published_frame_is_served_or_counted(steps):
    """Served + dropped + still waiting = published, for each camera, whatever is lost or late."""
    newest = Newest[int]("ab")
    published, served = {"a": 0, "b": 0}, {"a": 0, "b": 0}
    for camera, lost, take in steps:
        first = published[camera] == 0
        published[camera] += 1 if first else 1 + lost
        newest.put(camera, published[camera], published[camera], received=0)
        if take:
            arrival = newest.take()
            assert arrival is not None
            assert arrival.message == arrival.sequence + 1 == published[arrival.camera]
            served[arrival.camera] += 1
    waiting = {"a": 0, "b": 0}
    while any(newest.dropped(camera) + served[camera] + waiting[camera] < published[camera] for camera in "ab"):
        arrival = newest.take()
        assert arrival is not None
        waiting[arrival.camera] += 1
    assert max(waiting.values()) <= 1
    assert all(newest.dropped(camera) + served[camera] + waiting[camera] == published[camera] for camera in "ab")


def test_closing_ends_the_waiting():
    newest = Newest[str](["top"])
    taken = []
    thread = threading.Thread(target=lambda: taken.append(newest.take()))
    thread.start()
    newest.close()
    thread.join(30)
    assert taken == [None]
