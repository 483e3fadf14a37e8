"""Weighted middles of keypoints: an experiment's virtual keypoints, for everything that draws or measures them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlstream_common.frame import Individual


@dataclass(frozen=True)
class Middles:
    """Middles among the keypoints of one camera.

    Attributes:
        names: of the middles.
        parts: for each, the indices of its keypoints.
        weights: for each, theirs.
    """

    names: tuple[str, ...] = ()
    parts: tuple[list[int], ...] = ()
    weights: tuple[NDArray[np.float64], ...] = ()

    @classmethod
    def among(cls, points: Mapping[str, Mapping[str, float]], keypoints: Sequence[str]) -> Middles:
        """Those of which every keypoint is there.

        Args:
            points: the weight of each keypoint, by the middle's name.
            keypoints: of the camera's poses.
        """
        there = {name: parts for name, parts in points.items() if all(part in keypoints for part in parts)}
        return cls(
            tuple(there),
            tuple([list(keypoints).index(part) for part in parts] for parts in there.values()),
            tuple(np.array(list(parts.values()), np.float64) for parts in there.values()),
        )

    def of(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Places between, as surely as the least sure; NaN if one is.

        Args:
            block: (3, N, K) x, y and confidence.

        Returns:
            (3, N, V), one for each middle.
        """
        found = np.empty((3, block.shape[1], len(self.parts)), np.float32)
        for number, (parts, weights) in enumerate(zip(self.parts, self.weights, strict=True)):
            chosen = block[:, :, parts].astype(np.float64)
            found[:2, :, number] = (chosen[:2] * weights).sum(axis=2) / weights.sum()
            found[2, :, number] = chosen[2].min(axis=1)
        return found

    def add(self, individuals: Iterable[Individual]) -> list[Individual]:
        """Individuals of K + V keypoints, for a picture; velocities and the like are left out."""
        if not self.parts:
            return list(individuals)
        added = []
        for one in individuals:
            block = np.stack((one.x, one.y, one.confidence)).astype(np.float32)[:, None]
            x, y, confidence = np.concatenate((block, self.of(block)), axis=2)[:, 0]
            added.append(Individual(one.id, x, y, confidence, one.score))
        return added


def middles_of_course(text: str) -> dict[str, dict[str, float]]:
    """The weights of each virtual keypoint, from what an experiment node publishes of its course; empty if none."""
    try:
        said = json.loads(text).get("keypoints") or {}
        return {str(name): {str(part): float(weight) for part, weight in parts.items()} for name, parts in said.items()}
    except (ValueError, AttributeError, TypeError, OverflowError, RecursionError):
        return {}  # of another version: then nothing is drawn
