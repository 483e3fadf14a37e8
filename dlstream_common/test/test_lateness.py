"""How late signs of life come, by clocks that count from anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlstream_common.lateness import Lateness, uptime

MS = 1_000_000
SECOND = 1000 * MS
BEGIN = 500 * SECOND
"""When the first sign is sent, by its sender."""


def heard(delays: list[int], ahead: int = 77 * SECOND, drift: float = 0.0) -> list[float]:
    """The lateness of signs that are sent each 50 ms, each with its delay in ms."""
    lateness, found, last = Lateness(), [], 0
    for number, delay in enumerate(delays):
        sent = number * 50 * MS
        came = max(last, round(sent * (1 + drift)) + delay * MS)
        for turn in range(last, came, 20 * MS):  # the receiver itself works all the time
            lateness.turn(BEGIN + ahead + turn)
        found.append(lateness.of(BEGIN + sent, BEGIN + ahead + came))
        last = came
    return found


@pytest.mark.parametrize("ahead", [0, 10_000 * SECOND, -400 * SECOND])
def test_what_a_queue_keeps_back_is_late_by_that_whatever_the_clocks(ahead):
    found = heard([30] * 100 + [430] * 20, ahead)
    assert found[:100] == pytest.approx([0.0] * 100)
    assert found[100:] == pytest.approx([0.4] * 20)


def test_a_long_way_that_was_always_as_long_is_not_late():
    assert heard([600] * 200) == pytest.approx([0.0] * 200)


def test_clocks_that_count_unequally_fast_do_not_become_late():
    assert max(heard([5] * 20_000, drift=1e-4)) < 0.01, "1,000 s at 100 ppm: 0.1 s without a new look"


def test_a_computer_that_was_started_again_is_not_late():
    lateness = Lateness()
    lateness.of(BEGIN, BEGIN)
    assert lateness.of(20 * SECOND, BEGIN + 60 * SECOND) == 0.0
    for turn in range(0, 350, 25):
        lateness.turn(BEGIN + 60 * SECOND + turn * MS)
    assert lateness.of(20 * SECOND + 50 * MS, BEGIN + 60 * SECOND + 350 * MS) == pytest.approx(0.3)


def test_signs_that_overtake_one_another_are_no_new_computer():
    lateness = Lateness()
    lateness.of(BEGIN + 200 * MS, BEGIN + 200 * MS)
    lateness.turn(BEGIN + 240 * MS)
    assert lateness.of(BEGIN, BEGIN + 250 * MS) == pytest.approx(0.25)


def test_a_receiver_that_was_kept_from_its_work_does_not_blame_the_way():
    lateness = Lateness()
    lateness.of(BEGIN, BEGIN)
    assert lateness.of(BEGIN + 50 * MS, BEGIN + 450 * MS) == pytest.approx(0.0), "it did nothing for 0.4 s"
    for turn in range(450, 1000, 25):
        lateness.turn(BEGIN + turn * MS)
    assert lateness.of(BEGIN + 600 * MS, BEGIN + 1000 * MS) == pytest.approx(0.4), "it worked all the time"


def test_a_sender_that_does_not_say_when_is_never_late():
    lateness = Lateness()
    assert [lateness.of(0, BEGIN + number * SECOND) for number in range(5)] == [0.0] * 5


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=60), st.integers(-400, 10_000))
def test_nothing_is_early_nor_later_than_it_was_on_its_way(delays, ahead):
    for delay, late in zip(delays, heard(delays, ahead * SECOND), strict=True):
        assert late >= -1e-9
        assert delay > 0 or late <= 5.0


def test_uptime_goes_on():
    assert 0 < uptime() <= uptime()
