"""The individuals of a frame as one block of arrays, prepared once for all triggers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlstream_common import FramePoses


@dataclass(frozen=True, slots=True)
class Scene:
    """N individuals with K keypoints each.

    Attributes:
        ids: N names.
        x, y: (N, K) pixels, NaN where nothing was detected.
        confidence: (N, K), 0..1.
        stamp: acquisition of the frame, nanoseconds.
    """

    ids: tuple[str, ...]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    confidence: NDArray[np.float32]
    stamp: int

    @classmethod
    def of(cls, poses: FramePoses) -> Scene:
        """The poses of one frame.

        Raises:
            ValueError: an individual whose arrays have not one entry for each keypoint.
        """
        count = len(poses.keypoints)
        for individual in poses.individuals:
            for array in (individual.x, individual.y, individual.confidence):
                if array.shape != (count,):
                    raise ValueError(
                        f"individual '{individual.id}' has {array.size} values for {count} keypoints in frame "
                        f"{poses.sequence} of camera '{poses.camera}'"
                    )
        empty = np.empty((0, count), np.float32)
        animals = poses.individuals
        return cls(
            ids=tuple(individual.id for individual in animals),
            x=np.stack([individual.x for individual in animals]) if animals else empty,
            y=np.stack([individual.y for individual in animals]) if animals else empty,
            confidence=np.stack([individual.confidence for individual in animals]) if animals else empty,
            stamp=poses.stamp,
        )
