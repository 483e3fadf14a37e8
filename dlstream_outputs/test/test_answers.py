"""Answers wait for listeners that are known and not yet connected."""

from __future__ import annotations

import pytest

from dlstream_outputs.answers import Answers


class Listeners:
    """Counts of subscribers, and what they got."""

    def __init__(self) -> None:
        self.known = self.connected = 0
        self.got: list[tuple[int, int]] = []
        self.answers = Answers[int](
            lambda answer: self.got.append((answer, self.connected)), lambda: self.known, lambda: self.connected
        )


@pytest.fixture
def listeners() -> Listeners:
    return Listeners()


def test_an_answer_goes_at_once_where_all_are_connected(listeners):
    listeners.known = listeners.connected = 2
    listeners.answers.add(1, 0.0)
    assert listeners.got == [(1, 2)]


def test_answers_wait_in_their_order_for_one_that_is_about_to_be_connected(listeners):
    listeners.known, listeners.connected = 2, 1
    listeners.answers.add(1, 0.0)
    listeners.answers.add(2, 0.1)
    listeners.answers.turn(0.2)
    assert not listeners.got
    listeners.connected = 2
    listeners.answers.add(3, 0.3)
    assert listeners.got == [(1, 2), (2, 2), (3, 2)]


def test_one_that_is_never_connected_is_waited_for_once(listeners):
    listeners.known, listeners.connected = 3, 2
    listeners.answers.add(1, 10.0)
    listeners.answers.turn(10.4)
    assert not listeners.got
    listeners.answers.turn(10.5)
    assert listeners.got == [(1, 2)]
    listeners.answers.add(2, 11.0)
    assert listeners.got[1:] == [(2, 2)]
    listeners.known = 4  # and another comes
    listeners.answers.add(3, 12.0)
    assert len(listeners.got) == 2
    listeners.connected = 4
    listeners.answers.turn(12.1)
    listeners.known = 5  # nothing is given up any more
    listeners.answers.add(4, 13.0)
    assert [answer for answer, _ in listeners.got] == [1, 2, 3]
    listeners.answers.flush()
    assert [answer for answer, _ in listeners.got] == [1, 2, 3, 4]
