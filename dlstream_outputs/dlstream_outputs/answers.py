"""Answers that reach everybody who listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

_PATIENCE = 0.5
"""Seconds for which an answer waits: half of the time in which a commander expects it."""

T = TypeVar("T")


class Answers(Generic[T]):
    """Publishes answers in their order, each once all who are known to listen are connected.

    ROS knows of a subscriber a moment before its publisher is connected with it, and what is published in between never
    arrives: a recorder missed the first answer of a session.

    Args:
        publish: publishes an answer.
        known: number of subscribers that ROS knows of.
        connected: number of those that the publisher is connected with.
    """

    def __init__(self, publish: Callable[[T], object], known: Callable[[], int], connected: Callable[[], int]) -> None:
        self._publish, self._known, self._connected = publish, known, connected
        self._waiting: list[T] = []
        self._since = 0.0
        self._given_up = 0

    def add(self, answer: T, steady: float) -> None:
        """Publishes an answer, now or later.

        Args:
            steady: seconds of a monotonic clock.
        """
        if not self._waiting:
            self._since = steady
        self._waiting.append(answer)
        self.turn(steady)

    def turn(self, steady: float) -> None:
        """Publishes what waits, if it need not any more; to be called ten times a second or more often."""
        if not self._waiting:
            return
        lacking = self._known() - self._connected()
        if lacking > self._given_up and steady - self._since < _PATIENCE:
            return
        self._given_up = max(lacking, 0)  # such as one on a computer that is out of reach: nobody waits for it again
        self.flush()

    def flush(self) -> None:
        """Publishes what waits, whoever hears it."""
        while self._waiting:
            self._publish(self._waiting.pop(0))
