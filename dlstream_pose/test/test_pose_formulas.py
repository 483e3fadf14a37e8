"""Filters and identity against their formulas, written out as plainly as can be."""

from __future__ import annotations

from itertools import permutations
from math import pi
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream_pose.runtime.filters import FILTERS, filter_settings
from dlstream_pose.runtime.identity import Identity

SECOND = 1_000_000_000
SHARED = {"gap": 0.2, "min_confidence": 0.1}
KALMAN = filter_settings("kalman")(noise=2.0, agility=800.0, **SHARED)
ONE_EURO = filter_settings("one_euro")(cutoff=1.5, beta=0.05, **SHARED)


class PlainKalman:
    """One keypoint: x, y and their velocities, by the filter's equations with whole matrices."""

    def __init__(self) -> None:
        self.state, self.covariance = np.full(4, np.nan), np.full((4, 4), np.nan)

    def carry(self, step: float) -> None:
        move = np.kron([[1, step], [0, 1]], np.eye(2))
        pushed = np.kron([[step**3 / 3, step**2 / 2], [step**2 / 2, step]], np.eye(2)) * KALMAN.agility**2
        self.state, self.covariance = move @ self.state, move @ self.covariance @ move.T + pushed

    def update(self, point: np.ndarray, confidence: float, new: bool, step: float) -> bool:
        seen = np.eye(2, 4)
        variance = (KALMAN.noise / max(confidence, 0.05)) ** 2 * np.eye(2)
        self.carry(step)
        if new:
            self.state = np.array([*point, 0, 0])
            self.covariance = np.kron(np.diag([variance[0, 0], KALMAN.agility**2 * KALMAN.gap]), np.eye(2))
            return True
        off, total = point - seen @ self.state, seen @ self.covariance @ seen.T + variance
        if off @ np.linalg.solve(total, off) > 13.8:
            return False
        gain = self.covariance @ seen.T @ np.linalg.inv(total)
        self.state, self.covariance = self.state + gain @ off, (np.eye(4) - gain @ seen) @ self.covariance
        return True


class PlainOneEuro:
    """One keypoint, by the authors' algorithm; in a gap it goes on by its velocity."""

    def __init__(self) -> None:
        self.state, self.last, self.idle = np.full(4, np.nan), np.full(2, np.nan), 0.0

    def carry(self, step: float) -> None:
        self.state[:2] += step * self.state[2:]
        self.idle += step

    def update(self, point: np.ndarray, confidence: float, new: bool, step: float) -> bool:
        if new:
            self.state = np.array([*point, 0, 0])
        elif step > 0:
            velocity = (point - self.last) / (self.idle + step)
            self.state[2:] += self.alpha(1.0, step) * (velocity - self.state[2:])
            cutoff = ONE_EURO.cutoff + ONE_EURO.beta * np.linalg.norm(self.state[2:])
            self.state[:2] += self.alpha(cutoff, step) * (point - self.state[:2])
        self.last, self.idle = point, 0.0
        return True

    @staticmethod
    def alpha(cutoff: float, step: float) -> float:
        tau = 1 / (2 * pi * cutoff)
        return 1 / (1 + tau / step)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 9999), name=st.sampled_from(["kalman", "one_euro"]))
def test_a_filter_is_its_formula(seed, name):
    """Over noise, gaps, outliers, unsure values and frames at any distance; and as predicted."""
    random = np.random.default_rng(seed)
    plain = {"kalman": PlainKalman, "one_euro": PlainOneEuro}[name]()
    filter_ = FILTERS[name]((1, 1), {"kalman": KALMAN, "one_euro": ONE_EURO}[name])
    stamp, position, last, sure = 0, np.array([300.0, 200.0]), None, 0.0
    for number in range(150):
        step = int(random.integers(0, 60_000_000)) / SECOND if number % 20 else 0.0
        stamp += round(step * SECOND)
        position = position + random.normal(0, 4, 2)
        confidence = random.uniform(0, 1)
        point = position + (random.uniform(-25, 25, 2) if random.random() < 0.2 else 0)
        if random.random() < 0.1 or 60 <= number < 75:
            point = np.full(2, np.nan)
        taken = False
        if confidence >= KALMAN.min_confidence and np.isfinite(point).all():
            taken = plain.update(point, confidence, last is None, step)
        else:
            plain.carry(step)
        found = filter_.update(np.array([[[*point, confidence]]]), stamp)
        if taken:
            last, sure = stamp, confidence
        idle = np.inf if last is None else (stamp - last) / SECOND
        if idle > KALMAN.gap + 1e-8:
            last, plain.state = None, plain.state * np.nan
        np.testing.assert_allclose(
            [*found.position.ravel(), *found.velocity.ravel()], plain.state, rtol=1e-9, atol=1e-8
        )
        assert found.confidence[0, 0] == pytest.approx(sure * max(1 - idle / KALMAN.gap, 0), abs=1e-7)
        if name == "kalman" and last is not None:
            expected = plain.covariance[[0, 0, 2], [0, 2, 2]]
            np.testing.assert_allclose(found.covariance[0, 0], expected, rtol=1e-9, atol=1e-9)
        ahead = filter_.predict(stamp + 30_000_000)
        there = plain.state[:2] + 0.03 * plain.state[2:]
        np.testing.assert_allclose(ahead.position.ravel(), there, rtol=1e-9, atol=1e-8)


def misfit_of(unseen: Any) -> Any:
    return -(1e6 - 1e3 * np.minimum(unseen, 100))


class PlainIdentity:
    """By trying every assignment; the rules are in the docstrings of `Identity` and `_identity_kernel`."""

    def __init__(self, count: int, keypoints: int) -> None:
        self.last, self.centre = np.full((count, keypoints, 2), np.nan), np.full((count, 2), np.nan)
        self.velocity, self.length = np.zeros((count, 2)), np.zeros(count)
        self.known, self.unseen, self.risk = np.zeros(count, bool), np.zeros(count), np.zeros(count)

    def check(self, poses: np.ndarray, step: float, ordered: np.ndarray, risks: np.ndarray) -> None:
        """Takes a frame, and what was made of it."""
        self.unseen += step
        self.risk *= np.exp(-step)
        points = np.where(poses[..., 2:] >= 0.1, poses[..., :2].astype(float), np.nan)
        found = [index for index in range(len(poses)) if np.isfinite(points[index]).any()][: len(self.known)]
        chosen = [next(j for j in range(len(ordered)) if same(ordered[j], poses[index])) for index in found]
        empty = np.delete(ordered, chosen, axis=0)
        assert np.isnan(empty[..., :2]).all()
        assert not empty[..., 2].any()
        if found:
            self.check_choice(points[found], chosen, step)
        np.testing.assert_allclose(risks, self.risk, rtol=1e-6, atol=1e-9)

    def check_choice(self, points: np.ndarray, chosen: list[int], step: float) -> None:
        places, rows = range(len(self.known)), range(len(points))
        variance = ((0.1 + 2.0 * self.unseen) * np.where(self.length > 0, self.length, 50)) ** 2
        distance = np.array([[self.distance(animal, place) for place in places] for animal in points])
        cost, fits = distance / (2 * variance) + np.log(variance), distance <= 16 * variance
        bounded, startled = 900 * cost / (cost + 900), (self.unseen <= step) & (distance <= 256 * variance)
        misfit = np.where(startled, -8e4, misfit_of(self.unseen))
        gain = np.where(fits, -cost, misfit - bounded)
        for row in rows:  # nobody can have started from the place that fits another one best
            if fits[row, self.known].any():
                own = int(np.argmax(np.where(fits[row] & self.known, gain[row], -np.inf)))
                gain[~fits[:, own] & startled[:, own], own] += misfit_of(self.unseen[own]) + 8e4
        gain[:, ~self.known] = -1e5
        best = max(gain[rows, order].sum() for order in permutations(places, len(rows)))
        assert gain[rows, chosen].sum() == pytest.approx(best, rel=1e-12, abs=1e-9), "unused places are alike"
        before = self.risk.copy()
        for row, place in enumerate(chosen):
            if self.known[place]:
                self.risk[place] = self.risk_of(row, before[place], chosen, cost, fits)
        for row, place in enumerate(chosen):
            if self.known[place] and not (fits | startled)[row, place]:  # another animal: it begins at rest
                self.last[place], self.velocity[place] = np.nan, 0.0
            self.remember(points[row], place)

    def distance(self, points: np.ndarray, place: int) -> float:
        going = self.velocity[place] * 0.3 * (1 - np.exp(-self.unseen[place] / 0.3))
        apart = ((points - self.last[place] - going) ** 2).sum(axis=1)
        if np.isfinite(apart).any():
            return float(np.nanmean(apart))
        return float(((np.nanmean(points, axis=0) - self.centre[place] - going) ** 2).sum())

    def risk_of(self, row: int, before: float, chosen: list[int], cost: np.ndarray, fits: np.ndarray) -> float:
        place = chosen[row]
        risks = [before if fits[row, place] else 1.0]
        for other in np.flatnonzero(self.known):
            change = cost[row, other] - cost[row, place]
            if other in chosen:
                partner = chosen.index(other)
                change += cost[partner, place] - cost[partner, other]
            elif not fits[row, other]:
                continue
            if other != place:
                risks.append(2 / (1 + np.exp(np.clip(change, 0, 700))))
        return max(risks)

    def remember(self, points: np.ndarray, place: int) -> None:
        moved = points - self.last[place]
        if np.isfinite(moved).any() and self.unseen[place] > 0:
            weight = 1 - np.exp(-self.unseen[place] / 0.1)
            self.velocity[place] += weight * (np.nanmean(moved, axis=0) / self.unseen[place] - self.velocity[place])
        self.last[place], self.centre[place] = points, np.nanmean(points, axis=0)
        if np.isfinite(points[:, 0]).sum() > 1:
            extent = np.nanmax(np.abs(points - self.centre[place]), axis=0)
            self.length[place] = max(2 * np.linalg.norm(extent), 0.98 * self.length[place], 1.0)
        self.known[place], self.unseen[place] = True, 0.0


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=True)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 9999))
def test_identity_is_its_formula(seed):
    """Of animals that cross, hide, lose keypoints, are found twice or more often than there are places."""
    random = np.random.default_rng(seed)
    count, keypoints, stamp = 3, 5, 0
    body, spots = random.normal(0, 15, (keypoints, 2)), random.uniform(100, 300, (count, 2))
    plain, identity = PlainIdentity(count, keypoints), Identity(count, keypoints)
    for number in range(120):
        step = int(random.integers(1_000_000, 60_000_000)) if number % 20 else 0
        stamp += step
        spots = spots + random.normal(0, 6, spots.shape)
        places = np.concatenate([spots, random.uniform(0, 400, (1, 2))])[random.permutation(count + 1)]
        poses = np.empty((int(random.integers(0, count + 2)), keypoints, 3), np.float32)
        poses[..., :2] = places[: len(poses), None] + body + random.normal(0, 0.7, (len(poses), keypoints, 2))
        poses[..., 2] = random.uniform(0, 1, poses.shape[:2])
        poses[random.random(poses.shape[:2]) < 0.2, :2] = np.nan
        plain.check(poses, step / SECOND, *identity.assign(poses, stamp))
