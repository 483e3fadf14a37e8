"""Keypoints that are added to a pose array once more, with something else in place of x and y."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_experiment.model.depth import at_depth
from dlstream_experiment.model.plane import CameraPlane, in_plane
from dlstream_experiment.model.pose_array import PoseArray


class AddedColumns(ABC):
    """Adds some of the keypoints of a pose array once more, with something else in place of x and y."""

    def __init__(self, keypoints: Sequence[str]) -> None:
        self._wanted = list(keypoints)
        self._columns: list[int] = []

    def bind(self, keypoints: Sequence[str]) -> list[str]:
        """The names of those that are added; raises KeyError where one of these keypoints is missing."""
        for name in self._wanted:
            if name not in keypoints:
                raise KeyError(name)
        self._columns = [keypoints.index(name) for name in self._wanted]
        return [self._name(name) for name in self._wanted]

    def of(self, poses: PoseArray) -> NDArray[np.float32]:
        """(3, N, number of added keypoints)."""
        added = poses.block[:, :, self._columns]
        added[:2] = self._places(poses, added)
        return added

    @abstractmethod
    def _name(self, keypoint: str) -> str: ...

    @abstractmethod
    def _places(self, poses: PoseArray, chosen: NDArray[np.float32]) -> NDArray[Any]:
        """What takes the place of x and y of the chosen columns, (2, N, number of added keypoints)."""


class PlaneColumns(AddedColumns):
    """The keypoints' places in the plane, cm."""

    def __init__(self, plane: CameraPlane, keypoints: Sequence[str]) -> None:
        super().__init__(keypoints)
        self._plane = plane

    def _name(self, keypoint: str) -> str:
        return in_plane(keypoint)

    def _places(self, poses: PoseArray, chosen: NDArray[np.float32]) -> NDArray[Any]:
        return self._plane.centimetres(chosen[0].ravel(), chosen[1].ravel()).reshape(chosen[:2].shape)


class DepthColumns(AddedColumns):
    """The keypoints' depths, mm, as points (depth, 0)."""

    def _name(self, keypoint: str) -> str:
        return at_depth(keypoint)

    def _places(self, poses: PoseArray, chosen: NDArray[np.float32]) -> NDArray[Any]:
        places = np.zeros_like(chosen[:2])
        places[0] = np.nan if poses.depth is None else poses.depth[:, self._columns]
        return places
