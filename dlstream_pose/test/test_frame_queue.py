"""The newest frame wins, every other is counted, and cameras take turns."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlstream_pose.runtime.frame_queue import LatestFrameQueue


def test_the_newest_frame_takes_the_place_of_one_that_waits():
    newest = LatestFrameQueue[str](["top"])
    for number, name in enumerate(("a", "b", "c"), start=1):
        newest.put("top", name, number, received=number * 10)
    arrival = newest.get()
    assert arrival is not None
    assert (arrival.message, arrival.sequence, arrival.received, arrival.dropped) == ("c", 2, 30, 2)


@pytest.mark.parametrize("gets_all", [False, True])
def test_a_gap_in_the_numbers_is_a_loss_on_the_way_where_every_frame_comes_here(gets_all):
    """Elsewhere the middleware keeps the newest only: then a gap is frames left out."""
    newest = LatestFrameQueue[str](["top"], gets_all)
    missing = []
    for number in (7, 8, 11, 12):
        newest.put("top", "frame", number, received=0)
        arrival = newest.get()
        assert arrival is not None
        assert arrival.sequence == number - 1
        missing.append((arrival.dropped, newest.lost("top")))
        newest.done(arrival)
    assert missing == [(0, 0), (0, 0), (0, 2), (0, 2)] if gets_all else [(0, 0), (0, 0), (2, 0), (2, 0)]


def test_what_is_lost_and_what_is_left_out_are_counted_apart():
    newest = LatestFrameQueue[str](["top"], gets_all=True)
    for number in (1, 2, 5, 6):
        newest.put("top", "frame", number, received=0)
    assert (newest.dropped("top"), newest.lost("top")) == (3, 2)


def test_what_came_and_is_not_to_be_served_is_left_out_and_not_lost():
    newest = LatestFrameQueue[str](["top"], gets_all=True)
    newest.put("top", "frame", 1, received=0)
    for number in (2, 3, 5):
        newest.skip("top", number)
    newest.put("top", "frame", 6, received=0)
    assert (newest.dropped("top"), newest.lost("top")) == (4, 1), "2, 3, 5 and the waiting 1; the 4"


@pytest.mark.parametrize("gets_all", [False, True])
def test_what_came_and_can_not_be_used_is_neither_left_out_nor_lost(gets_all):
    newest = LatestFrameQueue[str](["top"], gets_all)
    newest.put("top", "frame", 1, received=0)
    arrival = newest.get()
    for number in (2, 3, 5):
        newest.pass_over("top", number)
    assert arrival is not None
    newest.done(arrival)
    newest.put("top", "frame", 6, received=0)
    assert (newest.dropped("top"), newest.lost("top")) == ((0, 1) if gets_all else (1, 0)), "only the 4"


def test_a_publisher_that_begins_again_has_lost_nothing():
    newest = LatestFrameQueue[str](["top"])
    for number in (50, 1, 2):
        newest.put("top", "frame", number, received=0)
        arrival = newest.get()
        assert arrival is not None
        newest.done(arrival)
    assert (arrival.sequence, arrival.dropped) == (1, 0)


def test_without_numbers_frames_are_counted_as_they_come():
    newest = LatestFrameQueue[str](["top"])
    sequences = []
    for _ in range(3):
        newest.put("top", "frame", 0, received=0)
        arrival = newest.get()
        assert arrival is not None
        sequences.append(arrival.sequence)
        newest.done(arrival)
    assert sequences == [0, 1, 2]


def test_a_fast_camera_does_not_keep_a_slow_one_waiting():
    newest = LatestFrameQueue[str](["fast", "slow"])
    newest.put("slow", "s", 1, received=0)
    served = []
    for number in range(1, 5):
        newest.put("fast", "f", number, received=0)
        arrival = newest.get()
        assert arrival is not None
        served.append(arrival.camera)
        newest.done(arrival)
    assert served[:2] == ["fast", "slow"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.booleans()), max_size=60))
def test_every_published_frame_is_served_or_counted(steps):
    """Served + dropped + still waiting = published, for each camera, whatever is lost or late."""
    newest = LatestFrameQueue[int]("ab")
    published, served = {"a": 0, "b": 0}, {"a": 0, "b": 0}
    for camera, lost, take in steps:
        first = published[camera] == 0
        published[camera] += 1 if first else 1 + lost
        newest.put(camera, published[camera], published[camera], received=0)
        if take:
            arrival = newest.get()
            assert arrival is not None
            assert arrival.message == arrival.sequence + 1 == published[arrival.camera]
            served[arrival.camera] += 1
            newest.done(arrival)
    waiting = {"a": 0, "b": 0}
    while any(newest.dropped(camera) + served[camera] + waiting[camera] < published[camera] for camera in "ab"):
        arrival = newest.get()
        assert arrival is not None
        waiting[arrival.camera] += 1
        newest.done(arrival)
    assert max(waiting.values()) <= 1
    assert all(newest.dropped(camera) + served[camera] + waiting[camera] == published[camera] for camera in "ab")


def test_a_camera_has_no_second_turn_before_its_frame_is_served():
    newest = LatestFrameQueue[str](["a", "b"])
    newest.put("a", "first", 1, received=0)
    first = newest.get()
    assert first is not None
    newest.put("a", "second", 2, received=0)
    newest.put("b", "other", 1, received=0)
    other = newest.get()
    assert other is not None
    assert (first.camera, other.camera) == ("a", "b"), "though a's second frame came first"
    taken: list[str | None] = []
    thread = threading.Thread(target=lambda: taken.append(getattr(newest.get(), "message", None)))
    thread.start()
    newest.put("a", "third", 3, received=0)
    assert taken == []
    newest.done(first)
    thread.join(30)
    assert taken == ["third"]


def test_of_several_workers_none_gives_a_fast_camera_two_turns_before_a_slow_ones():
    newest = LatestFrameQueue[int](["fast", "busy", "slow"])
    newest.put("busy", 1, 1, received=0)
    held = newest.get()  # another worker is at it all the while
    served = []
    for number in range(1, 7):
        newest.put("fast", number, number, received=0)
        if number in (2, 4):
            newest.put("slow", number, number, received=0)
        arrival = newest.get()
        assert arrival is not None
        served.append(arrival.camera)
        newest.done(arrival)
    assert held is not None
    assert served == ["fast", "slow", "fast", "slow", "fast", "fast"]


def test_many_workers_serve_every_camera_in_order():
    """Four workers, five cameras that never rest: no camera is ever with two of them."""
    names = "abcde"
    newest = LatestFrameQueue[int](names)
    lock, out = threading.Lock(), set[str]()
    served: dict[str, list[int]] = {name: [] for name in names}
    wrong: list[str] = []

    def work() -> None:
        while (arrival := newest.get()) is not None:
            with lock:
                if arrival.camera in out:
                    wrong.append(arrival.camera)
                out.add(arrival.camera)
                served[arrival.camera].append(arrival.message)
                newest.put(arrival.camera, arrival.message + 1, arrival.message + 1, received=0)
                finished = sum(map(len, served.values())) >= 2000
                out.discard(arrival.camera)
            newest.done(arrival)
            if finished:
                newest.close()

    for name in names:
        newest.put(name, 1, 1, received=0)
    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert wrong == []
    counts = [len(served[name]) for name in names]
    assert all(served[name] == list(range(1, count + 1)) for name, count in zip(names, counts, strict=True))
    assert min(counts) > 0


def test_closing_ends_the_waiting():
    newest = LatestFrameQueue[str](["top"])
    taken = []
    thread = threading.Thread(target=lambda: taken.append(newest.get()))
    thread.start()
    newest.close()
    thread.join(120)
    assert taken == [None]
