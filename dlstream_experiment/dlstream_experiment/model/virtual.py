"""Virtual keypoints: a weighted middle of others, under a name of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, ValidationError

from dlstream_common import Individual, Settings, misfit
from dlstream_common.middles import Middles
from dlstream_experiment.model.names import Label
from dlstream_experiment.model.pose_array import PoseArray

Weight = Annotated[float, Field(gt=0, le=1e6)]


def _equal(value: Any) -> Any:
    """A list of keypoints has equal weights."""
    if not isinstance(value, list):
        return value
    twice = next((name for name in value if value.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"each keypoint once (give weights instead: {{{twice}: {value.count(twice)}}})")
    return {name: 1.0 for name in value if isinstance(name, str)} if all(isinstance(n, str) for n in value) else value


class VirtualKeypoint(Settings):
    """A point between keypoints of the network; triggers name it like any other."""

    middle: Annotated[
        dict[Label, Weight],
        BeforeValidator(_equal, json_schema_input_type=list[Label] | dict[Label, Weight]),
        Field(min_length=2),
    ]
    """Its keypoints: a list such as [leftear, rightear], or each with its weight, such as {neck: 2, tailbase: 1}."""

    def in_words(self) -> str:
        """Such as "the middle of leftear and rightear"."""
        names = list(self.middle)
        if len(set(self.middle.values())) == 1:
            return f"the middle of {', '.join(names[:-1])} and {names[-1]}"
        parts = [f"{name} ({weight:g})" for name, weight in self.middle.items()]
        return f"the weighted middle of {', '.join(parts[:-1])} and {parts[-1]}"


def check_virtual(points: Mapping[str, VirtualKeypoint]) -> dict[str, VirtualKeypoint]:
    """The virtual keypoints of a file.

    Raises:
        PydanticCustomError: one is made of another.
    """
    for name, point in points.items():
        if any(part in points for part in point.middle):
            raise misfit(name, "keypoints of the network, not virtual ones")
    return dict(points)


class VirtualColumns:
    """Adds the virtual keypoints to a camera's pose arrays.

    Args:
        keypoints: of the camera's poses. A virtual keypoint of which one is missing is left out; one with the name of a
            keypoint takes its place.
    """

    def __init__(self, points: Mapping[str, VirtualKeypoint], keypoints: Sequence[str]) -> None:
        self._middles = Middles.among({name: point.middle for name, point in points.items()}, keypoints)
        known = self._middles.names
        self.keypoints = (*(f"{name} of the network" if name in known else name for name in keypoints), *known)

    def extend(self, poses: PoseArray) -> PoseArray:
        """Adds V keypoints to K: a place and a depth between, as surely as the least sure; NaN if one is."""
        if not self._middles.names:
            return poses
        added = self._middles.of(poses.block)
        depth = poses.depth
        if depth is not None:
            between = [
                (depth[:, parts] * weights).sum(axis=1) / weights.sum()
                for parts, weights in zip(self._middles.parts, self._middles.weights, strict=True)
            ]
            depth = np.concatenate((depth, np.stack(between, axis=1, dtype=np.float32)), axis=1)
        return replace(poses, block=np.concatenate((poses.block, added), axis=2), depth=depth)


class DrawnKeypoints:
    """Adds the virtual keypoints to individuals, for a picture or a table.

    Args:
        keypoints: of the individuals.
    """

    def __init__(self, points: Mapping[str, VirtualKeypoint], keypoints: Sequence[str]) -> None:
        self._columns = VirtualColumns(points, keypoints)
        self.keypoints = self._columns.keypoints
        """The names of all of them."""

    @classmethod
    def of_file(cls, content: Mapping[str, Any], keypoints: Sequence[str]) -> DrawnKeypoints:
        """Those of an experiment file's content; a session's copy may be unreadable, then none are drawn."""
        section = content.get("keypoints")
        return cls(dict(_readable(section)) if isinstance(section, Mapping) else {}, keypoints)

    def add(self, individuals: Iterable[Individual]) -> list[Individual]:
        """With K + V keypoints; velocities and the like are left out."""
        found = []
        for one in individuals:
            block = np.stack((one.x, one.y, one.confidence)).astype(np.float32)[:, None]
            x, y, confidence = self._columns.extend(PoseArray((one.id,), block, 0)).block[:, 0]
            found.append(Individual(one.id, x, y, confidence, one.score))
        return found

    def over_frames(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """The poses of one animal in each frame, (frames, K, 3), with K + V keypoints: x, y and confidence."""
        block = values.astype(np.float32).transpose(2, 0, 1)
        return self._columns.extend(PoseArray((), block, 0)).block.transpose(1, 2, 0)


def _readable(points: Mapping[Any, Any]) -> Iterable[tuple[str, VirtualKeypoint]]:
    for name, point in points.items():
        try:
            yield str(name), VirtualKeypoint.model_validate(point)
        except ValidationError:
            continue
