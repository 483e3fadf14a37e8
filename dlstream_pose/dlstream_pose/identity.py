"""Which animal is which, from frame to frame, as the frames come."""

from __future__ import annotations

from math import exp, hypot, log

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
        # One number an animal: for so few, plain lists are several times faster than arrays.
        self._length = [1.0] * self.individuals
        self._known = [False] * self.individuals
        self._unseen = [0.0] * self.individuals
        self._risk = [0.0] * self.individuals
        self._nobody = np.full((self.individuals, self.keypoints, 3), (np.nan, np.nan, 0), np.float32)
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
        forgotten = exp(-elapsed / _FORGETTING)
        for place in range(self.individuals):
            self._unseen[place] += elapsed
            self._risk[place] *= forgotten
        ordered = self._nobody.copy()
        points = poses[..., :2].astype(np.float64)
        points[~(poses[..., 2] >= SEEN)] = np.nan
        # Of all, those which are seen; a network may find more than it says.
        found = np.flatnonzero((points[..., 0] == points[..., 0]).any(axis=1))[: self.individuals]
        if len(found):
            points = points[found]
            centres = _centres(points)
            costs, allowed = self._costs(points, centres)
            places = [place for _, place in best_assignment(self._gains(costs, allowed))]
            self._weigh(costs, allowed, places)
            ordered[places] = poses[found]
            self._remember(places, points, centres)
        return ordered, np.array(self._risk)

    def _costs(
        self, points: NDArray[np.float64], centres: NDArray[np.float64]
    ) -> tuple[list[list[float]], list[list[bool]]]:
        """Minus the log-likelihood of each found animal (row) in each place (column), and whether it fits there."""
        going = self._velocity * [[_COASTING * (1 - exp(-unseen / _COASTING))] for unseen in self._unseen]
        off = points[:, None] - (self._poses + going[:, None])
        distance = np.einsum("ijkl,ijkl->ij", off, off) / self.keypoints
        if np.isnan(distance).any():
            squared = off[..., 0] * off[..., 0] + off[..., 1] * off[..., 1]
            shared = squared == squared
            count = shared.sum(axis=2)
            squared[~shared] = 0.0
            apart = centres[:, None] - (self._centre + going)
            centred = np.einsum("ijk,ijk->ij", apart, apart)
            distance = np.where(count > 0, squared.sum(axis=2) / np.maximum(count, 1), centred)
        variances = [
            ((_STILL + _MOVING * unseen) * length) ** 2
            for unseen, length in zip(self._unseen, self._length, strict=True)
        ]
        logs = [log(variance) for variance in variances]
        rows = distance.tolist()
        costs = [[d / (2 * v) + part for d, v, part in zip(row, variances, logs, strict=True)] for row in rows]
        return costs, [[d <= _GATE**2 * v for d, v in zip(row, variances, strict=True)] for row in rows]

    def _gains(self, costs: list[list[float]], allowed: list[list[bool]]) -> list[list[float]]:
        """What an assignment gains: most by a known place that fits, then an unused one, then the one lost longest."""
        lost = [_NOWHERE - min(unseen, 100.0) * 1e3 for unseen in self._unseen]
        return [
            [
                -_UNUSED if not self._known[place] else -cost if fits[place] else -lost[place] - min(cost, 900.0)
                for place, cost in enumerate(row)
            ]
            for row, fits in zip(costs, allowed, strict=True)
        ]

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

    def _remember(self, places: list[int], points: NDArray[np.float64], centres: NDArray[np.float64]) -> None:
        # Of the keypoints seen both times: the centre jumps where one appears or is lost.
        moved = points - self._poses[places]
        both = moved[..., 0] == moved[..., 0]
        moved[~both] = 0.0
        drift = np.add.reduce(moved, axis=1)
        counts = np.add.reduce(both, axis=1).tolist()
        extents = np.fmax.reduce(np.abs(points - centres[:, None]), axis=1).tolist()
        for row, (place, count, extent) in enumerate(zip(places, counts, extents, strict=True)):
            unseen = self._unseen[place]
            if count and unseen > 0:
                weight = 1 - exp(-unseen / _SMOOTHING)
                self._velocity[place] += weight * (drift[row] / (count * unseen) - self._velocity[place])
            self._length[place] = max(2 * hypot(*extent), 0.98 * self._length[place], 1.0)
            self._known[place], self._unseen[place] = True, 0.0
        self._poses[places], self._centre[places] = points, centres


def _centres(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2): the mean of the keypoints that are there."""
    there = points == points
    return np.where(there, points, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
