"""The poses of a frame as one block of arrays, prepared once for all triggers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlstream_common import FramePoses


@dataclass(frozen=True, slots=True)
class PoseArray:
    """N individuals with K keypoints each.

    Attributes:
        ids: the names of the N individuals.
        block: (3, N, K): x and y in pixels (NaN where nothing was detected), and confidence, 0 to 1.
        stamp: acquisition of the frame, nanoseconds.
    """

    ids: tuple[str, ...]
    block: NDArray[np.float32]
    stamp: int

    @property
    def x(self) -> NDArray[np.float32]:
        """(N, K), pixels."""
        return np.asarray(self.block[0])

    @property
    def y(self) -> NDArray[np.float32]:
        """(N, K), pixels."""
        return np.asarray(self.block[1])

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(N, K), 0 to 1."""
        return np.asarray(self.block[2])

    @classmethod
    def of(cls, poses: FramePoses, stamp: int | None = None) -> PoseArray:
        """The poses of one frame.

        Args:
            stamp: takes the place of the frame's own; None: the frame's.

        Raises:
            ValueError: an individual whose arrays do not have one entry for each keypoint.
        """
        animals, count = poses.individuals, len(poses.keypoints)
        arrays = [animal.x for animal in animals]
        arrays += [animal.y for animal in animals]
        arrays += [animal.confidence for animal in animals]
        if any(array.shape != (count,) for array in arrays):
            raise ValueError(cls._misshapen(poses))
        block = np.concatenate(arrays, dtype=np.float32) if arrays else np.empty(0, np.float32)
        ids = tuple(animal.id for animal in animals)
        return cls(ids, block.reshape(3, len(animals), count), poses.stamp if stamp is None else stamp)

    @staticmethod
    def _misshapen(poses: FramePoses) -> str:
        count = len(poses.keypoints)
        name, array = next(
            (animal.id, array)
            for animal in poses.individuals
            for array in (animal.x, animal.y, animal.confidence)
            if array.shape != (count,)
        )
        return (
            f"individual '{name}' has {array.size} values for {count} keypoints in frame {poses.sequence} of camera "
            f"'{poses.camera}'"
        )
