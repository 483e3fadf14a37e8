"""Which animal is which, from frame to frame, as the frames come."""

from __future__ import annotations

from math import exp

import numpy as np
from numpy.typing import NDArray

from dlstream_pose.assignment import best_assignment

SEEN = 0.1
"""Confidence from which a keypoint counts."""
_SECOND = 1_000_000_000
_STILL = 0.1
"""How far a seen animal may be from where it is expected, in lengths of its body: standard deviation at once, ..."""
_MOVING = 2.0
"""... and what a second without a sight of it adds."""
_GATE = 4.0
"""Standard deviations beyond which a place is another animal's, if there is one that it could be."""
_COASTING = 0.3
"""Seconds over which an animal that isn't seen is thought to go on as it did; its velocity fades away with it."""
_SMOOTHING = 0.1
"""Seconds over which the velocity is averaged."""
_UNUSED, _NOWHERE = 1e5, 1e6
_FORGETTING = 1.0
"""Seconds in which the risk of an earlier encounter falls to 1/e."""


class Identity:
    """Puts the animals found in a frame in the order of the animals known so far.

    There are as many places as the network finds animals. An animal keeps its place, and with it its id, while others
    are lost or come back; nobody moves up. Each animal is expected where its last pose, carried on by its velocity,
    would be, and found animals are assigned so that all together are most likely, each being off by a distance that is
    normal with a standard deviation that grows with the time since it was last seen. Only what was seen so far
    decides. What fits no known animal takes a place that was never used, or else that of the animal lost for longest.

    Args:
        individuals: how many places there are.
        keypoints: how many keypoints an animal has.
    """

    def __init__(self, individuals: int, keypoints: int) -> None:
        self.individuals, self.keypoints = individuals, keypoints
        self.reset()

    def reset(self) -> None:
        """Forgets every animal."""
        self._poses = np.full((self.individuals, self.keypoints, 2), np.nan)
        self._centre = np.full((self.individuals, 2), np.nan)
        self._velocity = np.zeros((self.individuals, 2))
        self._length = np.ones(self.individuals)
        self._known = np.zeros(self.individuals, bool)
        self._unseen = np.zeros(self.individuals)
        self._risk = np.zeros(self.individuals)
        self._stamp: int | None = None

    def assign(self, poses: NDArray[np.float32], stamp: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """The poses of a frame in the order of the places, and how easily each could be another's.

        Args:
            poses: (N, K, 3): x, y, confidence, in any order; an animal counts if any keypoint of it is seen.
            stamp: acquisition of the frame, in nanoseconds; one that lies before the last makes it forget everything.

        Returns:
            (individuals, K, 3), NaN with confidence 0 where an animal isn't seen; and (individuals,) from 0 to 1.
        """
        if self._stamp is not None and stamp < self._stamp:
            self.reset()
        elapsed = 0.0 if self._stamp is None else (stamp - self._stamp) / _SECOND
        self._stamp = stamp
        self._unseen += elapsed
        self._risk *= exp(-elapsed / _FORGETTING)
        ordered = np.full((self.individuals, self.keypoints, 3), np.nan, np.float32)
        ordered[..., 2] = 0
        points = np.where(poses[..., 2:] >= SEEN, poses[..., :2], np.nan).astype(np.float64)
        # Of all, those which are seen; a network may find more than it says.
        found = np.flatnonzero((points[..., 0] == points[..., 0]).any(axis=1))[: self.individuals]
        if len(found):
            points = points[found]
            centres = _centres(points)
            costs, allowed = self._costs(points, centres)
            places = [place for _, place in best_assignment((-self._order(costs, allowed)).tolist())]
            self._weigh(costs.tolist(), allowed.tolist(), places)
            ordered[places] = poses[found]
            self._remember(np.array(places), points, centres)
        return ordered, self._risk.copy()

    def _costs(
        self, points: NDArray[np.float64], centres: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Minus the log-likelihood of each found animal (row) in each place (column), and whether it fits there."""
        going = self._velocity * (_COASTING * (1 - np.exp(-self._unseen / _COASTING)))[:, None]
        off = points[:, None] - (self._poses + going[:, None])
        squared = off[..., 0] * off[..., 0] + off[..., 1] * off[..., 1]
        distance = squared.mean(axis=2)
        if np.isnan(distance).any():
            shared = squared == squared
            count = shared.sum(axis=2)
            squared[~shared] = 0.0
            apart = centres[:, None] - (self._centre + going)
            apart *= apart
            centred = apart[..., 0] + apart[..., 1]
            distance = np.where(count > 0, squared.sum(axis=2) / np.maximum(count, 1), centred)
        variance = ((_STILL + _MOVING * self._unseen) * self._length) ** 2
        return distance / (2 * variance) + np.log(variance), distance <= _GATE**2 * variance

    def _order(self, costs: NDArray[np.float64], allowed: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The costs such that any known place that fits comes first, then an unused one, then the one lost longest."""
        lost_longest = _NOWHERE - np.minimum(self._unseen, 100.0) * 1e3 + np.minimum(costs, 900.0)
        ordered = np.where(allowed, costs, lost_longest)
        ordered[:, ~self._known] = _UNUSED
        return ordered

    def _weigh(self, costs: list[list[float]], allowed: list[list[bool]], places: list[int]) -> None:
        """The risk of each: how likely the best exchange with another place is, against what was assigned.

        2 / (1 + likelihood ratio): 1 where both are as likely, 0 where there is no other. It is 1 as well for an animal
        that had to take a place that doesn't fit.
        """
        partner = {place: row for row, place in enumerate(places)}
        for row, place in enumerate(places):
            if not self._known[place]:
                continue
            if not allowed[row][place]:
                self._risk[place] = 1.0
            for other in range(self.individuals):
                if other == place or not self._known[other]:
                    continue
                change = costs[row][other] - costs[row][place]
                if other in partner:
                    change += costs[partner[other]][place] - costs[partner[other]][other]
                elif not allowed[row][other]:
                    continue
                self._risk[place] = max(self._risk[place], 2 / (1 + exp(min(max(change, 0.0), 700.0))))

    def _remember(self, places: NDArray[np.int64], points: NDArray[np.float64], centres: NDArray[np.float64]) -> None:
        unseen = self._unseen[places]
        # Of the keypoints seen both times: the centre jumps where one appears or is lost.
        moved = points - self._poses[places]
        both = moved[..., 0] == moved[..., 0]
        moved[~both] = 0.0
        measured = both.any(axis=1) & (unseen > 0)
        velocity = moved.sum(axis=1) / (np.maximum(both.sum(axis=1), 1) * np.where(measured, unseen, 1.0))[:, None]
        weight = np.where(measured, 1 - np.exp(-unseen / _SMOOTHING), 0.0)
        self._velocity[places] += weight[:, None] * (velocity - self._velocity[places])
        extent = np.where(points == points, np.abs(points - centres[:, None]), 0.0).max(axis=1)
        length = 2 * np.hypot(extent[:, 0], extent[:, 1])
        self._length[places] = np.maximum(np.maximum(length, 0.98 * self._length[places]), 1.0)
        self._poses[places], self._centre[places] = points, centres
        self._known[places], self._unseen[places] = True, 0.0


def _centres(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2): the mean of the keypoints that are there."""
    there = points == points
    return np.where(there, points, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
