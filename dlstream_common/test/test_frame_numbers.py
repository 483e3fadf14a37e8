"""Frames get numbers whose gaps are losses, also where a topic has more publishers than one."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from dlstream_common.frame_numbers import FrameNumbers


def numbers_of(counts: list[int], publishers: int = 1) -> tuple[list[int], FrameNumbers]:
    numbers = FrameNumbers(lambda: publishers)
    return [numbers.add(count) for count in counts], numbers


def missing(numbers: list[int]) -> int:
    return sum(max(0, after - before - 1) for before, after in pairwise(numbers))


def test_the_counts_of_one_publisher_are_the_numbers():
    found, numbers = numbers_of([5, 6, 9, 10, 1, 2])
    assert found == [4, 5, 8, 9, 0, 1]
    assert numbers.news() == ""


def test_without_counts_frames_are_counted_as_they_come():
    assert numbers_of([0, 0, 0])[0] == [0, 1, 2]


@pytest.mark.parametrize(("first", "second"), [(1000, 5), (5, 100_000), (7, 7), (7, 8), (3, 2)])
def test_two_publishers_by_turns_lose_nothing_and_are_told_once(first, second):
    counts = [count for step in range(50) for count in (first + step, second + step)]
    found, numbers = numbers_of(counts, publishers=2)
    assert found == list(range(first - 1, first + 99))
    assert numbers.several
    assert [numbers.news(), numbers.news()] == ["several", ""]


def test_two_publishers_of_any_rates_lose_what_is_lost():
    chance = random.Random(13)
    for _ in range(300):
        last = [chance.randrange(1, 10_000), chance.randrange(20_000, 90_000)]
        rates, lost, counts = [chance.random() + 0.05, chance.random() + 0.05], 0, [*last]
        for _ in range(200):
            whose = chance.choices([0, 1], rates)[0]
            gap = chance.choice([0] * 9 + [3])
            last[whose] += 1 + gap
            lost += gap
            counts.append(last[whose])
        found, numbers = numbers_of(counts, publishers=2)
        assert missing(found) == lost
        assert numbers.news() == "several"


def test_a_camera_that_died_and_its_successor_are_no_two_publishers():
    """ROS keeps a process that was killed in its graph for a while."""
    found, numbers = numbers_of([*range(1, 21), *range(1, 61), 63], publishers=2)
    assert found == [*range(80), 82]
    assert [numbers.news(), numbers.news()] == ["another", ""]
    assert not numbers.several


def test_a_publisher_that_ended_is_forgotten():
    there = [2]
    numbers = FrameNumbers(lambda: there[0])
    for count in (100, 5, 101, 6, 102):
        numbers.add(count)
    there[0] = 1
    assert [numbers.add(count) for count in (103, 106)] == [104, 107]
    assert not numbers.several
