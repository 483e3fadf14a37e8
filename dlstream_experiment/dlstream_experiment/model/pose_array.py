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
        depth: (N, K), mm from the camera, NaN where it was not measured; None: no depth camera.
    """

    ids: tuple[str, ...]
    block: NDArray[np.float32]
    stamp: int
    depth: NDArray[np.float32] | None = None

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
        measured = [animal.depth for animal in animals if animal.depth is not None]
        if any(array.shape != (count,) for array in (*arrays, *measured)):
            raise ValueError(cls._misshapen(poses))
        block = np.concatenate(arrays, dtype=np.float32) if arrays else np.empty(0, np.float32)
        ids = tuple(animal.id for animal in animals)
        depth = _depths(poses) if measured else None
        return cls(ids, block.reshape(3, len(animals), count), poses.stamp if stamp is None else stamp, depth)

    @staticmethod
    def _misshapen(poses: FramePoses) -> str:
        count = len(poses.keypoints)
        name, array = next(
            (animal.id, array)
            for animal in poses.individuals
            for array in (animal.x, animal.y, animal.confidence, animal.depth)
            if array is not None and array.shape != (count,)
        )
        return (
            f"individual '{name}' has {array.size} values for {count} keypoints in frame {poses.sequence} of camera "
            f"'{poses.camera}'"
        )


def _depths(poses: FramePoses) -> NDArray[np.float32]:
    nothing = np.full(len(poses.keypoints), np.nan, np.float32)
    return np.stack([nothing if one.depth is None else one.depth for one in poses.individuals])
