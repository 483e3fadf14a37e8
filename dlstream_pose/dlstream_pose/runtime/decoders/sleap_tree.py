"""Several animals by part-affinity fields, joined as SLEAP does it: along the skeleton, from its root.

The graph finds the candidates for each keypoint and how well each pair of them is connected; here the best pairs of
each edge are chosen, and each edge in turn adds its end to the animal that has its beginning: T. D. Pereira et al.,
"SLEAP: A deep learning system for multi-animal pose tracking", Nature Methods 19, 2022.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlstream_pose.runtime.assignment import best_assignment
from dlstream_pose.runtime.decoders import Decoder, Outputs
from dlstream_pose.runtime.network_info import NetworkInfo

OUTPUTS = ("candidates", "affinities")
_NEVER = -1e9
"""For pairs without an affinity: two candidates at the same place have no direction."""


def make(info: NetworkInfo) -> Decoder:
    """Decodes `candidates` (K, M, 4), x, y, confidence and place in the map, and `affinities` (E, M, M).

    Candidates with confidence 0 fill up. Settings of the network: `edges`, the E pairs of keypoints, from the
    skeleton's root on; `animals`, how many there are at most, the best connected where more are found;
    `min_affinity`, the least affinity of a connected pair.
    """
    edges = [(int(first), int(second)) for first, second in info.decoding["edges"]]
    animals = int(info.decoding["animals"])
    weakest = float(info.decoding["min_affinity"])
    count = len(info.keypoints)
    if animals < 1 or not edges or any(not 0 <= index < count for edge in edges for index in edge):
        raise ValueError("animals or edges")

    def decode(outputs: Outputs) -> NDArray[np.float32]:
        candidates = np.asarray(outputs["candidates"], np.float32)
        # In the order of their places in the map, as SLEAP numbers them: it decides who comes first.
        order = [
            sorted(np.flatnonzero(best[:, 2] > 0).tolist(), key=lambda index: best[index, 3]) for best in candidates
        ]
        found = _joined(order, outputs["affinities"], edges, weakest)
        if len(found) > animals:
            strength = np.array([affinity for _, affinity in found], np.float32)
            found = [found[index] for index in np.argsort(strength)[::-1][:animals]]
        poses = np.full((len(found), count, 3), np.nan, np.float32)
        poses[..., 2] = 0
        for pose, (members, _) in zip(poses, found, strict=True):
            for keypoint, index in members.items():
                x, y, confidence = candidates[keypoint, index, :3]
                pose[keypoint] = x, y, min(confidence, 1.0)
        return poses

    return decode


def _joined(
    order: list[list[int]], affinities: NDArray[np.float32], edges: list[tuple[int, int]], weakest: float
) -> list[tuple[dict[int, int], float]]:
    """The animals: for each, its keypoints' candidates, and the sum of its affinities."""
    found: list[tuple[dict[int, int], float]] = []
    owner: dict[tuple[int, int], int] = {}
    for (first, second), table in zip(edges, affinities, strict=True):
        rows, columns = order[first], order[second]
        if not rows or not columns:
            continue
        gain = np.nan_to_num(table[np.ix_(rows, columns)], nan=_NEVER, posinf=_NEVER, neginf=_NEVER).tolist()
        for row, column in best_assignment(gain):
            affinity = gain[row][column]
            if affinity < weakest:
                continue
            start, end = rows[row], columns[column]
            who = owner.get((first, start))
            if who is None:
                who = len(found)
                found.append(({first: start}, 0.0))
                owner[first, start] = who
            members, sum_so_far = found[who]
            members[second] = end
            owner[second, end] = who
            found[who] = members, sum_so_far + affinity
    return found
