"""Virtual keypoints: a weighted middle of others, under a name of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from dlstream_common import Settings, misfit
from dlstream_experiment.model.names import Label

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
        known = {name: point for name, point in points.items() if all(part in keypoints for part in point.middle)}
        self.keypoints = (*(f"{name} of the network" if name in known else name for name in keypoints), *known)
        self._parts = [[keypoints.index(part) for part in point.middle] for point in known.values()]
        self._weights = [np.array(list(point.middle.values())) for point in known.values()]

    def extend(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """(3, N, K) to (3, N, K + V). A point is seen as surely as the least sure of its keypoints; NaN if one is."""
        if not self._parts:
            return block
        added = np.empty((3, block.shape[1], len(self._parts)), np.float32)
        for number, (parts, weights) in enumerate(zip(self._parts, self._weights, strict=True)):
            chosen = block[:, :, parts].astype(np.float64)
            added[:2, :, number] = (chosen[:2] * weights).sum(axis=2) / weights.sum()
            added[2, :, number] = chosen[2].min(axis=1)
        return np.concatenate((block, added), axis=2)
