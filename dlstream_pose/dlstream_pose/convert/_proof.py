"""The proof: the original and the converted network on the same frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.convert._frames import Sample
from dlstream_pose.convert._source import SourceNetwork, gist
from dlstream_pose.convert.progress import Tell, silent
from dlstream_pose.runtime.network import Network
from dlstream_pose.runtime.network_info import NetworkInfo, Proof

SEEN = 0.1
"""A keypoint with at least this confidence counts as seen."""
TOLERANCE = 0.1
"""Largest distance of a seen keypoint from the original's, in pixels."""
CONFIDENCE_TOLERANCE = 0.01
"""Largest difference of a confidence, seen or not."""


@dataclass(frozen=True)
class Report:
    """How a converted network compares with its original on the same frames.

    Attributes:
        frames: how many frames were compared.
        seen: how many keypoints had a confidence above 0.1.
        worst: largest distance between the two among the seen, in pixels; NaN where none was seen.
        worst_confidence: largest difference of a confidence.
    """

    frames: int
    seen: int
    worst: float
    worst_confidence: float

    def __str__(self) -> str:
        seen = f"{self.seen} seen keypoints differ by at most {self.worst:.6f} px"
        if not self.seen:
            seen = (
                f"no keypoint was seen with a confidence above {SEEN}, so nothing is proven: give --frames that show "
                "an animal"
            )
        return f"{self.frames} frames compared with the original: {seen}, confidences by {self.worst_confidence:.6f}"

    def proof(self, what: str) -> Proof:
        """The same for the network's metadata. `what` says what the frames were."""
        worst = round(self.worst, 6) if self.seen else None
        return Proof(
            frames=self.frames, on=what, seen=self.seen, worst=worst, worst_confidence=round(self.worst_confidence, 6)
        )


def compare(original: SourceNetwork, converted: Network, samples: Sequence[Sample], tell: Tell = silent) -> Report:
    """Compares two networks, and reports its progress.

    Raises:
        NetworkError: they differ: which keypoint, on which frame, and by how much.
    """
    seen, worst, doubt = 0, 0.0, 0.0
    mistakes: list[tuple[float, str]] = []
    for done, sample in enumerate(samples):
        tell("comparing the two", done, len(samples))
        expected, found = _both(original, converted, sample)
        if expected.shape != found.shape:
            mistakes.append(
                (
                    np.inf,
                    f"on {sample.name} the original finds {len(expected)} individuals, the converted network "
                    f"{len(found)}",
                )
            )
            continue
        distance = np.hypot(*np.moveaxis(found - expected, -1, 0)[:2])
        clear = np.maximum(expected[..., 2], found[..., 2]) > SEEN
        distance = np.where(clear, np.where(np.isnan(distance), np.inf, distance), 0)
        difference = np.abs(found - expected)[..., 2]
        seen += int(clear.sum())
        worst = max(worst, float(distance.max(initial=0)))
        doubt = max(doubt, float(difference.max(initial=0)))
        for who, which in np.argwhere((distance > TOLERANCE) | (difference > CONFIDENCE_TOLERANCE)):
            apart = float(distance[who, which])
            keypoint = keypoint_name(converted.info, int(who), int(which))
            said = (
                f"{keypoint} on {sample.name}: {_point(found[who, which])}, the original {_point(expected[who, which])}"
            )
            mistakes.append((apart, f"{said}: {apart:.3f} px apart"))
    if mistakes:
        first = max(mistakes, key=lambda mistake: mistake[0])[1]
        others = f"; {len(mistakes) - 1} more like this" if len(mistakes) > 1 else ""
        raise NetworkError(
            f"the converted network differs from its original: {first}{others}. Expected at most {TOLERANCE} px where "
            f"the confidence is above {SEEN}, and {CONFIDENCE_TOLERANCE} in confidence. Nothing was written"
        )
    return Report(len(samples), seen, worst if seen else float("nan"), doubt)


def _both(
    original: SourceNetwork, converted: Network, sample: Sample
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    try:
        expected = original.reference(sample.image)
    except Exception as error:  # whatever the other tool raises
        raise NetworkError(f"the original fails on {sample.name}: {type(error).__name__}: {gist(error)}") from error
    found = converted.run(sample.image)
    for poses, whose in ((expected, "the original"), (found, "the converted network")):
        if np.isnan(poses[..., 2]).any() or np.isnan(poses[poses[..., 2] > SEEN]).any():
            raise NetworkError(f"{whose} gives values that are not numbers on {sample.name}")
    return expected, found


def keypoint_name(info: NetworkInfo, who: int, which: int) -> str:
    name = f"keypoint '{info.keypoints[which]}'"
    return f"{name} of the individual {who + 1}" if len(info.individuals) > 1 else name


def _point(point: NDArray[np.float32]) -> str:
    return f"({point[0]:.3f}, {point[1]:.3f}) with confidence {point[2]:.3f}"
