"""The numbers of a topic's frames, from the counts of its publishers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

News = Literal["", "several", "another"]

_SETTLED = 30
"""Frames of another publisher in a row after which the one before counts as gone."""
_MOST = 8
"""Publishers that are told apart."""


class FrameNumbers:
    """Numbers the frames of one topic, so that a gap is frames that were lost on the way, and nothing else.

    The middleware counts the frames of each publisher, 1, 2, 3, ..., but does not say whose a frame is, so that two
    publishers of one topic look like one that jumps to and fro. Here a count that goes on is followed by itself. A jump
    is a loss where the topic has one publisher; with more of them it is a loss only where all their counts are known.

    Args:
        publishers: how many publishers the topic has now; asked only when no count goes on.
    """

    def __init__(self, publishers: Callable[[], int]) -> None:
        self._publishers = publishers
        self._counts: list[int] = []  # the newest of each publisher; at the end that of the last frame
        self._number = -1
        self._in_a_row = 0
        self._news: News = ""
        self.several = False
        """Whether frames of several publishers came by turns."""

    def add(self, count: int) -> int:
        """A frame has come; returns its number, from 0.

        Args:
            count: of its publisher, from 1; 0 if unknown.
        """
        if count == 0:
            self._number += 1
            return self._number
        own = self._followed(count)
        if own is None and self._counts and self._publishers() > 1:
            own = self._nearest(count) if len(self._counts) >= self._publishers() else None
            if own is None:
                self._begin(count)
                return self._number
        elif own is None:
            own = self._nearest(count)
            if own is None:  # the first frame, or the only publisher counts anew
                self._number, self._counts = count - 1, [count]
                return self._number
            self._counts, own, self.several = [self._counts[own]], 0, False
        self._number += count - self._counts[own]
        self._turn(own)
        del self._counts[own]
        self._counts.append(count)
        return self._number

    def news(self) -> News:
        """What is to be told, once: several publishers by turns; or another, which goes on in place of the first."""
        news, self._news = self._news, ""
        return news

    def _followed(self, count: int) -> int | None:
        """The publisher whose count goes on; of several that might be, the one of the last frame."""
        found = [index for index, other in enumerate(self._counts) if other + 1 == count]
        return None if not found else found[-1] if found[-1] == len(self._counts) - 1 else found[0]

    def _nearest(self, count: int) -> int | None:
        """The publisher from whose count to this one the fewest frames are missing."""
        before = [index for index, other in enumerate(self._counts) if other < count]
        return max(before, key=lambda index: self._counts[index], default=None)

    def _begin(self, count: int) -> None:
        self._number += 1
        self._counts = [*self._counts[1 - _MOST :], count]
        self._in_a_row = 1

    def _turn(self, own: int) -> None:
        """A frame of this publisher comes after one of the same, or of another."""
        if own != len(self._counts) - 1:  # it has gone on after another: both live
            self._in_a_row = 0
            self._news = self._news if self.several else "several"
            self.several = True
        elif self._in_a_row:
            self._in_a_row = (self._in_a_row + 1) % (_SETTLED + 1)
            if self._in_a_row == 0 and not self.several:
                self._news = "another"
