"""Several animals by part-affinity fields: candidates for each keypoint become animals.

The graph finds the candidates and how strongly each pair of them is connected; here the pairs are chosen and joined.
The rules, and the order in which ties are broken, are those of DeepLabCut's assembly of animals, so that the result is
the same: J. Lauer et al., "Multi-animal pose estimation, identification and tracking with DeepLabCut", Nature Methods
19, 2022.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlstream_pose.runtime.assignment import best_assignment
from dlstream_pose.runtime.decoders import Decoder, Outputs
from dlstream_pose.runtime.decoders._animal import Animal, Joint, Link, join
from dlstream_pose.runtime.network_info import NetworkInfo

OUTPUTS = ("candidates", "affinities")
PEAK = 0.01
"""The least confidence of a real candidate; if there are too few, the graph fills up with lower ones."""
_SURE = 0.1
_OVERLAP = 0.8
_LINKS = 2


def make(info: NetworkInfo) -> Decoder:
    """Decodes `candidates` (K, M, 4), x, y, confidence and index, best first, and `affinities` (E, M, M).

    Settings of the network: `edges`, the E pairs of keypoints that the affinities connect; `animals`, how many there
    are at most; `min_affinity`, the least affinity of a connected pair; `clip`, whether confidences are limited to 1.
    """
    edges = [(int(first), int(second)) for first, second in info.decoding["edges"]]
    animals = int(info.decoding["animals"])
    weakest = float(info.decoding["min_affinity"])
    clip = bool(info.decoding.get("clip", False))
    count = len(info.keypoints)
    if animals < 1 or any(not 0 <= index < count for edge in edges for index in edge):
        raise ValueError("animals or edges")

    def decode(outputs: Outputs) -> NDArray[np.float32]:
        joints = _joints(outputs["candidates"])
        if count == 1:
            found = [Animal([joint]) for joint in joints[0] if joint.confidence >= _SURE]
        elif animals == 1:
            found = [Animal([best[0] for best in joints if best])]
        else:
            links = _links(joints, outputs["affinities"], edges, weakest)
            found = _without_overlaps([one for one in join(links, count, animals) if len(one.links) >= _LINKS])
            if len(found) > animals:
                found = sorted(found, key=lambda one: len(one.joints), reverse=True)
        poses = np.full((len(found[:animals]), count, 3), np.nan, np.float32)
        poses[..., 2] = 0
        for pose, animal in zip(poses, found, strict=False):
            for keypoint, joint in animal.joints.items():
                pose[keypoint] = joint.x, joint.y, min(joint.confidence, 1.0) if clip else joint.confidence
        return poses[(poses[..., 2] > 0).any(axis=1)]

    return decode


def _joints(candidates: NDArray[np.float32]) -> list[list[Joint]]:
    """The candidates of each keypoint, best first."""
    return [
        [Joint(x, y, confidence, keypoint, int(index)) for x, y, confidence, index in best if confidence >= PEAK]
        for keypoint, best in enumerate(candidates.tolist())
    ]


def _links(
    joints: list[list[Joint]], affinities: NDArray[np.float32], edges: Sequence[tuple[int, int]], weakest: float
) -> list[Link]:
    """For each edge of the skeleton, the pairs of candidates that fit best together."""
    sure = [sum(joint.confidence >= _SURE for joint in best) for best in joints]
    links = []
    for (first, second), table in zip(edges, affinities.astype(np.float64), strict=True):
        gain = np.nan_to_num(table[: sure[first], : sure[second]], nan=0.0, posinf=0.0, neginf=0.0).tolist()
        links += [
            Link(joints[first][row], joints[second][column], gain[row][column])
            for row, column in best_assignment(gain)
            if gain[row][column] >= weakest
        ]
    return links


def _without_overlaps(animals: list[Animal]) -> list[Animal]:
    """Best first; an animal that lies within a better one is left out."""
    left, kept = list(animals), []
    while left:
        best = max(left, key=lambda one: one.affinity)
        left.remove(best)
        kept.append(best)
        left = [one for one in left if best.overlap(one) < _OVERLAP]
    return kept
