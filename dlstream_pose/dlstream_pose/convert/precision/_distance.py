"""How far the poses of two networks are from one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.convert._frames import Sample
from dlstream_pose.convert._proof import keypoint_name
from dlstream_pose.convert.progress import Tell, silent
from dlstream_pose.runtime.assignment import best_assignment
from dlstream_pose.runtime.network import Network
from dlstream_pose.runtime.network_info import NetworkInfo

SURE = 0.5
"""A keypoint counts if one of the two networks has at least this confidence in it."""
FALL = 0.05
"""What a confidence must lose to count as lost: less is rounding, about the border as elsewhere."""
_FAR = 1e6
Poses = NDArray[np.float32]


@dataclass(frozen=True)
class Distance:
    """Distances in pixels of the network's own image, and changes of confidence.

    Attributes:
        frames: how many frames were compared.
        seen: how many keypoints counted.
        median, p95, p99, worst: of the distances; infinite for an animal that only one of the two finds.
        worst_at: keypoint and frame of the worst distance.
        confidence_median, confidence_worst: of the changes of confidence of all keypoints.
        sure: keypoints that single precision is sure of.
        lost: those of them that the other one is not sure of, with a confidence that is at least `FALL` lower.
        lost_at: keypoint and frame of that one whose confidence fell most; empty: none.
    """

    frames: int
    seen: int
    median: float
    p95: float
    p99: float
    worst: float
    worst_at: str
    confidence_median: float
    confidence_worst: float
    sure: int
    lost: int
    lost_at: str


def poses_of(network: Network, samples: Sequence[Sample], what: str, tell: Tell = silent) -> list[Poses]:
    """The poses in each frame; `tell` is called with the progress."""
    found = []
    for done, sample in enumerate(samples):
        tell(what, done, len(samples))
        poses = network.run(np.ascontiguousarray(sample.image))
        found.append(poses if poses.ndim == 3 else poses[None])
    return found


def no_number(info: NetworkInfo, samples: Sequence[Sample], poses: Sequence[Poses]) -> str:
    """The first keypoint whose confidence is not a number, and its frame; empty: there is none.

    A comparison with such a confidence is false, whatever it is compared with: no limit would be exceeded.
    """
    for sample, found in zip(samples, poses, strict=True):
        for who, which in np.argwhere(~np.isfinite(found[..., 2])).tolist():
            return f"{keypoint_name(info, who, which)} on {sample.name}: {_point(found[who, which])}"
    return ""


def distance(info: NetworkInfo, samples: Sequence[Sample], exact: Sequence[Poses], other: Sequence[Poses]) -> Distance:
    """Compares poses of the same frames, in which each confidence is a number, see `no_number`.

    Raises:
        NetworkError: no keypoint was seen, so that nothing can be proved.
    """
    distances: list[float] = []
    changes: list[float] = []
    worst, where = -1.0, ""
    sure, lost, fall, lost_at = 0, 0, 0.0, ""
    for sample, first, second in zip(samples, exact, other, strict=True):
        for who, (one, two) in enumerate(_pairs(first, second)):
            changes += np.abs(one[:, 2] - two[:, 2]).tolist()
            for which in np.flatnonzero(np.maximum(one[:, 2], two[:, 2]) >= SURE):
                at = (
                    f"{keypoint_name(info, who, int(which))} on {sample.name}: {_point(two[which])}, "
                    f"in single precision {_point(one[which])}"
                )
                sure += bool(one[which, 2] >= SURE)
                if two[which, 2] < SURE and one[which, 2] - two[which, 2] >= FALL:
                    lost += 1
                    if one[which, 2] - two[which, 2] > fall:
                        fall, lost_at = float(one[which, 2] - two[which, 2]), at
                apart = float(np.hypot(*(one[which, :2] - two[which, :2])))
                apart = float("inf") if np.isnan(apart) else apart
                distances.append(apart)
                if apart > worst:
                    worst, where = apart, at
    if not distances:
        raise NetworkError(
            f"on {len(samples)} frames no keypoint was seen with a confidence of {SURE} or more, so nothing can be "
            "proved: give --frames that show an animal that the network knows"
        )
    # The nearest rank from above: with few frames p99 is the worst, and it never interpolates with infinity.
    median, p95, p99 = (float(np.percentile(distances, q, method="higher")) for q in (50, 95, 99))
    change = np.array(changes)
    return Distance(
        frames=len(samples),
        seen=len(distances),
        median=median,
        p95=p95,
        p99=p99,
        worst=worst,
        worst_at=where,
        confidence_median=float(np.median(change)),
        confidence_worst=float(change.max()),
        sure=sure,
        lost=lost,
        lost_at=lost_at,
    )


def _pairs(first: Poses, second: Poses) -> list[tuple[Poses, Poses]]:
    """The animals of both, matched by their places; one that only one of them finds has no partner."""
    if len(first) == len(second) == 1:
        return [(first[0], second[0])]
    gain = [[-_apart(one, two) for two in second] for one in first]
    matched = best_assignment(gain)
    pairs = [(first[row], second[column]) for row, column in matched]
    rows, columns = {row for row, _ in matched}, {column for _, column in matched}
    pairs += [(one, _nothing(one)) for row, one in enumerate(first) if row not in rows]
    return pairs + [(_nothing(two), two) for column, two in enumerate(second) if column not in columns]


def _apart(one: Poses, two: Poses) -> float:
    apart = np.hypot(*(one[:, :2] - two[:, :2]).T)
    return float(np.nanmean(apart)) if not np.isnan(apart).all() else _FAR


def _nothing(like: Poses) -> Poses:
    nothing = np.full_like(like, np.nan)
    nothing[:, 2] = 0
    return nothing


def _point(point: Poses) -> str:
    return f"({point[0]:.2f}, {point[1]:.2f}) with confidence {point[2]:.3f}"
