"""The path of the arena's animal: where it is and how it stands at any time, from a seed only.

The walk is integrated with a fixed step in blocks of one second. Every block can be computed again from the few
numbers at its start, and every target is drawn from a generator of its own, so the posture at a time does not
depend on which times were requested before.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import atan2, cos, hypot, pi, sin

import numpy as np
from numpy.typing import NDArray

STEPS_PER_SECOND = 120
_STEP = 1.0 / STEPS_PER_SECOND
_KEPT_BLOCKS = 4
_BODY = 62.0  # neck to base of the tail
_TAIL = 34.0  # each of the two parts of the tail
_MARGIN = 62.0  # the neck stays this far from the border, so that the head never enters a wall
_TURN_RATE = 3.6  # rad/s


@dataclass(frozen=True)
class Posture:
    """The animal's posture: neck position, directions in rad (x right, y down) and the distance it has walked."""

    x: float
    y: float
    body: float
    head: float
    tail_near: float
    tail_far: float
    walked: float


@dataclass(frozen=True)
class Circle:
    """A circular region of the arena."""

    x: float
    y: float
    radius: float


@dataclass
class _State:
    x: float
    y: float
    heading: float
    turning: float
    speed: float
    body: float
    look: float
    tail_near: float
    tail_far: float
    walked: float
    target: int
    pause: float

    def copy(self) -> _State:
        return _State(**vars(self))


@dataclass(frozen=True)
class _Target:
    x: float
    y: float
    speed: float
    pause: float


class Walk:
    """A seeded walk in a box of `width` x `height`, which enters one of `regions` at every second target.

    Args:
        width, height: size of the arena; lengths are those of a 640x480 arena.
        regions: circles that the animal visits.
        seed: two walks with the same seed are the same.
    """

    def __init__(self, width: float, height: float, regions: tuple[Circle, ...], seed: int) -> None:
        self._width, self._height = width, height
        self._regions = regions
        self._seed = seed
        self._targets: OrderedDict[int, _Target] = OrderedDict()
        self._starts = [self._first_state()]
        self._blocks: OrderedDict[int, NDArray[np.float64]] = OrderedDict()

    def posture(self, seconds: float) -> Posture:
        """The posture at a time >= 0 s.

        Raises:
            ValueError: the time is negative.
        """
        if seconds < 0:
            raise ValueError(f"the walk starts at 0 s; found {seconds} s")
        block, offset = divmod(seconds * STEPS_PER_SECOND, STEPS_PER_SECOND)
        step = int(offset)
        rows = self._block(int(block))
        low, high, part = rows[step], rows[step + 1], offset - step
        return Posture(*(low + (high - low) * part).tolist())

    def _block(self, index: int) -> NDArray[np.float64]:
        known = self._blocks.get(index)
        if known is not None:
            return known
        while len(self._starts) <= index:
            self._integrate(len(self._starts) - 1)
        rows = self._integrate(index)
        self._blocks[index] = rows
        if len(self._blocks) > _KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        return rows

    def _integrate(self, index: int) -> NDArray[np.float64]:
        state = self._starts[index].copy()
        rows = np.empty((STEPS_PER_SECOND + 1, 7))
        for step in range(STEPS_PER_SECOND):
            rows[step] = self._row(state)
            self._advance(state, index + step * _STEP)
        rows[-1] = self._row(state)
        if len(self._starts) == index + 1:
            self._starts.append(state)
        return rows

    @staticmethod
    def _row(s: _State) -> tuple[float, ...]:
        return s.x, s.y, s.body, s.heading + s.look, s.tail_near, s.tail_far, s.walked

    def _first_state(self) -> _State:
        target = self._target(0)
        x, y = self._width * 0.42, self._height * 0.72
        heading = atan2(target.y - y, target.x - x)
        return _State(x, y, heading, 0.0, 0.0, heading, 0.0, heading, heading, 0.0, 0, 0.0)

    def _target(self, index: int) -> _Target:
        """Odd targets lie inside a region, even ones outside of every region."""
        known = self._targets.get(index)
        if known is not None:
            return known
        random = np.random.default_rng((self._seed, index))
        if index % 2 == 1 and self._regions:
            region = self._regions[int(random.integers(len(self._regions)))]
            angle, distance = random.uniform(-pi, pi), region.radius * random.uniform(0.0, 0.55)
            x, y = region.x + distance * cos(angle), region.y + distance * sin(angle)
        else:
            x, y = self._outside(random)
        pause = float(random.uniform(0.3, 1.1)) if random.random() < 0.6 else 0.0
        target = _Target(float(x), float(y), float(random.uniform(190.0, 300.0)), pause)
        self._targets[index] = target
        if len(self._targets) > _KEPT_BLOCKS:
            self._targets.popitem(last=False)
        return target

    def _outside(self, random: np.random.Generator) -> tuple[float, float]:
        margin = _MARGIN + 22.0
        for _ in range(100):
            x = random.uniform(margin, max(margin, self._width - margin))
            y = random.uniform(margin, max(margin, self._height - margin))
            if all(hypot(x - r.x, y - r.y) > r.radius + 45.0 for r in self._regions):
                break
        return x, y

    def _advance(self, s: _State, seconds: float) -> None:
        target = self._target(s.target)
        dx, dy = target.x - s.x, target.y - s.y
        distance = hypot(dx, dy)
        if s.pause > 0.0:
            s.pause -= _STEP
            wanted_speed, wanted_turn = 0.0, 0.0
            wanted_look = 0.45 * sin(5.1 * seconds + self._seed) * sin(2.3 * seconds)
        else:
            off = (atan2(dy, dx) - s.heading + pi) % (2 * pi) - pi
            wanted_turn = max(-_TURN_RATE, min(_TURN_RATE, 5.0 * off))
            wanted_speed = target.speed * max(0.22, cos(off)) * min(1.0, 0.3 + distance / 80.0)
            wanted_look = 0.16 * max(-1.0, min(1.0, off)) + 0.1 * sin(3.7 * seconds + self._seed)
            if distance < 22.0:
                s.pause = target.pause
                s.target += 1
        s.turning += (wanted_turn - s.turning) * _STEP / 0.09
        s.speed += (wanted_speed - s.speed) * _STEP / 0.13
        s.look += (wanted_look - s.look) * _STEP / 0.12
        # Turning on the spot would wring the neck: the animal needs a few steps to turn.
        s.heading += s.turning * min(1.0, s.speed / 45.0) * _STEP
        ahead = s.speed * _STEP
        s.x = min(max(s.x + ahead * cos(s.heading), _MARGIN), self._width - _MARGIN)
        s.y = min(max(s.y + ahead * sin(s.heading), _MARGIN), self._height - _MARGIN)
        s.walked += ahead
        # The body is pulled by the neck like a trailer, the tail by the body.
        s.body += ahead / _BODY * sin(s.heading - s.body) * 1.5
        pull = ahead + 14.0 * _STEP
        s.tail_near += pull / _TAIL * sin(s.body - s.tail_near)
        s.tail_far += pull / _TAIL * sin(s.tail_near - s.tail_far) + 0.5 * cos(2.1 * seconds) * _STEP
